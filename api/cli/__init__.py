"""The command line: composes the stack, asks the agent, looks at things. Talks to a running stack over HTTP only."""
