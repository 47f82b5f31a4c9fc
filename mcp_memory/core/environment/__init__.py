"""The context environment: an agent's own Python beside its memory.

A call is stateless here: it takes the session's stored state into a sandbox, works there, and stores what became of
it. What hits a limit, fails or is cancelled leaves the state as it was.
"""
