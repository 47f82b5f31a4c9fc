"""What a user of MemoryLayer's Python client does, step by step.

The package `memorylayer-client` needs Python 3.12 and pins what it depends on, so it lives in an environment of its own
(`installing`) and everything here but that module and `telling` runs there, as a process (`__main__`).
"""
