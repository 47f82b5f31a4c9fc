"""Turning text into vectors: one protocol, one background worker, three encoders."""
