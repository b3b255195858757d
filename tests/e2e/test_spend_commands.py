"""Keys for programs and the books of spend, as a person at a terminal uses them, on the real stack."""

import json
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from decimal import Decimal
from typing import Any

import httpx
import pytest

from pilothouse.db import connect
from stack.home import Home
from stack.running import recall
from tests.fixtures.terminal import Terminal
from tests.fixtures.waiting import POLL_S

pytestmark = [pytest.mark.stack, pytest.mark.freqtrade, pytest.mark.timeout(280)]

ASKED = {
    "model": "pilothouse/rehearsal",
    "messages": [{"role": "user", "content": "Tell me a joke"}],
    "max_tokens": 500,
}


@pytest.fixture(scope="module")
def up(terminal: Terminal) -> Terminal:
    """A stack that has answered one question."""
    asked = terminal.type("ask", "What is my balance?")
    assert asked.returncode == 0, asked.stderr
    return terminal


@pytest.fixture
def program(up: Terminal) -> Iterator[httpx.Client]:
    """Something like n8n, without a key."""
    url = next(each.url for each in recall(Home(up.home)) if each.name == "proxy")
    with httpx.Client(base_url=url, timeout=30) as client:
        yield client


def ask(program: httpx.Client, key: str) -> httpx.Response:
    """One chat call with that key."""
    return program.post("/v1/chat/completions", json=ASKED, headers={"Authorization": f"Bearer {key}"})


def ask_and_lose(program: httpx.Client, key: str) -> None:
    """A call that takes long, and whose proxy dies meanwhile."""
    headers = {"Authorization": f"Bearer {key}"}
    with suppress(httpx.TransportError):
        program.post("/v1/chat/completions", json=ASKED | {"model": "twin/slow:60"}, headers=headers, timeout=60)


def in_flight(up: Terminal) -> int:
    """Calls that the provider works on."""
    twin = next(each.url for each in recall(Home(up.home)) if each.name == "openrouter")
    return int(httpx.get(f"{twin}/health").json()["in_flight"])


def is_answering(program: httpx.Client) -> bool:
    """Whether the proxy is back."""
    with suppress(httpx.TransportError):
        return program.get("/health").is_success
    return False


def wait_for(condition: Callable[[], bool], *, timeout_s: float = 30) -> None:
    """Until it holds."""
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s, "the condition never came true"
        time.sleep(POLL_S)


def test_without_a_stack_both_say_what_to_do(terminal: Terminal) -> None:
    looked = [terminal.type(command, *more) for command, more in (("spend", ()), ("keys", ("list",)))]

    assert [each.returncode for each in looked] == [1, 1]
    assert all("bin/pilothouse up" in each.stderr for each in looked)
    assert terminal.processes() == []


def test_a_key_is_made_used_listed_replaced_and_revoked(up: Terminal, program: httpx.Client) -> None:
    made = up.type(
        "keys", "create", "n8n", "--budget", "1", "--budget-day", "0.5", "--expires", "30d", "--owner", "ada"
    )
    key = made.stdout.strip()
    used = ask(program, key)
    listed = up.type("keys", "list").stdout
    [row] = [each for each in json.loads(up.type("keys", "list", "--json").stdout) if each["name"] == "n8n"]
    rotated = up.type("keys", "rotate", "n8n", typed="y\n").stdout.split()[-1]
    after_rotation = [ask(program, each).status_code for each in (key, rotated)]
    revoked = up.type("keys", "revoke", "n8n", "--yes")
    after_revocation = ask(program, rotated)

    assert re.fullmatch(r"ph_[\w-]{43}", key), made.stderr
    assert used.status_code == httpx.codes.OK
    assert re.search(r"n8n +ada +0\.0.* 1 +0\.0.* 0\.5 +until", listed)
    assert key not in listed
    assert Decimal(row["spent_usd"]) > 0
    assert after_rotation == [401, 200]
    assert "refused from now on" in revoked.stdout
    assert after_revocation.status_code == httpx.codes.UNAUTHORIZED


def test_who_says_no_when_asked_revokes_nothing(up: Terminal, program: httpx.Client) -> None:
    key = up.type("keys", "create", "kept").stdout.strip()

    asked = up.type("keys", "revoke", "kept", typed="n\n")

    assert asked.returncode == 1
    assert ask(program, key).status_code == httpx.codes.OK


@pytest.mark.parametrize("by", ["day", "key", "run", "model", "node", "provider"])
def test_spend_is_added_up_by_whatever_is_asked_for(up: Terminal, by: str) -> None:
    shown = up.type("spend", "--by", by, "--since", "1d")
    told: dict[str, Any] = json.loads(up.type("spend", "--by", by, "--json").stdout)

    assert shown.returncode == 0, shown.stderr
    assert sum(Decimal(row["spent_usd"]) for row in told["rows"]) == Decimal(told["total"]["spent_usd"]) > 0
    assert "all of it" in shown.stdout
    assert "everything" in shown.stdout


def test_ledger_and_provider_agree_and_status_says_that_it_answers(up: Terminal) -> None:
    found = up.type("spend", "reconcile")
    status = up.type("spend", "status")

    assert found.returncode == 0, found.stdout + found.stderr
    assert found.stdout.count(": equal") == 3
    assert "not settled: 0 calls" in found.stdout
    assert re.search(r"provider +answers", status.stdout)


def test_a_call_whose_proxy_was_killed_is_listed_and_settled_by_hand(up: Terminal, program: httpx.Client) -> None:
    key = up.type("keys", "create", "unlucky").stdout.strip()
    asking = threading.Thread(target=ask_and_lose, args=(program, key))
    asking.start()
    wait_for(lambda: in_flight(up) == 1)
    os.kill(up.pid("proxy"), signal.SIGKILL)
    asking.join()
    with connect(up.database_url) as connection:
        connection.execute("UPDATE proxy.ledger SET called_at = called_at - interval '1 hour' WHERE status = 'open'")
    wait_for(lambda: in_flight(up) == 0 and is_answering(program))

    before = json.loads(up.type("spend", "reconcile", "--json").stdout)["periods"][-1]
    listed = up.type("spend", "status").stdout
    [call] = re.findall(r"spend settle (\S+)", listed)
    cost = before["difference_usd"]  # an unstreamed call is billed though nobody waits for it
    settled = up.type("spend", "settle", call[:8], cost, "--note", "found by reconcile", typed="y\n")
    found = up.type("spend", "reconcile")

    assert before["says"] == "may be calls that are not settled yet"
    assert "its proxy was killed" in listed
    assert f"call {call} is settled with {cost} USD" in settled.stdout
    assert "not settled: 0 calls" in found.stdout
    assert found.stdout.count(": equal") == 3


def test_what_cannot_be_done_is_said_in_one_line(up: Terminal) -> None:
    refused = {
        "--since": up.type("spend", "--since", "yesterday"),
        "settle": up.type("spend", "settle", "00000000", "0", "--yes"),
        "name": up.type("keys", "create", "two words"),
        "revoke": up.type("keys", "revoke", "nobody", "--yes"),
    }

    assert {each.returncode for each in refused.values()} == {1}
    assert "write 7d" in refused["--since"].stderr
    assert "no open call begins with 00000000" in refused["settle"].stderr
    assert "name" in refused["name"].stderr
    assert "no keys are called nobody" in refused["revoke"].stderr
