"""Commands are what the documents say, and their help shows how they are used."""

from pathlib import Path

import pytest
import typer.main
from typer.testing import CliRunner

from api.cli.main import app
from tests.fixtures.docs import DOCUMENTS, Block, Completed, Shell, blocks, commands, name_of

GROUP = typer.main.get_group(app)
COMMANDS = sorted(GROUP.commands)
SUBCOMMANDS = [f"{name} {each}" for name in COMMANDS for each in getattr(GROUP.commands[name], "commands", ())]


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_command_named_exists(document: Path) -> None:
    assert commands(document) <= set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS + SUBCOMMANDS)
def test_help_shows_an_example(command: str) -> None:
    shown = CliRunner().invoke(app, [*command.split(), "--help"])

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
