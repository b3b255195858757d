"""Gaps in our tables are found and filled, and what Freqtrade does not say is never made up."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from broker.freqtrade import Freqtrade
from broker.reconcile import Reconciler
from pilothouse.clock import now
from pilothouse.errors import UnavailableError, UpstreamError
from tests.fixtures.audit import AuditedBooks
from tests.fixtures.broker import shown_trade
from tests.fixtures.kept import FarEnd, Tables, ended_trade
from tests.fixtures.money import make_intent

Far = tuple[FarEnd, Freqtrade]


@pytest.fixture
def far(far_trades: Far) -> FarEnd:
    """Freqtrade's side."""
    return far_trades[0]


@pytest.fixture
def reconciler(tables: Tables, far_trades: Far) -> Reconciler:
    """With pages of two trades."""
    return Reconciler(tables.pool, far_trades[1], page=2)


async def test_every_closed_trade_is_fetched_page_by_page(reconciler: Reconciler, far: FarEnd, tables: Tables) -> None:
    far.closed = [ended_trade(number) for number in (1, 2, 3, 4, 5)]

    await reconciler.reconcile()

    assert sorted(tables.trades()) == [1, 2, 3, 4, 5]
    assert far.pages_asked == [0, 2, 4]


async def test_what_is_known_is_not_fetched_again(reconciler: Reconciler, far: FarEnd) -> None:
    far.closed = [ended_trade(number) for number in (1, 2, 3, 4, 5)]
    await reconciler.reconcile()
    far.pages_asked.clear()

    await reconciler.reconcile()

    assert far.pages_asked == [0]


async def test_a_gap_far_back_is_found_and_filled(reconciler: Reconciler, far: FarEnd, tables: Tables) -> None:
    far.closed = [ended_trade(number) for number in (1, 2, 3, 4, 5, 6)]
    await reconciler.reconcile()
    tables.rows("DELETE FROM broker.orders WHERE trade_id = 1")
    tables.rows("DELETE FROM broker.trades WHERE trade_id = 1")

    await reconciler.reconcile()

    assert 1 in tables.trades()
    assert list(tables.orders(1)) == ["dry_run_buy_1"]


async def test_figures_are_exact_and_instants_are_utc(reconciler: Reconciler, far: FarEnd, tables: Tables) -> None:
    far.opened = [shown_trade(amount=0.1, open_rate=1e-07, fee_open=None)]

    await reconciler.reconcile()

    trade, order = tables.trades()[1], tables.orders(1)["dry_run_buy_1"]
    assert (trade["amount"], trade["open_rate"], trade["fee_open"]) == (Decimal("0.1"), Decimal("0.0000001"), None)
    assert (trade["stake"], trade["fee_close"]) == (Decimal("49.979944"), Decimal("0.001"))
    assert trade["opened_at"] == datetime(2026, 11, 24, 8, 12, 45, tzinfo=UTC)
    assert order["ordered_at"] == datetime.fromtimestamp(1795507965, UTC) + timedelta(milliseconds=123)
    assert (order["average"], order["cost"]) == (Decimal("3010.84"), Decimal("49.979944"))


async def test_an_order_without_a_fill_has_neither_average_nor_cost(
    reconciler: Reconciler, far: FarEnd, tables: Tables
) -> None:
    order = shown_trade()["orders"][0] | {"status": "open", "filled": None, "cost": 0, "order_filled_timestamp": None}
    far.opened = [shown_trade(orders=[order])]

    await reconciler.reconcile()

    kept = tables.orders(1)["dry_run_buy_1"]
    assert (kept["filled"], kept["average"], kept["cost"], kept["filled_at"]) == (None, None, None, None)


async def test_a_trade_that_ends_has_its_end(reconciler: Reconciler, far: FarEnd, tables: Tables) -> None:
    far.opened = [shown_trade()]
    await reconciler.reconcile()

    far.opened, far.closed = [], [ended_trade(1)]
    await reconciler.reconcile()

    trade = tables.trades()[1]
    assert (trade["is_open"], trade["gone_at"], trade["exit_reason"]) == (False, None, "roi")
    assert (trade["close_rate"], trade["realised_profit"]) == (Decimal("3030.1"), Decimal("0.219"))
    assert trade["closed_at"] == datetime(2026, 11, 24, 9, 1, tzinfo=UTC)


async def test_a_trade_that_ends_between_two_questions_has_its_end(
    reconciler: Reconciler, far: FarEnd, tables: Tables
) -> None:
    far.opened, far.closed = [shown_trade()], [ended_trade(1)]

    await reconciler.reconcile()

    assert tables.trades()[1]["is_open"] is False


async def test_an_order_that_is_listed_no_more_was_cancelled(
    reconciler: Reconciler, far: FarEnd, tables: Tables
) -> None:
    entry = shown_trade()["orders"][0]
    leaving = entry | {"order_id": "dry_run_sell_1", "ft_order_side": "sell", "status": "open", "filled": 0}
    far.opened = [shown_trade(orders=[entry, leaving])]
    await reconciler.reconcile()

    far.opened = [shown_trade()]
    await reconciler.reconcile()

    orders = tables.orders(1)
    assert (orders["dry_run_buy_1"]["status"], orders["dry_run_sell_1"]["status"]) == ("closed", "canceled")


@pytest.mark.parametrize("trade", [shown_trade(), ended_trade(1)])
async def test_a_trade_that_freqtrade_forgot_is_kept_and_marked(
    reconciler: Reconciler, far: FarEnd, tables: Tables, trade: dict[str, Any]
) -> None:
    others = [ended_trade(number) for number in (2, 3, 4)]
    far.opened = [trade] if trade["is_open"] else []
    far.closed = [*others, *([] if trade["is_open"] else [trade])]
    await reconciler.reconcile()

    far.opened, far.closed = [], others
    await reconciler.reconcile()

    kept = tables.trades()
    assert (kept[1]["is_open"], abs(kept[1]["gone_at"] - now()) < timedelta(minutes=1)) == (False, True)
    assert [kept[number]["gone_at"] for number in (2, 3, 4)] == [None, None, None]


async def test_another_bots_trades_write_over_nothing(reconciler: Reconciler, far: FarEnd, tables: Tables) -> None:
    far.closed = [ended_trade(1)]
    await reconciler.reconcile()

    far.closed = [ended_trade(1, pair="BTC/USDT"), ended_trade(2)]
    with pytest.raises(UpstreamError, match="trade 1 is not the one that was known"):
        await reconciler.reconcile()

    assert {number: trade["pair"] for number, trade in tables.trades().items()} == {1: "ETH/USDT"}


async def test_a_number_that_never_became_a_trade_may_come_again(
    reconciler: Reconciler, far: FarEnd, tables: Tables
) -> None:
    unfilled = shown_trade()["orders"][0] | {"status": "open", "filled": 0}
    far.opened = [shown_trade(orders=[unfilled])]
    await reconciler.reconcile()
    far.opened = []
    await reconciler.reconcile()

    far.opened = [shown_trade(pair="BTC/USDT", open_date="2026-11-24 10:00:00")]
    await reconciler.reconcile()

    trade = tables.trades()[1]
    assert (trade["pair"], trade["is_open"], trade["gone_at"]) == ("BTC/USDT", True, None)


async def test_when_freqtrade_breaks_off_nothing_is_written(
    reconciler: Reconciler, far: FarEnd, tables: Tables
) -> None:
    far.opened, far.closed, far.breaks_at = [shown_trade(trade_id=9)], [ended_trade(1), ended_trade(2)], 2

    with pytest.raises(UnavailableError):
        await reconciler.reconcile()

    assert tables.trades() == {}
    assert tables.rows("SELECT * FROM broker.reconciled") == []


async def test_a_trade_is_linked_to_its_intent_by_the_tag(
    reconciler: Reconciler, far: FarEnd, tables: Tables, audited: AuditedBooks
) -> None:
    intent = await audited.enter(make_intent())
    tags = {
        1: intent.tag,
        2: f"{intent.tag}:1795507965:3040:50:0f0f",
        3: f"pilothouse:{uuid4()}",
        4: "last_minute_rose",
    }
    far.opened = [shown_trade(trade_id=number, enter_tag=tag) for number, tag in tags.items()]

    await reconciler.reconcile()

    assert {number: trade["intent_id"] for number, trade in tables.trades().items()} == {
        1: intent.id,
        2: intent.id,
        3: None,
        4: None,
    }


async def test_the_instant_of_the_last_look_is_kept(reconciler: Reconciler, tables: Tables) -> None:
    before = now()

    for _ in range(2):
        await reconciler.reconcile()

    [row] = tables.rows("SELECT at FROM broker.reconciled")
    assert before < row["at"] < now()
