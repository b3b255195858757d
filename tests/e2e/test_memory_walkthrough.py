"""What docs/setup/05_Memory.md tells a person to type, typed on a real stack in that order."""

import json
import shlex
from pathlib import Path

import pytest

from pilothouse.settings import CHECKOUT
from tests.fixtures.docs import FENCE
from tests.fixtures.terminal import Terminal

pytestmark = [pytest.mark.stack, pytest.mark.freqtrade, pytest.mark.timeout(280)]

PAGE = CHECKOUT / "docs" / "setup" / "05_Memory.md"
SHOWN_ID, SHOWN_FILE = "3f2a9c10", "memories.sealed"


def typed_lines() -> list[str]:
    """The lines that a person types, in order."""
    blocks = [match["text"] for match in FENCE.finditer(PAGE.read_text()) if match["info"] == "sh memory"]
    return [line for block in blocks for line in block.splitlines()]


def an_id(terminal: Terminal, *about: str) -> str:
    """The beginning of the id of the newest memory that holds one of these words."""
    listed = json.loads(terminal.type("memory", "list", "--json").stdout)
    return next((each["id"][:8] for each in listed if any(word in each["text"] for word in about)), SHOWN_ID)


def test_everything_the_page_says_is_typed_and_works(terminal: Terminal, tmp_path: Path) -> None:
    terminal.environment["PILOTHOUSE_EXPORT_PASSPHRASE"] = "correct horse battery"
    assert terminal.type("up", "--detach").returncode == 0

    said: dict[str, str] = {}
    for line in typed_lines():
        words = line.replace(SHOWN_FILE, str(tmp_path / SHOWN_FILE))
        if SHOWN_ID in words:
            words = words.replace(SHOWN_ID, an_id(terminal, "open trades", "I like tea"))
        done = terminal.type(*shlex.split(words)[1:])
        assert done.returncode == 0, (line, done.stderr)
        assert "Traceback" not in done.stderr
        said[line] = done.stdout
    left = json.loads(terminal.type("memory", "list", "--json").stdout)

    assert said
    assert "I am the rehearsal model" not in "".join(said.values())
    assert [each["text"] for each in left] == ["Trend is paused over Christmas"]
