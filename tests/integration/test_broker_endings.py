"""What the broker says has ended: each intent in its place, trades with exact figures, and nothing that is not sure."""

from decimal import Decimal

import pytest

from broker.books import move
from broker.endings import Endings
from broker.freqtrade import Freqtrade
from broker.reconcile import Reconciler
from tests.fixtures.broker import shown_trade
from tests.fixtures.kept import FarEnd, Tables, ended_trade
from tests.fixtures.money import IntentBook, sold

Far = tuple[FarEnd, Freqtrade]


@pytest.fixture
def endings(tables: Tables) -> Endings:
    """Of this test's own tables."""
    return Endings(tables.pool)


async def test_intents_come_in_the_order_they_ended_from_any_place_on(intents: IntentBook, endings: Endings) -> None:
    early, late = await intents.enter("awaiting_approval"), await intents.enter("awaiting_approval", user_id="bob")
    async with intents.books.audit.writing() as writing:
        await move(writing, late, "rejected")
    async with intents.books.audit.writing() as writing:
        await move(writing, early, "expired")

    first, place = await endings.intents(after=0, limit=1)
    rest, end = await endings.intents(after=place, limit=1)
    nothing, still = await endings.intents(after=end, limit=1)

    assert [(each.id, each.user_id, each.state) for each in first] == [(late.id, "bob", "rejected")]
    assert [(each.id, each.user_id, each.state) for each in rest] == [(early.id, "owner", "expired")]
    assert (nothing, still) == ([], end)


async def test_what_goes_on_has_not_ended(intents: IntentBook, endings: Endings) -> None:
    await intents.enter("awaiting_approval")
    await intents.enter("submitting")
    await intents.enter("unknown")

    found, place = await endings.intents(after=0, limit=10)

    assert found == []
    assert place == 11  # the newest record: none of these is looked at again


async def test_profit_is_a_share_of_what_all_of_it_cost_with_the_fee(
    tables: Tables, far_trades: Far, endings: Endings
) -> None:
    far, freqtrade = far_trades
    bought = shown_trade()["orders"][0]
    orders = [bought, bought | {"order_id": "dry_run_buy_2", "filled": 0.01, "safe_price": 3000.0}, sold(amount=0.0266)]
    far.closed = [ended_trade(1, orders=orders, realized_profit=0.5)]
    await Reconciler(tables.pool, freqtrade).reconcile()

    [trade] = await endings.trades([1])

    assert trade.cost == Decimal("79.979944")  # 0.0166 at 3,010.84 and 0.01 at 3,000
    assert trade.profit_ratio == Decimal("0.00624532")  # 0.5 of that and a thousandth more


async def test_open_and_forgotten_trades_have_no_outcome(tables: Tables, far_trades: Far, endings: Endings) -> None:
    far, freqtrade = far_trades
    reconciler = Reconciler(tables.pool, freqtrade)
    far.opened = [shown_trade(trade_id=1), shown_trade(trade_id=2)]
    await reconciler.reconcile()
    far.opened = [shown_trade(trade_id=1)]
    await reconciler.reconcile()
    before = await endings.trades([1, 2])
    far.closed = [ended_trade(2)]
    await reconciler.reconcile()

    after = await endings.trades([1, 2])

    assert before == []
    assert [each.trade_id for each in after] == [2]
