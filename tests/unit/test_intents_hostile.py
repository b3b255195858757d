"""Every field of a request is chosen by an attacker: figures, pairs, texts and lifetimes that mean two things."""

import json
import re
from decimal import Decimal
from typing import Any
from unicodedata import category

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from broker.figures import plain
from broker.intents import IntentRequest
from tests.fixtures.limits import a_policy, an_entry, an_entry_request, entry_body, judged

PLAIN = re.compile(r"[0-9]{1,12}(\.[0-9]{1,12})?", re.ASCII)
NUMBERLIKE = st.text(st.characters(categories=["Nd", "Nl", "No"]) | st.sampled_from("0123456789.,eE+-_ \n\u2212\u066b"))
OTHERS = st.none() | st.booleans() | st.integers() | st.floats() | st.lists(st.text()) | st.binary()
SIGNS = st.text(st.characters(), max_size=40) | st.text(st.characters(categories=["Cf", "Cc", "Zs", "Zl", "Lo"]))
NAMES = st.text(st.characters(), max_size=32) | st.from_regex(r"[A-Z0-9]{1,15}/[A-Z0-9]{1,14}\s?", fullmatch=True)


def accepted(**changes: Any) -> IntentRequest | None:
    try:
        return an_entry_request(**changes)
    except ValidationError:
        return None


@given(NUMBERLIKE)
@example("1e-30")
@example("1E+1000000000")
@example("\u0661\u0660\u0660")
@example("\uff11\uff10\uff10")
@example("1_0")
@example("50\n")
@example("0.0")
@example("-50")
@example("NaN")
@example("Infinity")
def test_a_stake_is_taken_only_in_plain_digits_and_means_exactly_that(text: str) -> None:
    request = accepted(stake=text)

    assert (request is not None) == (PLAIN.fullmatch(text) is not None and Decimal(text) > 0)
    assert request is None or request.stake == Decimal(text)


@given(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.lists(st.integers())
    | st.dictionaries(st.text(), st.text())
)
def test_a_figure_that_is_not_text_is_not_taken(figure: Any) -> None:
    assert accepted(stake=figure) is None
    assert accepted(price_seen=figure) is None


@given(NAMES)
@example("\u0415TH/USDT")
@example("ETH/USDT\n")
@example("ETH/USD\u0422")
@example("eth/usdt")
@example("ETH\u2044USDT")
def test_a_pair_is_taken_only_in_capitals_and_digits_that_are_what_they_look_like(name: str) -> None:
    request = accepted(pair=name)

    assert request is None or (request.pair == name and name.isascii() and re.fullmatch("[A-Z0-9]+/[A-Z0-9]+", name))


@given(SIGNS)
@example("buy \u202e001 yub")
@example("ok\x1b[2K\rstake: 1")
@example("a\x00b")
@example("zero\u200bwidth")
@example("\u2028")
@example("\ud800")
def test_a_reason_shows_all_it_says_on_one_line(text: str) -> None:
    request = accepted(reason=text, evidence=[text])

    if request is not None:
        assert request.reason == request.evidence[0] == " ".join(text.split())
        assert not {category(sign)[0] for sign in request.reason} & {"C"}
        assert "\n" not in request.reason


def test_a_reason_of_several_lines_becomes_one() -> None:
    assert an_entry_request(reason="it rose\nstake: 1\n\tpair: BTC/USDT").reason == "it rose stake: 1 pair: BTC/USDT"


@pytest.mark.parametrize(
    "changes",
    [
        {"user_id": "ow\u200bner"},
        {"user_id": ""},
        {"thread_id": "a\x00"},
        {"run_id": "\u0430"},
        {"key": "a b"},
        {"key": ""},
        {"tainted": "no"},
        {"tainted": 0},
        {"side": "short"},
        {"action": "enter "},
        {"trade_id": 1},
        {"amount": "1"},
        {"stake": None},
        {"action": "exit", "stake": None, "trade_id": True},
        {"action": "exit", "stake": None, "trade_id": "1"},
        {"action": "exit", "stake": None, "trade_id": 2**31},
        {"action": "exit", "stake": None, "trade_id": 0},
        {"action": "exit", "stake": None, "trade_id": None},
        {"lifetime_s": 0},
        {"lifetime_s": -1},
        {"lifetime_s": 2**63},
        {"lifetime_s": 1.5},
        {"lifetime_s": "60"},
        {"state": "approved"},
        {"mode": "live"},
        {"decided_by": "allowance"},
        {"evidence": ["x"] * 21},
        {"reason": "x" * 1001},
        {"reason": " \n "},
    ],
)
def test_what_is_not_exactly_a_request_is_not_taken(changes: dict[str, Any]) -> None:
    assert accepted() is not None
    assert accepted(**changes) is None


@given(st.decimals("0.000000000001", "999999999999.999999999999", places=12))
def test_one_figure_written_in_two_ways_is_one_request(figure: Decimal) -> None:
    once, again = an_entry_request(stake=f"{figure:f}"), an_entry_request(stake=plain(figure))

    assert once.hash == again.hash


@given(st.text(st.characters(codec="utf-8"), max_size=20))
def test_a_request_says_the_same_after_a_journey_as_json(text: str) -> None:
    request = accepted(reason=text)

    assert request is None or IntentRequest.model_validate(json.loads(request.model_dump_json())) == request


@given(st.decimals("0.000000000001", "999999999999", places=12))
@example(Decimal("100.000000000001"))
@example(Decimal("0.000000000001"))
@example(Decimal("9.999999999999"))
def test_no_stake_outside_the_limits_goes_however_it_is_written(stake: Decimal) -> None:
    policy, taken = a_policy(), an_entry_request(stake=f"{stake:f}").stake

    assert taken is not None
    assert policy.max_stake is not None
    assert (not judged(an_entry(stake=taken))) == (policy.min_stake <= stake <= policy.max_stake)


def test_the_body_as_it_arrives_is_enough() -> None:
    assert IntentRequest.model_validate(entry_body()).lifetime_s is None
