"""Decisions at a terminal, on a whole stack with the real bot: also when the controller lies about what it shows."""

import json
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from stack.home import Home
from stack.running import recall
from tests.fixtures.lying import SHOWN_STAKE, lying
from tests.fixtures.terminal import Terminal

pytestmark = [pytest.mark.stack, pytest.mark.freqtrade, pytest.mark.timeout(280)]

Propose = Callable[[], str]
PAIRS = ("LTC/USDT", "XRP/USDT", "SOL/USDT", "ETH/USDT", "BTC/USDT")
TABLE = Path("run") / "processes.json"


@pytest.fixture(scope="module")
def up(terminal: Terminal) -> Terminal:
    """A stack whose owner has paired a key."""
    started = terminal.type("up", "--detach")
    assert started.returncode == 0, started.stderr
    paired = terminal.type("approvals", "pair", "--name", "ada")
    assert paired.stdout.startswith("'ada' may decide now"), paired.stderr
    return terminal


@pytest.fixture
def propose(up: Terminal) -> Iterator[Propose]:
    """Proposes as the agent's tool does, and tells the id of what waits; it is rejected when the test is over."""
    key = json.loads((up.home / "secrets" / "generated.json").read_text())["controller_broker_key"]
    url = next(each.url for each in recall(Home(up.home)) if each.name == "broker")
    made: list[str] = []

    def send() -> str:
        with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=30) as broker:
            answers = (_entry(broker, pair) for pair in PAIRS)
            made.append(next(each["id"] for each in answers if each["state"] == "awaiting_approval"))
        return made[-1]

    yield send
    for intent in made:
        up.type("approvals", "reject", intent, "--yes")


def _entry(broker: httpx.Client, pair: str) -> dict[str, Any]:
    candles = broker.get("/candles", params={"pair": pair, "limit": 1}).json()
    body = {"key": str(uuid4()), "user_id": "owner", "tainted": False, "action": "enter", "pair": pair, "stake": "20"}
    price = candles["candles"][-1]["close"] if "candles" in candles else "1"
    return broker.post("/intents", json={**body, "price_seen": price, "reason": "it fell"}).json()


def test_what_waits_is_listed_edited_rejected_and_shown(up: Terminal, propose: Propose) -> None:
    intent = propose()

    listed = up.type("approvals", "list")
    edited = up.type("approvals", "edit", intent[:8], "--stake", "15", "--yes")
    new = edited.stdout.splitlines()[-1].split()[1]
    rejected = up.type("approvals", "reject", new, "--note", "not today", typed="y\n")
    shown = up.type("approvals", "show", new)

    assert intent[:8] in listed.stdout
    assert "stake: 20 -> 15" in edited.stdout
    assert "is rejected" in rejected.stdout
    assert "approver ada" in shown.stdout
    assert "not today" in shown.stdout


def test_a_controller_that_shows_a_smaller_stake_gets_nothing_approved(up: Terminal, propose: Propose) -> None:
    intent = propose()
    table = up.home / TABLE
    honest = table.read_text()
    controller = next(each for each in recall(Home(up.home)) if each.name == "controller")
    with lying(controller.url) as liar:
        table.write_text(json.dumps([each | _at(liar.port, each) for each in json.loads(honest)]))
        refused = up.type("approvals", "approve", intent, "--yes")
    table.write_text(honest)
    state = json.loads(up.type("approvals", "show", intent, "--json").stdout)["state"]

    shown = dict(line.split(maxsplit=1) for line in refused.stdout.splitlines() if line.strip())
    assert (shown["stake"].strip(), shown["reason"].strip()) == (SHOWN_STAKE, r"\x1b[2Jit fell")
    assert "the signature is about something else than this" in refused.stderr
    assert (refused.returncode, state) == (1, "awaiting_approval")


def _at(port: int, process: dict[str, Any]) -> dict[str, Any]:
    return {"port": port} if process["name"] == "controller" else {}


def test_who_says_no_when_asked_signs_nothing(up: Terminal, propose: Propose) -> None:
    intent = propose()

    asked = up.type("approvals", "approve", intent, typed="n\n")

    assert "approve: sign this?" in asked.stdout
    assert asked.returncode == 1
    assert json.loads(up.type("approvals", "show", intent, "--json").stdout)["state"] == "awaiting_approval"


def test_the_key_is_the_owners_alone(up: Terminal) -> None:
    key = up.home / "secrets" / "approver.pem"

    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_a_key_that_was_revoked_decides_no_more(up: Terminal, propose: Propose) -> None:
    intent = propose()
    mine = json.loads(up.type("approvals", "approvers", "--json").stdout)[0]
    revoked = up.type("approvals", "revoke", mine["id"][:8], typed="y\n")

    refused = up.type("approvals", "approve", intent, "--yes")
    again = up.type("approvals", "pair", "--name", "ada")
    (up.home / "secrets" / "approver.pem").unlink()
    keyless = up.type("approvals", "approve", intent, "--yes")
    paired = up.type("approvals", "pair", "--name", "ada")
    rejected = up.type("approvals", "reject", intent, "--yes")

    assert "decides no more" in revoked.stdout
    assert "was revoked" in refused.stderr
    assert "was revoked, for good" in again.stderr
    assert "bin/pilothouse approvals pair" in keyless.stderr
    assert "may decide now" in paired.stdout
    assert "is rejected" in rejected.stdout
