"""What stands before everything that is served over HTTP: REST, MCP, SSE and the pages.

    secured = Security(app, memory, Policy.of(settings))

Importing it costs nothing; its modules cost Starlette.
"""
