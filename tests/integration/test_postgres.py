"""The embedded PostgreSQL: reachable by each role, durable through a kill, clear when it cannot start."""

import os
import shutil
import signal
import socket
import threading
from pathlib import Path

import psycopg
import pytest

from pilothouse.db import connect, migrate
from pilothouse.errors import SettingsError
from stack.ports import find_free
from stack.postgres import LIBRARIES, PROGRAMS, UID, initialise, open_cluster, start, stop, wheel_binaries
from stack.roles import NAMES, ensure_roles
from stack.scratch import Scratch
from tests.fixtures.cluster import OwnServer
from tests.fixtures.postgres import DatabaseUrls

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has uids to give away")


@pytest.mark.parametrize("role", ["admin", "controller", "proxy", "broker", "memory", "freqtrade", "reader"])
def test_every_role_can_connect(database_urls: DatabaseUrls, role: str) -> None:
    with connect(getattr(database_urls, role)) as connection:
        row = connection.execute("SELECT current_user AS name").fetchone()

    assert row == {"name": "pilothouse" if role == "admin" else f"pilothouse_{role}"}


def test_a_wrong_password_is_refused(postgres: Scratch) -> None:
    url = postgres.cluster.url("not-the-password")

    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        connect(url)


def test_the_reader_cannot_write(database_urls: DatabaseUrls) -> None:
    with connect(database_urls.reader) as connection, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        connection.execute("CREATE TABLE reporting.mine (id integer)")


def test_a_role_cannot_read_the_schema_of_another(database_urls: DatabaseUrls) -> None:
    with connect(database_urls.memory) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("SELECT * FROM controller.api_keys")


def test_kill_9_loses_no_acknowledged_row(own_server: OwnServer) -> None:
    process = own_server.start_with_database()
    acknowledged: list[int] = []
    with connect(own_server.url()) as connection:
        connection.execute("CREATE TABLE rows (id integer PRIMARY KEY)")
        with pytest.raises(psycopg.OperationalError):  # noqa: PT012 -- which insert meets the kill is not known
            for number in range(1_000_000):
                connection.execute("INSERT INTO rows VALUES (%s)", (number,))
                acknowledged.append(number)
                if number == 500:
                    os.kill(process.pid, signal.SIGKILL)

    threading.Timer(1, process.wait).start()  # until then the dead one is a zombie and its pid file in the way
    own_server.start()

    with connect(own_server.url()) as connection:
        kept = {row["id"] for row in connection.execute("SELECT id FROM rows").fetchall()}
    assert len(acknowledged) > 500
    assert kept.issuperset(acknowledged)


def test_it_stops_cleanly_and_starts_with_its_data(own_server: OwnServer) -> None:
    process = own_server.start_with_database()

    stop(process)

    assert process.returncode == 0
    assert "database system is shut down" in own_server.log.read_text()
    assert not (own_server.cluster.data / "postmaster.pid").exists()
    own_server.start()
    connect(own_server.url()).close()


def test_initialising_twice_keeps_the_data(own_server: OwnServer) -> None:
    own_server.start_with_database()

    initialise(own_server.cluster, password="another")

    connect(own_server.url()).close()


def test_a_half_made_data_directory_is_made_again(open_home: Path) -> None:
    cluster = open_cluster(open_home, port=find_free())
    (cluster.folder / "data.unfinished" / "base").mkdir(parents=True)

    initialise(cluster, password="secret")

    assert (cluster.data / "PG_VERSION").exists()
    assert not (cluster.folder / "data.unfinished").exists()


def test_a_data_directory_of_another_version_is_refused(open_home: Path) -> None:
    cluster = open_cluster(open_home, port=find_free())
    cluster.data.mkdir()
    (cluster.data / "PG_VERSION").write_text("16\n")

    with pytest.raises(SettingsError, match="was made by PostgreSQL 16"):
        initialise(cluster, password="secret")


def test_a_taken_port_is_a_clear_error(own_server: OwnServer) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", own_server.cluster.port))
        other.listen()

        with pytest.raises(
            SettingsError, match=f"port {own_server.cluster.port} is taken by pid {os.getpid()}"
        ) as raised:
            start(own_server.cluster, log=own_server.log)

    assert "PILOTHOUSE_PORT_POSTGRES" in raised.value.hint


@as_root
def test_as_root_it_runs_under_its_own_uid_and_no_folder_is_opened(open_home: Path) -> None:
    before = [parent.stat().st_mode for parent in (open_home, *open_home.parents)]
    cluster = open_cluster(open_home, port=find_free())
    initialise(cluster, password="secret")
    process = start(cluster, log=open_home / "log")

    stop(process)

    assert [parent.stat().st_mode for parent in (open_home, *open_home.parents)] == before
    assert {path.stat().st_uid for path in cluster.folder.rglob("*")} == {UID}
    assert cluster.folder.stat().st_mode & 0o777 == 0o700


@as_root
def test_a_home_the_uid_cannot_enter_is_a_clear_error(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    (closed / "home").mkdir()

    with pytest.raises(SettingsError, match=f"cannot enter {closed}") as raised:
        open_cluster(closed / "home", port=find_free())

    assert "PILOTHOUSE_HOME" in raised.value.hint
    assert closed.stat().st_mode & 0o777 == 0o700


@as_root
def test_programs_the_uid_cannot_reach_are_copied_into_the_home(open_home: Path, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    packages = wheel_binaries().parents[2]
    for part in (PROGRAMS, LIBRARIES):
        shutil.copytree(packages / part, closed / part, symlinks=True)

    cluster = open_cluster(open_home, port=find_free(), programs=closed / PROGRAMS / "bin")

    assert cluster.binaries.is_relative_to(open_home)
    initialise(cluster, password="secret")
    stop(start(cluster, log=open_home / "log"))


def test_an_external_user_who_may_make_roles_is_enough(own_server: OwnServer) -> None:
    own_server.start()
    with connect(own_server.url("postgres")) as connection:
        connection.execute("CREATE ROLE landlord LOGIN CREATEROLE PASSWORD 'rent'")
        connection.execute("CREATE DATABASE elsewhere OWNER landlord")
    url = own_server.cluster.url("rent", user="landlord", database="elsewhere")

    for _ in range(2):
        ensure_roles(url, passwords=dict.fromkeys(NAMES, "secret"))
    migrate(url)

    connect(own_server.cluster.url("secret", user="pilothouse_proxy", database="elsewhere")).close()


def test_an_external_user_who_may_not_is_told(own_server: OwnServer) -> None:
    own_server.start()
    with connect(own_server.url("postgres")) as connection:
        connection.execute("CREATE ROLE tenant LOGIN PASSWORD 'rent'")
        connection.execute("CREATE DATABASE elsewhere OWNER tenant")

    with pytest.raises(SettingsError, match="may not make roles"):
        ensure_roles(
            own_server.cluster.url("rent", user="tenant", database="elsewhere"),
            passwords=dict.fromkeys(NAMES, "secret"),
        )
