"""Our memory beside stock Mem0: how fast it is at many memories, and whether it finds what a question needs."""
