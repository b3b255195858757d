"""The tables that Procrastinate finds are the ones it expects."""

from importlib import resources

from pilothouse.db import MIGRATIONS

BEGINNING = "-- Procrastinate's schema.sql as it stands:\n"
END = "-- End of Procrastinate's schema.sql."


def test_the_migration_holds_the_schema_of_the_installed_procrastinate() -> None:
    installed = resources.files("procrastinate.sql").joinpath("schema.sql").read_text()

    ours = (MIGRATIONS / "0005_jobs.sql").read_text().partition(BEGINNING)[2].partition(END)[0]

    assert ours == installed
