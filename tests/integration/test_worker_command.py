"""`bin/pilothouse worker` says what it lacks. What it does when it lacks nothing is in tests/e2e."""

from pathlib import Path

from tests.fixtures.command_line import CommandLine


def test_without_a_stack_and_without_settings_it_names_each_one_it_needs(pilothouse: CommandLine) -> None:
    done = pilothouse("worker", DATABASE_URL="postgresql://somewhere/pilothouse")

    assert done.returncode == 1
    assert "there is no stack in" in done.stderr
    assert "PILOTHOUSE_PROXY_KEY: Field required" in done.stderr
    assert "DATABASE_URL" not in done.stderr
    assert "worker --help" in done.stderr


def test_beside_a_stack_that_is_down_it_says_how_to_start_it(pilothouse: CommandLine, open_home: Path) -> None:
    (open_home / "secrets").mkdir()
    (open_home / "secrets" / "controller.env").touch()

    done = pilothouse("worker")

    assert done.returncode == 1
    assert "is not running" in done.stderr
    assert "bin/pilothouse up" in done.stderr
