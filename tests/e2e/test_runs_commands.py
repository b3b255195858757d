"""Runs and threads as a person at a terminal looks at them, on the real stack."""

import json
import os
import re
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.fixtures.terminal import Terminal

pytestmark = [pytest.mark.stack, pytest.mark.freqtrade]

QUESTION = "What is my balance?"
TIMEOUT_S = 30


def test_looking_starts_nothing_and_says_what_to_do(terminal: Terminal) -> None:
    looked = terminal.type("runs", "list")

    assert looked.returncode == 1
    assert "bin/pilothouse up" in looked.stderr
    assert terminal.processes() == []


def test_a_run_is_listed_and_shown_by_the_beginning_of_its_id(terminal: Terminal) -> None:
    asked = terminal.type("ask", QUESTION)
    run = newest_run(terminal)

    listed = terminal.type("runs", "list").stdout
    shown = terminal.type("runs", "show", run["run_id"][:8]).stdout

    assert asked.returncode == 0
    assert (run["message"], run["status"]) == (QUESTION, "finished")
    assert re.search(rf"{run['run_id'][:8]}.*finished.*balance", listed)
    assert "freqtrade_get_balance" in shown
    assert asked.stdout.strip().splitlines()[-1] in shown


def test_events_are_told_to_the_end_and_from_any_number(terminal: Terminal) -> None:
    run_id = newest_run(terminal)["run_id"]

    told = [json.loads(line) for line in terminal.type("runs", "events", run_id, "--json").stdout.splitlines()]
    rest = terminal.type("runs", "events", run_id, "--after", "2").stdout

    assert [event["id"] for event in told] == list(range(1, len(told) + 1))
    assert (told[0]["event"], told[-1]["event"]) == ("run.started", "run.finished")
    assert rest.split()[:2] == ["3", told[2]["event"]]


def test_an_ended_run_cannot_be_cancelled_and_that_is_said(terminal: Terminal) -> None:
    told = terminal.type("runs", "cancel", newest_run(terminal)["run_id"])

    assert told.returncode == 0
    assert "had ended already: finished" in told.stdout


@pytest.mark.usefixtures("hung_model")
def test_a_run_under_way_is_cancelled_from_another_terminal(terminal: Terminal) -> None:
    before = newest_run(terminal)["run_id"]
    with terminal.start("ask", QUESTION) as asking:
        run_id = newer_run(terminal, before)

        told = terminal.type("runs", "cancel", run_id)
        seen = asking.communicate(timeout=30)[1]

    assert "asked to end: cancelled" in told.stdout
    assert "cancelled: what it did so far stays in the thread" in seen
    assert asking.returncode == 1


@pytest.mark.usefixtures("hung_model")
def test_ctrl_c_cancels_the_run_that_was_asked_for(terminal: Terminal) -> None:
    before = newest_run(terminal)["run_id"]
    with terminal.start("ask", QUESTION) as asking:
        run_id = newer_run(terminal, before)

        asking.send_signal(signal.SIGINT)
        seen = asking.communicate(timeout=30)[1]

    assert "cancelling the run" in seen
    assert (newest_run(terminal)["run_id"], newest_run(terminal)["status"]) == (run_id, "cancelled")


def test_a_thread_is_listed_shown_and_deleted(terminal: Terminal) -> None:
    asked = terminal.type("ask", "How many open trades do I have?")
    thread = re.findall(r"thread (\S+)", asked.stderr)[-1]

    listed = terminal.type("threads", "list").stdout
    shown = terminal.type("threads", "show", thread[:8]).stdout
    kept = terminal.type("threads", "delete", thread, typed="n\n")
    deleted = terminal.type("threads", "delete", thread, "--yes")
    gone = terminal.type("threads", "show", thread)

    assert re.search(rf"{thread[:8]}.*How many open trades", listed)
    assert "> How many open trades do I have?" in shown
    assert (kept.returncode, deleted.returncode, gone.returncode) == (1, 0, 1)
    assert "no thread" in gone.stderr or "not found" in gone.stderr, gone.stderr


@pytest.mark.parametrize("command", ["runs", "threads"])
def test_an_id_that_names_nothing_is_one_clear_line(terminal: Terminal, command: str) -> None:
    shown = terminal.type(command, "show", "ffffffff")

    assert shown.returncode == 1
    assert f"bin/pilothouse {command} list" in shown.stderr
    assert "Traceback" not in shown.stderr


def newest_run(terminal: Terminal) -> dict[str, Any]:
    """As programs read it."""
    return json.loads(terminal.type("runs", "list", "--limit", "1", "--json").stdout)[0]


def newer_run(terminal: Terminal, before: str) -> str:
    """The id of the run that began after `before`."""
    deadline = time.monotonic() + TIMEOUT_S
    while (run := newest_run(terminal))["run_id"] == before:
        assert time.monotonic() < deadline, "no run began"
    return run["run_id"]


@pytest.fixture
def hung_model(terminal: Terminal) -> Iterator[None]:
    """The model's server is there and says nothing."""
    pid = terminal.pid("openrouter")
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
