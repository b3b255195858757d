"""What a new user types first, on the real stack: from nothing running to answers with real figures."""

import json
import re

import pytest

from tests.fixtures.terminal import Terminal

pytestmark = [pytest.mark.stack, pytest.mark.freqtrade]

FIRST = "How is my bot doing, and remember that I never want more than three open trades"


def test_the_first_question_starts_everything_and_is_answered_with_the_bots_figures(terminal: Terminal) -> None:
    asked = terminal.type("ask", FIRST)

    assert asked.returncode == 0, asked.stderr
    assert re.search(r"\d+ open trade|no open trades", asked.stdout)
    assert "USDT" in asked.stdout
    assert "three open trades" in asked.stdout
    assert "freqtrade_get_status" in asked.stderr
    assert "rehearsal model: set OPENROUTER_API_KEY for a real one" in asked.stderr


def test_what_was_told_is_recalled_in_a_new_thread(terminal: Terminal) -> None:
    asked = terminal.type("ask", "What did I tell you about open trades?")

    assert "I never want more than three open trades" in asked.stdout


def test_a_question_from_standard_input_goes_on_in_a_thread(terminal: Terminal) -> None:
    thread = re.search(r"thread (\S+)", terminal.type("ask", "Hello").stderr)
    assert thread is not None

    asked = terminal.type("ask", "--thread", thread[1], "-", typed="What is my balance?")

    assert asked.returncode == 0
    assert "USDT" in asked.stdout
    assert thread[1] in asked.stderr


def test_chat_converses_and_goes_on_after_a_bad_line(terminal: Terminal) -> None:
    typed = f"What is my balance?\n{'x' * 300_000}\nHow many open trades?\n/quit\n"

    talked = terminal.type("chat", typed=typed)

    assert talked.returncode == 0
    assert talked.stdout.count("USDT") >= 2
    assert "send a shorter message" in talked.stderr


@pytest.mark.parametrize(
    ("message", "expected"), [("", "empty"), ("   ", "empty"), ("\udcff\udcfe", "UTF-8"), ("x" * 40_000, "32000")]
)
def test_an_unusable_question_is_one_clear_line(terminal: Terminal, message: str, expected: str) -> None:
    asked = terminal.type("ask", message)

    assert asked.returncode == 1
    assert expected in asked.stderr
    assert "Traceback" not in asked.stderr
    assert not asked.stdout


def test_an_unknown_thread_is_said_with_what_to_do(terminal: Terminal) -> None:
    asked = terminal.type("ask", "--thread", "00000000-0000-0000-0000-000000000000", "Hello")

    assert asked.returncode == 1
    assert "bin/pilothouse threads list" in asked.stderr


def test_status_shows_every_process_ready(terminal: Terminal) -> None:
    shown = terminal.type("status").stdout

    for name in ("postgres", "openrouter", "exchange", "freqtrade", "proxy", "broker", "memory", "controller"):
        assert re.search(rf"{name}\s+ready", shown), shown


def test_no_secret_is_in_any_log(terminal: Terminal) -> None:
    secrets = json.loads((terminal.home / "secrets" / "generated.json").read_text())
    logs = [path for path in terminal.home.rglob("*.log*") if path.is_file()]

    assert logs
    for path in logs:
        text = path.read_text(errors="replace")
        assert [name for name, secret in secrets.items() if secret in text] == [], path


def test_down_leaves_no_process_behind(terminal: Terminal) -> None:
    assert terminal.processes()

    stopped = terminal.type("down")

    assert stopped.returncode == 0
    assert terminal.processes() == []
