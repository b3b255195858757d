"""Migrations only go forward, and together they make exactly the schema file."""

import shutil
from pathlib import Path

import pytest

from pilothouse.db import MIGRATIONS, migrate
from pilothouse.errors import SettingsError
from stack.schema import SCHEMA, dump_schema
from tests.fixtures.postgres import DatabaseUrls


def test_all_migrations_together_make_the_schema_file(database_urls: DatabaseUrls) -> None:
    made = dump_schema(database_urls.admin)

    assert made == SCHEMA.read_text(), "bin/pilothouse migrate --dump-schema rewrites the file"


def test_migrating_again_changes_nothing(database_urls: DatabaseUrls) -> None:
    before = dump_schema(database_urls.admin)

    applied = migrate(database_urls.admin)

    assert applied == []
    assert dump_schema(database_urls.admin) == before


def test_a_new_migration_is_applied_once(database_urls: DatabaseUrls, tmp_path: Path) -> None:
    folder = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, folder)
    (folder / "9999_more.sql").write_text("CREATE TABLE reporting.more (id integer);")

    first, second = (migrate(database_urls.admin, folder=folder) for _ in range(2))

    assert (first, second) == (["9999_more.sql"], [])


def test_a_changed_migration_is_refused(database_urls: DatabaseUrls, tmp_path: Path) -> None:
    folder = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, folder)
    changed = folder / "0001_schemas.sql"
    changed.write_text(changed.read_text() + "-- and one more word\n")

    with pytest.raises(SettingsError, match=r"0001_schemas\.sql was changed after it was applied"):
        migrate(database_urls.admin, folder=folder)


def test_a_failing_migration_leaves_nothing_behind(database_urls: DatabaseUrls, tmp_path: Path) -> None:
    folder = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, folder)
    before = dump_schema(database_urls.admin)
    (folder / "9999_broken.sql").write_text("CREATE TABLE reporting.more (id integer); SELECT 1 / 0;")

    with pytest.raises(Exception, match="division by zero"):
        migrate(database_urls.admin, folder=folder)

    assert dump_schema(database_urls.admin) == before
