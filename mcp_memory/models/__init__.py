"""The vocabulary: closed types for every request and every result.

A request model refuses what it does not know and says how to mend it (`validation.explain`); a result model is
what every door renders. Nothing here does I/O.
"""
