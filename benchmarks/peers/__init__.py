"""Other servers for LangGraph graphs, from PyPI, each in an environment of its own. Never imported, only started."""
