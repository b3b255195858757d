"""What the agent decides: graphs, state, nodes, prompts. Knows LangGraph, not HTTP."""
