"""Language models: the protocol, the budget, and any OpenAI-compatible endpoint behind it."""
