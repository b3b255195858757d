"""The embedded PostgreSQL: reachable by each role, durable through a kill, clear when it cannot start."""

import pytest

from pilothouse.db import connect
from stack.scratch import Scratch
from tests.fixtures.postgres import DatabaseUrls


@pytest.mark.parametrize("role", ["admin", "controller", "proxy", "broker", "memory", "freqtrade", "reader"])
def test_every_role_can_connect(database_urls: DatabaseUrls, role: str) -> None:
    with connect(getattr(database_urls, role)) as connection:
        row = connection.execute("SELECT current_user AS name").fetchone()

    assert row == {"name": "pilothouse" if role == "admin" else f"pilothouse_{role}"}


def test_a_wrong_password_is_refused(postgres: Scratch) -> None:
    url = postgres.cluster.url("not-the-password")

    with pytest.raises(Exception, match="password authentication failed"):
        connect(url)
