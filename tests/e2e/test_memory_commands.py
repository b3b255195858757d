"""Memory as a person uses it at a terminal, on a real stack."""

import json
import time
from pathlib import Path

import pytest

from tests.fixtures.terminal import Terminal

pytestmark = [pytest.mark.stack, pytest.mark.freqtrade, pytest.mark.timeout(280)]

PATIENCE_S = 60
WISH = "I never want more than three open trades"


@pytest.fixture(scope="module")
def at_hand(terminal: Terminal) -> Terminal:
    """A stack that is up."""
    started = terminal.type("up", "--detach")
    assert started.returncode == 0, started.stderr
    return terminal


def test_a_memory_is_added_found_shown_put_right_and_traced(at_hand: Terminal) -> None:
    added = at_hand.type("memory", "add", WISH, "--pair", "ETH/USDT")
    memory = added.stdout.split()[1]
    listed = at_hand.type("memory", "list", "--pair", "ETH/USDT")
    found = at_hand.type("memory", "search", "how many open trades")
    edited = at_hand.type("memory", "edit", memory, "I never want more than two open trades")
    shown = at_hand.type("memory", "show", memory)
    history = at_hand.type("memory", "history", memory)
    why = at_hand.type("memory", "why", memory)

    assert "is kept" in added.stdout
    for told in (listed.stdout, found.stdout):
        assert memory in told
        assert WISH in told
    assert edited.stdout == f"memory {memory} says now: I never want more than two open trades\n"
    assert "I never want more than two open trades" in shown.stdout
    assert "ETH/USDT" in shown.stdout
    assert f"{WISH} -> I never want more than two open trades" in history.stdout
    assert "person" in why.stdout


def test_why_a_memory_is_known_leads_to_the_run_that_taught_it(at_hand: Terminal) -> None:
    at_hand.type("ask", "Remember that my cat is called Zephyrus")
    [memory] = json.loads(at_hand.type("memory", "search", "what is my cat called", "--json").stdout)[:1]

    why = at_hand.type("memory", "why", memory["id"][:8])
    run = at_hand.type("runs", "show", memory["source"]["run_id"][:8])

    assert "Remember that my cat is called Zephyrus" in why.stdout
    assert f"bin/pilothouse runs show {memory['source']['run_id'][:8]}" in why.stdout
    assert "Remember that my cat is called Zephyrus" in run.stdout


def test_everything_is_forgotten_after_a_yes_and_nothing_without_one(at_hand: Terminal) -> None:
    at_hand.type("memory", "add", "I like green tea")

    refused = at_hand.type("memory", "forget", "--everything", typed="n\n")
    before = json.loads(at_hand.type("memory", "list", "--json").stdout)
    forgotten = at_hand.type("memory", "forget", "--everything", typed="y\n")
    after = at_hand.type("memory", "list")

    assert refused.returncode == 1
    assert "I like green tea" in [each["text"] for each in before]
    assert f"forgotten for good: {len(before)}. Looked through" in forgotten.stdout
    assert "nothing of it is left" in forgotten.stdout
    assert after.stdout == "nothing is remembered yet\n"


def test_what_a_newer_memory_replaced_is_brought_back(at_hand: Terminal) -> None:
    at_hand.type("memory", "add", "I live in Lisbon")
    at_hand.type("memory", "add", "I live in Porto")

    deadline_s = time.monotonic() + PATIENCE_S
    while not (superseded := json.loads(at_hand.type("memory", "list", "--state", "superseded", "--json").stdout)):
        assert time.monotonic() < deadline_s, "nothing was ever replaced"
    restored = at_hand.type("memory", "restore", superseded[0]["id"][:8])

    assert superseded[0]["text"] == "I live in Lisbon"
    assert restored.stdout == f"memory {superseded[0]['id'][:8]} is served: I live in Lisbon\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("memory", "show", "ffffffff"), "none of your newest 500 memories begins with ffffffff"),
        (("memory", "show", "ff"), "'ff' is too short for an id"),
        (("memory", "show", "6f1c2f1e-4b8f-4d0a-8a51-6a3f0c9b7d22"), "no such memory"),
        (("memory", "list", "--since", "yesterday"), "'yesterday' is no time"),
        (("memory", "list", "--kind", "secret"), "kind: "),
        (("memory", "forget"), "say what to forget"),
        (("memory", "add", "my key is sk-or-v1-0123456789abcdef0123456789abcdef"), "secret"),
    ],
)
def test_what_cannot_be_is_one_line_and_a_hint(at_hand: Terminal, words: tuple[str, ...], said: str) -> None:
    done = at_hand.type(*words)

    assert done.returncode == 1
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 2


def test_a_backtest_is_recorded_once_with_its_figures_of_each_pair(at_hand: Terminal, real_backtest: Path) -> None:
    first = at_hand.type("memory", "record", "backtest", str(real_backtest), "--note", "Loses at night")
    again = at_hand.type("memory", "record", "backtest", str(real_backtest), "--note", "Loses at night")
    about = ("--strategy", "PlumbingSample", "--pair", "BTC/USDT")
    [found] = json.loads(at_hand.type("memory", "search", "what did it earn", *about, "--json").stdout)

    answer = at_hand.type("ask", "What did we learn about the strategy PlumbingSample?")

    assert first.stdout.count("is kept: Backtest of PlumbingSample in ") == 3, first.stderr
    assert again.stdout == first.stdout
    assert found["kind"] == "backtest"
    assert found["text"].endswith("Loses at night")
    assert f"profit_usdt {found['subject']['figures']['profit_usdt']}" in answer.stdout
    assert found["subject"]["links"][0] in answer.stdout


def test_an_outcome_recorded_by_hand_is_summed_up_apart_from_the_brokers(at_hand: Terminal) -> None:
    about = ("--pair", "DOGE/USDT", "--link", "trade:7")
    kept = at_hand.type("memory", "record", "outcome", "The grid earned", *about, "--figure", "profit_usdt=12.5")
    at_hand.type("memory", "record", "outcome", "The grid lost", *about, "--figure", "profit_usdt=-2.25")

    answer = at_hand.type("ask", "What did we learn about DOGE/USDT?")

    assert "is kept: The grid earned" in kept.stdout, kept.stderr
    assert "2 outcomes by what you recorded: 1 won, 1 lost, 10.25 USDT in all." in answer.stdout
    assert "- The grid lost: profit_usdt -2.25 (trade:7)" in answer.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("backtest", "gone.zip"), "gone.zip cannot be read"),
        (("outcome", "It lost", "--figure", "profit_usdt"), "'profit_usdt' is no figure"),
        (("outcome", "It lost", "--figure", "profit_usdt=much"), "subject"),
    ],
)
def test_what_cannot_be_recorded_is_refused_with_what_to_do(
    at_hand: Terminal, words: tuple[str, ...], said: str
) -> None:
    refused = at_hand.type("memory", "record", *words)

    assert refused.returncode == 1
    assert said in refused.stderr
    assert "Traceback" not in refused.stderr
