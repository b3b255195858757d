"""What the agent can do: one integration a file, plain async functions behind `registry.Tool`."""
