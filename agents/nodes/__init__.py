"""The controller's nodes: one verb a file. A node takes state and deps and returns only what it changes."""
