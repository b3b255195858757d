"""Proposals judged with a real PostgreSQL: what is refused, what waits, and what only some of many may have."""

import asyncio
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from broker.book_side import HALT_FILE
from broker.books import Books, move
from broker.desk import Desk
from broker.intents import Intent, State
from pilothouse.db import connect
from pilothouse.errors import ConflictError
from tests.fixtures.broker import StandIn, shown_trade
from tests.fixtures.limits import an_entry_request, an_exit_request, codes, written
from tests.fixtures.postgres import DatabaseUrls

MANY = 50
PAIRS = [f"P{number}/USDT" for number in range(MANY)]
NO_CANDLES: dict[str, Any] = {"columns": [], "data": [], "last_analyzed": "1970-01-01T00:00:00Z"}


async def test_an_entry_within_every_limit_awaits_a_person(desk: Desk) -> None:
    intent = await desk.propose("controller", an_entry_request())

    assert (intent.state, intent.refusals) == ("awaiting_approval", [])
    assert intent.expires_at - intent.created_at == timedelta(seconds=900)


async def test_a_refused_entry_names_every_reason(desk: Desk) -> None:
    request = an_entry_request(pair="DOGE/EUR", stake="500", price_seen="2000", lifetime_s=86_400)

    intent = await desk.propose("controller", request)

    assert intent.state == "refused"
    assert codes(intent) == {"allowed_pairs", "max_stake", "max_exposure", "max_price_drift", "intent_lifetime"}


async def test_the_same_key_with_the_same_body_is_the_same_intent(desk: Desk) -> None:
    first = await desk.propose("controller", an_entry_request(stake="50"))
    again = await desk.propose("controller", an_entry_request(stake="50.0"))

    assert again == first


async def test_a_key_used_many_times_at_once_is_one_intent(desk: Desk) -> None:
    intents = await asyncio.gather(*(desk.propose("controller", an_entry_request()) for _ in range(10)))

    assert {each.id for each in intents} == {intents[0].id}
    assert intents[0].state == "awaiting_approval"


async def test_the_same_key_with_another_body_is_a_conflict(desk: Desk) -> None:
    await desk.propose("controller", an_entry_request(stake="50"))

    with pytest.raises(ConflictError, match="already names intent"):
        await desk.propose("controller", an_entry_request(stake="51"))


async def test_the_same_key_of_another_user_or_caller_is_another_intent(desk: Desk) -> None:
    first = await desk.propose("controller", an_entry_request())
    others = [
        await desk.propose("controller", an_entry_request(user_id="guest")),
        await desk.propose("n8n", an_entry_request()),
    ]

    assert len({each.id for each in (first, *others)}) == 3


async def test_many_at_once_that_fit_one_by_one_do_not_go_together(many_pairs: Desk) -> None:
    requests = [an_entry_request(key=pair, pair=pair, stake="30") for pair in PAIRS]

    intents = await asyncio.gather(*(many_pairs.propose("controller", each) for each in requests))

    waiting = [each for each in intents if each.state == "awaiting_approval"]
    assert sum(each.stake or Decimal(0) for each in waiting) == Decimal(300)
    assert [codes(each) for each in intents if each not in waiting] == [{"max_exposure"}] * (MANY - 10)


@pytest.mark.parametrize("state", ["approved", "submitting", "submitted"])
async def test_what_went_further_still_keeps_its_share(many_pairs: Desk, books: Books, state: State) -> None:
    taken = await many_pairs.propose("controller", an_entry_request(key="first", pair=PAIRS[0], stake="100"))
    await bring(books, taken, state)

    more = [an_entry_request(key=pair, pair=pair, stake="100") for pair in PAIRS[1:4]]
    intents = [await many_pairs.propose("controller", each) for each in more]

    assert [codes(each) for each in intents] == [set(), set(), {"max_exposure"}]


async def test_an_entry_that_was_filled_counts_before_freqtrade_is_seen_to_have_it(
    many_pairs: Desk, books: Books
) -> None:
    taken = await many_pairs.propose("controller", an_entry_request(key="first", pair=PAIRS[0], stake="100"))
    await bring(books, taken, "filled")

    again = await many_pairs.propose("controller", an_entry_request(key="second", pair=PAIRS[0], stake="50"))

    assert codes(again) == {"pair_taken"}


@pytest.mark.parametrize("state", ["rejected", "expired"])
async def test_what_came_to_nothing_gives_its_share_back(desk: Desk, books: Books, state: State) -> None:
    first = await desk.propose("controller", an_entry_request())
    async with books.audit.writing() as writing:
        await move(writing, first, state)

    second = await desk.propose("controller", an_entry_request(key="second"))

    assert second.state == "awaiting_approval"


async def test_an_allowance_approves_until_it_is_spent(allowing: Desk) -> None:
    requests = [an_entry_request(key=pair, pair=pair) for pair in PAIRS[:3]]

    intents = [await allowing.propose("controller", each) for each in requests]

    assert [each.state for each in intents] == ["approved", "approved", "awaiting_approval"]
    assert [each.decided_by for each in intents] == ["allowance", "allowance", None]


async def test_no_allowance_covers_what_a_tainted_thread_wants(allowing: Desk) -> None:
    intent = await allowing.propose("controller", an_entry_request(pair=PAIRS[0], tainted=True))

    assert intent.state == "awaiting_approval"


async def test_an_allowance_that_is_taken_back_stops_what_it_had_approved(allowing: Desk, tmp_path: Path) -> None:
    approved = await allowing.propose("controller", an_entry_request(pair=PAIRS[0]))
    written(tmp_path / "policy.toml", allowed_pairs='["*"]')
    bot = await allowing.look(PAIRS[0])

    await allowing.policy.reload(allowing.books.audit)
    async with allowing.books.audit.writing() as writing:
        found = await allowing.recheck(writing, approved, bot)

    assert [each.code for each in found] == ["approval"]


async def test_a_wrong_file_never_replaces_the_policy_in_force(
    desk: Desk, database_urls: DatabaseUrls, tmp_path: Path
) -> None:
    before = desk.policy.now
    written(tmp_path / "policy.toml", max_stake='"a lot"', max_unknown=None)

    await desk.policy.reload(desk.books.audit)

    assert desk.policy.now is before
    with connect(database_urls.broker) as connection:
        kept = connection.execute("SELECT kind, body FROM broker.audit ORDER BY seq DESC LIMIT 1").fetchone()
    assert kept
    assert kept["kind"] == "policy.refused"
    assert "max_unknown is missing" in kept["body"]


async def test_the_halt_file_refuses_entries_at_once_and_lets_exits_go(
    desk: Desk, quiet_bot: StandIn, tmp_path: Path
) -> None:
    (tmp_path / HALT_FILE).touch()
    quiet_bot.answers["status"] = (200, [shown_trade(profit_abs=0, current_rate=3000, pair="ETH/USDT")])

    entry = await desk.propose("controller", an_entry_request(pair="BTC/USDT"))
    leaving = await desk.propose("controller", an_exit_request())

    assert "halted" in codes(entry)
    assert leaving.state == "awaiting_approval"


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("balance", (500, "down")),
        ("status", (500, "down")),
        ("trades", (500, "down")),
        ("locks", (502, {"error": "Error querying locks: no"})),
        ("whitelist", (200, "<html>")),
        ("show_config", (503, "")),
        ("pair_candles", (200, NO_CANDLES)),
    ],
)
async def test_what_freqtrade_does_not_say_is_a_refusal_and_never_zero(
    desk: Desk, quiet_bot: StandIn, path: str, answer: tuple[int, Any]
) -> None:
    quiet_bot.answers[path] = answer

    intent = await desk.propose("controller", an_entry_request())

    assert intent.state == "refused"
    assert "no_data" in codes(intent)


async def test_a_price_that_is_old_is_no_price(desk: Desk, moment: dict[str, datetime]) -> None:
    moment["now"] += timedelta(minutes=5)

    intent = await desk.propose("controller", an_entry_request())

    assert "the latest price of ETH/USDT is 330 s old" in [each["message"] for each in intent.refusals]


async def test_an_approved_entry_is_judged_again_by_what_is_true_then(
    desk: Desk, books: Books, quiet_bot: StandIn, moment: dict[str, datetime]
) -> None:
    approved = await bring(books, await desk.propose("controller", an_entry_request()), "approved")
    moment["now"] += timedelta(seconds=2)
    quiet_bot.answers["locks"] = (200, {"locks": [lock("ETH/USDT", until=moment["now"] + timedelta(hours=1))]})

    async with books.audit.writing() as writing:
        fine = await desk.recheck(writing, approved, await desk.look("BTC/USDT"))
        moment["now"] += timedelta(minutes=15)
        late = await desk.recheck(writing, approved, await desk.look("ETH/USDT"))

    assert [each.code for each in fine] == ["pair_locked"]
    assert "expired" in {each.code for each in late}


def lock(pair: str, *, until: datetime) -> dict[str, Any]:
    return {"pair": pair, "active": True, "side": "*", "lock_end_time": until.isoformat(), "reason": "a test"}


async def bring(books: Books, intent: Intent, state: State) -> Intent:
    """Through the states before it."""
    path: list[State] = ["approved", "submitting", state]
    async with books.audit.writing() as writing:
        for each in path[: path.index(state) + 1]:
            intent = await move(writing, intent, each)
    return intent
