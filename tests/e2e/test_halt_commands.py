"""Halting and going on as a person does it at a terminal, also while the API is down."""

import pytest

from tests.fixtures.terminal import Terminal
from tests.fixtures.waiting import until

pytestmark = [pytest.mark.stack, pytest.mark.freqtrade, pytest.mark.timeout(280)]


@pytest.fixture(scope="module")
def steered(terminal: Terminal) -> Terminal:
    """A running stack and a person whose signature counts."""
    started = terminal.type("up", "--detach")
    assert started.returncode == 0, started.stderr
    assert terminal.type("approvals", "pair").returncode == 0
    return terminal


def test_a_halt_is_called_shown_and_lifted_by_signature(steered: Terminal) -> None:
    halted = steered.type("halt", "prices look wrong")
    kept = steered.type("resume", typed="n\n")
    resumed = steered.type("resume", typed="y\n")
    again = steered.type("resume", "--yes")

    assert halted.stdout.startswith("halted: prices look wrong")
    assert kept.returncode != 0
    assert "prices look wrong" in kept.stdout
    assert resumed.stdout.endswith("entries go on\n")
    assert "nothing is halted" in again.stderr


async def test_while_the_stack_is_down_a_file_halts_it(steered: Terminal) -> None:
    steered.type("down")
    halted = steered.type("halt", "the disk is full")
    assert steered.type("up", "--detach").returncode == 0

    assert "halted by " in halted.stdout
    await until(lambda: "the disk is full" in steered.type("resume", "--yes").stdout)
