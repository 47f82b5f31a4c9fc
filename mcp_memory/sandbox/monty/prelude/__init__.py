"""What runs inside the sandbox. Sent there as text; nothing here is imported by the server."""
