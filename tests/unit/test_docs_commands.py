"""Commands are what the documents say, and their help shows how they are used."""

from pathlib import Path

import pytest
import typer.main
from typer.testing import CliRunner

from api.cli.main import app
from tests.fixtures.docs import DOCUMENTS, Block, Completed, Shell, blocks, commands, name_of

COMMANDS = sorted(typer.main.get_group(app).commands)


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_command_named_exists(document: Path) -> None:
    assert commands(document) <= set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_an_example(command: str) -> None:
    shown = CliRunner().invoke(app, [command, "--help"])

    assert shown.exit_code == 0
    assert "Example" in shown.output
    assert f"bin/pilothouse {command}" in shown.output


@pytest.mark.parametrize("block", blocks("sh run"), ids=str)
def test_what_is_marked_to_run_runs(block: Block, shell: Shell) -> None:
    done: Completed = shell(block)

    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_some_blocks_are_marked_to_run() -> None:
    assert blocks("sh run")
    assert blocks("sh stack")
