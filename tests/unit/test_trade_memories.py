"""What the journal says of an intent: figures and our own words, nothing that a tainted thread could have chosen."""

from datetime import UTC, datetime
from typing import Any

import pytest

from agents.trade_memories import decision
from tools.endings_client import EndedIntent

PROPOSED_AT = datetime(2026, 11, 25, 13, 0, tzinfo=UTC)


def ended(**changes: Any) -> EndedIntent:
    intent: dict[str, Any] = {
        "id": "47499d57-9a53-4d0c-8b5a-0d1f5a7c2e11",
        "user_id": "ada",
        "thread_id": "0b7e8f56-4d0c-4b5a-9a53-0d1f5a7c2e11",
        "run_id": "5a0f0e8a-5d0f-4a0e-9a53-6f2f4a3f0001",
        "tainted": False,
        "action": "enter",
        "pair": "BTC/USDT",
        "stake": "50",
        "trade_id": None,
        "amount": None,
        "price_seen": "58000.50",
        "mode": "dry",
        "state": "filled",
        "refused_for": [],
        "fill": {"trade_id": 7, "amount": "0.0008", "cost": "46.4", "price": "58000"},
        "replaced_by": None,
        "created_at": PROPOSED_AT,
        "ended_at": datetime(2026, 11, 25, 13, 5, tzinfo=UTC),
    }
    return EndedIntent.model_validate(intent | changes)


def test_a_decision_names_intent_run_and_figures_with_their_units() -> None:
    told = decision(ended())

    assert told["text"] == "Decision to buy BTC/USDT: filled (pretended money, intent 47499d57, 2026-11-25 13:05 UTC)"
    assert told["subject"]["figures"] == {
        "stake_usdt": "50",
        "price_seen_usdt": "58000.5",
        "amount_btc": "0.0008",
        "price_usdt": "58000",
        "cost_usdt": "46.4",
    }
    assert told["subject"]["links"] == [
        "intent:47499d57-9a53-4d0c-8b5a-0d1f5a7c2e11",
        "run:5a0f0e8a-5d0f-4a0e-9a53-6f2f4a3f0001",
    ]
    assert (told["key"], told["user_id"]) == ("intent:47499d57-9a53-4d0c-8b5a-0d1f5a7c2e11", "ada")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (
            {"state": "refused", "refused_for": ["max_stake", "no_data"]},
            "refused by the broker's limits (max_stake, no_data)",
        ),
        ({"state": "rejected"}, "rejected by a person"),
        ({"state": "rejected", "replaced_by": "aaaaaaaa-0000"}, "replaced by intent aaaaaaaa, which a person edited"),
        ({"state": "expired"}, "expired: its time was over"),
        ({"state": "failed"}, "failed: nothing was traded"),
    ],
)
def test_it_says_why_it_ended_so(changes: dict[str, Any], why: str) -> None:
    assert f"Decision to buy BTC/USDT: {why} (" in decision(ended(fill=None, **changes))["text"]


def test_an_exit_names_its_trade() -> None:
    told = decision(ended(action="exit", stake=None, trade_id=7))

    assert told["text"].startswith("Decision to sell trade 7 in BTC/USDT: filled")
    assert "stake_usdt" not in told["subject"]["figures"]


@pytest.mark.parametrize(("state", "tainted"), [("filled", False), ("rejected", False), ("refused", True)])
def test_a_tainted_thread_taints_only_what_was_refused_since_its_pair_may_be_made_up(state: str, tainted: bool) -> None:  # noqa: FBT001 -- the expected value
    assert decision(ended(state=state, tainted=True))["tainted"] is tainted


def test_a_run_that_is_not_ours_leads_nowhere() -> None:
    assert decision(ended(run_id="nightly job"))["source"]["run_id"] is None
