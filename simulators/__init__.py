"""Offline twins of the services we do not run ourselves. They speak HTTP and share no code with the rest."""
