"""Schedules and workers as a person uses them at a terminal, on a stack that leaves background runs to workers."""

import json
from collections.abc import Iterator

import pytest

from tests.fixtures.terminal import Terminal

pytestmark = [pytest.mark.stack, pytest.mark.freqtrade, pytest.mark.timeout(280)]

ADD = ("schedule", "add", "morning", "30 7 * * 1-5", "How is my bot doing?", "--zone", "Europe/Berlin")


@pytest.fixture(scope="module")
def at_work(terminal: Terminal) -> Iterator[Terminal]:
    """A stack and one worker."""
    terminal.environment["PILOTHOUSE_BACKGROUND_RUNS"] = "0"
    started = terminal.type("up", "--detach")
    assert started.returncode == 0, started.stderr
    with terminal.start("worker", "--at-once", "2"):
        yield terminal


def test_a_schedule_is_added_run_by_the_worker_shown_paused_resumed_and_deleted(at_work: Terminal) -> None:
    added = at_work.type(*ADD)
    started = at_work.type("schedule", "run", "morning")
    told = at_work.type("runs", "events", started.stdout.split()[1])
    shown = at_work.type("schedule", "show", "morning")
    paused = at_work.type("schedule", "pause", "morning")
    listed = at_work.type("schedule", "list")
    resumed = at_work.type("schedule", "resume", "morning")
    described = json.loads(at_work.type("schedule", "show", "morning", "--json").stdout)
    deleted = at_work.type("schedule", "delete", "morning", typed="y\n")
    left = at_work.type("schedule", "list", "--json")

    assert added.stdout.startswith("schedule 'morning': At 07:30 on Monday through Friday, Europe/Berlin; next: ")
    assert "is queued" in started.stdout
    assert "run.finished" in told.stdout
    assert shown.stdout.count(" 07:30 +0") == 5
    assert "finished" in shown.stdout
    assert paused.stdout.endswith("paused\n")
    assert "paused" in listed.stdout
    assert "next: " in resumed.stdout
    assert len(described["next_times"]) == 5
    assert "is deleted" in deleted.stdout
    assert json.loads(left.stdout) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("schedule", "add", "bad", "61 7 * * *", "Hello"), "'61 7 * * *' is no cron expression: bad minute"),
        (("schedule", "add", "bad", "7:30", "Hello"), "'7:30' is no cron expression: five fields expected, 1 found"),
        ((*ADD[:-1], "Berlin"), "there is no time zone 'Berlin'"),
        ((*ADD, "--missed", "twice"), "missed: "),
        ((*ADD, "--thread", "6f1c2f1e-4b8f-4d0a-8a51-6a3f0c9b7d22"), "there is no thread"),
        (("schedule", "pause", "evening"), "you have no schedule 'evening'"),
    ],
)
def test_what_cannot_be_is_one_line_and_a_hint(at_work: Terminal, words: tuple[str, ...], said: str) -> None:
    done = at_work.type(*words)

    assert done.returncode == 1
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 2
