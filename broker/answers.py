"""What Freqtrade 2026.9 answers, as far as we use it. Figures arrive as exact decimals, instants become aware."""

from decimal import Decimal

from pydantic import BaseModel

from broker.figures import Instant, MaybeInstant


class ShownConfig(BaseModel):
    """`show_config`: what the bot is and how it is set."""

    version: str
    state: str
    dry_run: bool
    bot_name: str
    exchange: str
    strategy: str | None = None
    stake_currency: str
    stake_amount: str
    max_open_trades: int
    timeframe: str | None = None
    timeframe_min: int

    @property
    def prices(self) -> str:
        """Where prices come from: `simulated`, `recorded`, or an exchange's name."""
        ours = self.bot_name.startswith("pilothouse on ")
        return self.bot_name.split()[2] if ours else self.exchange


class Whitelist(BaseModel):
    """`whitelist`: the pairs the bot trades."""

    whitelist: list[str]


class PairLock(BaseModel):
    """One of `locks`: no entry in `pair` (`*`: in any) until then."""

    pair: str
    active: bool
    side: str
    lock_end_time: Instant
    reason: str | None = None


class PairLocks(BaseModel):
    """`locks`: those in force."""

    locks: list[PairLock]


class FreqtradeOrder(BaseModel):
    """One order of a trade. Orders that ended without any fill are not listed any more."""

    order_id: str
    ft_order_side: str
    status: str
    order_type: str
    amount: Decimal
    filled: Decimal | None = None
    safe_price: Decimal  # the average it was filled at, else the price it asks for
    cost: Decimal
    ft_order_tag: str | None = None
    order_timestamp: Instant
    order_filled_timestamp: Instant | None = None


class FreqtradeTrade(BaseModel):
    """A trade in `status` (open) or `trades` (closed). A rate that cannot be known now is null."""

    trade_id: int
    pair: str
    is_open: bool
    stake_amount: Decimal
    amount: Decimal
    open_rate: Decimal
    open_date: Instant
    current_rate: Decimal | None = None
    close_rate: Decimal | None = None
    close_date: Instant | None = None
    profit_abs: Decimal | None = None
    profit_ratio: Decimal | None = None
    realized_profit: Decimal
    fee_open: Decimal | None = None
    fee_close: Decimal | None = None
    enter_tag: str | None = None
    exit_reason: str | None = None
    orders: list[FreqtradeOrder]


class ClosedTrades(BaseModel):
    """`trades`: closed ones only."""

    trades: list[FreqtradeTrade]
    total_trades: int


class FreqtradeAsset(BaseModel):
    """One currency in `balance`."""

    currency: str
    free: Decimal
    used: Decimal
    balance: Decimal
    est_stake: Decimal
    is_bot_managed: bool


class FreqtradeBalance(BaseModel):
    """`balance`: its total silently leaves out whatever could not be priced."""

    currencies: list[FreqtradeAsset]
    total: Decimal
    stake: str

    @property
    def unpriced(self) -> list[str]:
        """Currencies of the bot that count as nothing because their price is not known."""
        return [
            each.currency for each in self.currencies if each.is_bot_managed and each.balance and not each.est_stake
        ]


class FreqtradeProfit(BaseModel):
    """`profit`: since the first trade."""

    profit_closed_coin: Decimal
    profit_closed_ratio: Decimal
    profit_all_coin: Decimal | None
    trade_count: int
    closed_trade_count: int
    winning_trades: int
    losing_trades: int
    winrate: Decimal | None
    max_drawdown: Decimal | None
    best_pair: str
    first_trade_date: MaybeInstant
    latest_trade_date: MaybeInstant


class FreqtradePerformance(BaseModel):
    """One pair in `performance`."""

    pair: str
    profit_abs: Decimal
    profit_ratio: Decimal
    count: int


class AnalysedCandles(BaseModel):
    """`pair_candles`: a table; empty, and still 200, for a pair or timeframe the bot does not know."""

    columns: list[str]
    data: list[list[Decimal | str | None]]
    last_analyzed: MaybeInstant
