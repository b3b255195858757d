"""Fixtures by concern, one file each."""

pytest_plugins = [
    "tests.fixtures.postgres",
]
