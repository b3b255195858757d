"""What the broker answers. Money and prices are text holding exact decimals; instants are ISO 8601 in UTC."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from broker.figures import Figure, Instant


class OpenTrade(BaseModel):
    """A trade that is open now. `current_rate` and profit are null while the exchange is away."""

    trade_id: int = Field(examples=[1])
    pair: str = Field(examples=["ETH/USDT"])
    stake_amount: Figure = Field(examples=["49.98"])
    amount: Figure = Field(examples=["0.0166"])
    open_rate: Figure = Field(examples=["3010.84"])
    current_rate: Figure | None = Field(examples=["3015.2"])
    profit_abs: Figure | None = Field(examples=["-0.0276"])
    profit_ratio: Figure | None = Field(examples=["-0.00055"])
    opened_at: Instant = Field(examples=["2026-11-24T08:12:45Z"])
    enter_tag: str | None = Field(description="Free text of the strategy", examples=["last_minute_rose"])


class StatusView(BaseModel):
    """The open trades."""

    trades: list[OpenTrade]
    prices: str = Field(description="simulated, recorded, or the exchange's name", examples=["simulated"])
    warning: str = Field(description="Why these figures should not be relied on, or empty", examples=[""])


class Asset(BaseModel):
    """One currency the bot holds."""

    currency: str = Field(examples=["ETH"])
    free: Figure = Field(examples=["0.0166"])
    used: Figure = Field(examples=["0"])
    balance: Figure = Field(examples=["0.0166"])
    est_stake: Figure = Field(description="Its worth in the stake currency", examples=["50.05"])


class BalanceView(BaseModel):
    """What the bot owns. With `complete` false, the total is understated or old: decide nothing on it."""

    currency: str = Field(examples=["USDT"])
    total: Figure = Field(examples=["1000.07"])
    free: Figure = Field(examples=["950.02"])
    in_trades: Figure = Field(examples=["50.05"])
    complete: bool = Field(examples=[True])
    as_of: Instant = Field(examples=["2026-11-24T08:13:00Z"])
    assets: list[Asset]
    dry_run: bool = Field(examples=[True])
    prices: str = Field(examples=["simulated"])
    warning: str = Field(description="Why these figures should not be relied on, or empty", examples=[""])


class ProfitView(BaseModel):
    """The bot's record since its first trade; ratios are shares of the starting capital."""

    currency: str = Field(examples=["USDT"])
    closed_profit_abs: Figure = Field(examples=["1.284"])
    closed_profit_ratio: Figure = Field(examples=["0.0012"])
    open_profit_abs: Figure | None = Field(description="Null while the exchange is away", examples=["-0.03"])
    trade_count: int = Field(examples=[4])
    closed_trade_count: int = Field(examples=[3])
    winning_trades: int = Field(examples=[2])
    losing_trades: int = Field(examples=[1])
    win_ratio: Figure | None = Field(examples=["0.667"])
    max_drawdown_ratio: Figure | None = Field(examples=["0.0008"])
    best_pair: str | None = Field(examples=["SOL/USDT"])
    first_trade_at: Instant | None = Field(examples=["2026-11-24T08:12:45Z"])
    latest_trade_at: Instant | None = Field(examples=["2026-11-24T08:40:02Z"])
    as_of: Instant = Field(examples=["2026-11-24T08:41:00Z"])
    dry_run: bool = Field(examples=[True])
    prices: str = Field(examples=["simulated"])
    warning: str = Field(description="Why these figures should not be relied on, or empty", examples=[""])


class Trade(BaseModel):
    """A trade, open or closed."""

    trade_id: int = Field(examples=[1])
    pair: str = Field(examples=["ETH/USDT"])
    is_open: bool = Field(examples=[False])
    stake_amount: Figure = Field(examples=["49.98"])
    amount: Figure = Field(examples=["0.0166"])
    open_rate: Figure = Field(examples=["3010.84"])
    close_rate: Figure | None = Field(examples=["3030.1"])
    profit_abs: Figure | None = Field(examples=["0.219"])
    profit_ratio: Figure | None = Field(examples=["0.0043"])
    opened_at: Instant = Field(examples=["2026-11-24T08:12:45Z"])
    closed_at: Instant | None = Field(examples=["2026-11-24T08:30:11Z"])
    enter_tag: str | None = Field(description="Free text of the strategy", examples=["last_minute_rose"])
    exit_reason: str | None = Field(description="Free text of the strategy", examples=["roi"])


class TradesView(BaseModel):
    """The latest trades: open ones first, then closed ones, each the latest first. `total` counts all there are."""

    trades: list[Trade]
    total: int = Field(examples=[4])


class PairPerformance(BaseModel):
    """One pair's closed trades."""

    pair: str = Field(examples=["SOL/USDT"])
    profit_abs: Figure = Field(examples=["1.02"])
    profit_ratio: Figure = Field(examples=["0.0103"])
    count: int = Field(examples=[2])


class PerformanceView(BaseModel):
    """Closed trades by pair, the best first."""

    pairs: list[PairPerformance]


class Candle(BaseModel):
    """One finished candle."""

    opened_at: Instant = Field(examples=["2026-11-24T08:11:00Z"])
    open: Figure = Field(examples=["58134.35"])
    high: Figure = Field(examples=["58154.68"])
    low: Figure = Field(examples=["58085.37"])
    close: Figure = Field(examples=["58090.98"])
    volume: Figure = Field(examples=["15.306829"])


class CandlesView(BaseModel):
    """The latest candles the bot's strategy looked at, oldest first."""

    pair: str = Field(examples=["BTC/USDT"])
    timeframe: str = Field(examples=["1m"])
    candles: list[Candle]
    last_analyzed_at: Instant | None = Field(examples=["2026-11-24T08:12:45Z"])
    prices: str = Field(examples=["simulated"])


class FreqtradeHealth(BaseModel):
    """The bot as it shows itself."""

    state: str = Field(examples=["running"])
    dry_run: bool = Field(examples=[True])
    version: str = Field(examples=["2026.9"])
    strategy: str | None = Field(examples=["PlumbingSample"])
    prices: str = Field(examples=["simulated"])
    latest_candle_at: Instant | None = Field(examples=["2026-11-24T08:11:00Z"])


class HealthView(BaseModel):
    """`degraded`: Freqtrade answers but does not follow the market. `down`: it does not answer."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "down", "reason": "...", "freqtrade": None}]})

    status: Literal["ok", "degraded", "down"]
    reason: str = Field(default="", examples=[""])
    freqtrade: FreqtradeHealth | None = None
