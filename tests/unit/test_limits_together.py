"""Whatever comes in whatever order: what was let through never adds up to more than the policy allows."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from typing import Literal
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from broker.bot_side import Funds, Told, Trades
from broker.intents import Intent, State
from broker.limits import refusals
from broker.snapshot import Snapshot
from tests.fixtures.limits import NOON, a_bot, a_kept_trade, a_policy, a_trade, an_entry, our_books

PAIRS = [f"P{number}/USDT" for number in range(12)]
Fate = Literal["awaiting_approval", "approved", "submitting", "submitted", "unknown", "filled", "seen", "kept", "both"]
FATES: list[Fate] = [
    *("awaiting_approval", "approved", "submitting", "submitted", "unknown", "filled"),
    *("seen", "kept", "both"),
]
WALLET = Decimal(1000)
POLICY = a_policy(allowed_pairs=["*"], max_open_trades=6, max_unknown=20, max_orders_per_hour=9)

Asked = tuple[str, int, Fate, Fate]
asked = st.tuples(st.sampled_from(PAIRS), st.integers(900, 10_100), st.sampled_from(FATES), st.sampled_from(FATES))


@dataclass
class House:
    """A bot and books, told of each intent that went through, in whatever way its fate is."""

    went: dict[UUID, tuple[Intent, Fate]] = field(default_factory=dict[UUID, tuple[Intent, Fate]])

    def snapshot(self) -> Snapshot:
        trades = [
            a_trade(trade_id=number, pair=intent.pair, stake_amount=intent.stake, enter_tag=intent.tag, open_date=NOON)
            for number, (intent, fate) in enumerate(self.went.values(), start=1)
            if fate in ("seen", "both")
        ]
        kept = [
            a_kept_trade(trade_id=number, pair=intent.pair, stake=intent.stake, enter_tag=intent.tag, opened_at=NOON)
            for number, (intent, fate) in enumerate(self.went.values(), start=1)
            if fate in ("kept", "both")
        ]
        under_way = [replace(intent, state=_state(fate)) for intent, fate in self.went.values()]
        spent = sum((trade.stake_amount for trade in trades), Decimal(0))
        bot = a_bot(
            pairs=Told(PAIRS), trades=Told(Trades(trades, [])), funds=Told(Funds(total=WALLET, free=WALLET - spent))
        )
        return Snapshot(
            replace(bot, config=Told(bot.config.known().model_copy(update={"max_open_trades": -1}))),
            our_books(under_way=under_way, trades=kept),
        )


def _state(fate: Fate) -> State:
    return "filled" if fate in ("seen", "kept", "both") else fate


@given(st.lists(asked, max_size=30))
def test_what_went_through_never_exceeds_exposure_places_orders_or_what_must_stay_free(proposals: list[Asked]) -> None:
    house = House()
    for pair, cents, fate, later in proposals:
        intent = an_entry(pair=pair, stake=Decimal(cents) / 100, expires_at=NOON + timedelta(minutes=5))
        if not refusals(intent, POLICY, house.snapshot()):
            house.went[intent.id] = intent, fate
        house.went = {each: (known, later if known.pair == pair else was) for each, (known, was) in house.went.items()}

    stakes = [intent.stake or Decimal(0) for intent, _ in house.went.values()]

    assert sum(stakes) <= Decimal(300)
    assert sum(stakes) <= WALLET * Decimal("0.5")
    assert WALLET - sum(stakes) >= Decimal(100)
    assert len(stakes) <= 6
    assert len({intent.pair for intent, _ in house.went.values()}) == len(stakes)
    assert all(Decimal(10) <= stake <= Decimal(100) for stake in stakes)
