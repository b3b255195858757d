"""A throw-away PostgreSQL: for tests and for writing `migrations/schema.sql`. Gone when the block ends."""

import secrets
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pilothouse.db import migrate
from stack.ports import find_free
from stack.postgres import DATABASE, Cluster, initialise, open_cluster, start, stop
from stack.roles import NAMES, ensure_database, ensure_roles


@dataclass(frozen=True)
class Scratch:
    """A running server with roles and a migrated database."""

    cluster: Cluster
    admin_password: str
    passwords: dict[str, str]

    def admin_url(self, database: str = DATABASE) -> str:
        """Where the owner of everything connects."""
        return self.cluster.url(self.admin_password, database=database)


@contextmanager
def scratch_home() -> Generator[Path]:
    """A new folder any uid may enter, removed afterwards."""
    home = Path(tempfile.mkdtemp(prefix="pilothouse-"))
    home.chmod(0o711)
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def scratch_server() -> Generator[Scratch]:
    """A migrated server on a free port, stopped by its pid whatever happens."""
    with scratch_home() as home:
        cluster = open_cluster(home, port=find_free())
        scratch = Scratch(cluster, secrets.token_hex(16), {name: secrets.token_hex(16) for name in NAMES})
        initialise(cluster, password=scratch.admin_password)
        process = start(cluster, log=home / "postgres.log")
        try:
            ensure_database(scratch.admin_url("postgres"), name=DATABASE)
            ensure_roles(scratch.admin_url(), passwords=scratch.passwords)
            migrate(scratch.admin_url())
            yield scratch
        finally:
            stop(process)
