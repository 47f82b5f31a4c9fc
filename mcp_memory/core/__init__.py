"""What memory does. Knows neither MCP nor HTTP nor SQL."""
