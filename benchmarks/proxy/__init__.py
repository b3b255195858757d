"""Our proxy beside LiteLLM's and a bare pass-through, in front of a provider that answers at once."""
