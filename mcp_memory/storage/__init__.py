"""Keeping memories: one protocol, and SQLite behind it."""
