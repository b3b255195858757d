"""The only code that remembers: Mem0, its store, its history, and the queue in front of it. Own process."""
