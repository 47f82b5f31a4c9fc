"""Where code of others runs: the protocol, and Monty's worker processes behind it."""
