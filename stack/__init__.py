"""The embedded stack: its PostgreSQL, its secrets, its processes, and the supervisor that keeps them running."""
