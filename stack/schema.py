"""`migrations/schema.sql`: what all migrations together make, so that a review sees the whole."""

import re
import subprocess

from pilothouse.db import MIGRATIONS
from pilothouse.errors import UnavailableError
from stack.postgres import wheel_binaries

SCHEMA = MIGRATIONS / "schema.sql"
HEADER = "-- What all migrations together make. Written by `bin/pilothouse migrate --dump-schema`; a test compares.\n\n"
NOISE = re.compile(r"^(--.*|SET .*|SELECT pg_catalog\.set_config.*|\\(un)?restrict .*)\n", re.MULTILINE)


def dump_schema(admin_url: str) -> str:
    """The schema of a migrated database, without what differs from machine to machine."""
    command = [str(wheel_binaries() / "pg_dump"), "--schema-only", "--dbname", admin_url]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise UnavailableError(f"pg_dump failed: {done.stderr.strip()}")
    return HEADER + re.sub(r"\n{3,}", "\n\n", NOISE.sub("", done.stdout)).strip() + "\n"
