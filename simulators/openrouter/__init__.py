"""A twin of OpenRouter: same routes, shapes and errors; no model behind it, no network, no cost."""
