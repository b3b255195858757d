"""Our own client of Freqtrade's REST: typed, exact, bounded. It repeats nothing by itself.

Freqtrade answers a refusal with HTTP 502 and what broke inside it with a plain 500; neither is a gateway's fault.
What moves money is in `orders`.
"""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, TypeVar

import aiohttp
from pydantic import TypeAdapter, ValidationError

from broker.answers import (
    AnalysedCandles,
    ClosedTrades,
    FreqtradeBalance,
    FreqtradePerformance,
    FreqtradeProfit,
    FreqtradeTrade,
    PairLock,
    PairLocks,
    ShownConfig,
    Whitelist,
)
from pilothouse.errors import PilothouseError, TimedOutError, UnavailableError, UpstreamError

READ_TIMEOUT_S = 5.0
BALANCE_TIMEOUT_S = 90.0  # what Freqtrade itself needs while its exchange is away
LOGS_HINT = "bin/pilothouse logs freqtrade"

Answer = TypeVar("Answer")
Parameters = Mapping[str, str | int]

OPEN_TRADES = TypeAdapter(list[FreqtradeTrade])
PERFORMANCE = TypeAdapter(list[FreqtradePerformance])


class Freqtrade:
    """One bot, reached with the one credential."""

    def __init__(self, session: aiohttp.ClientSession, *, url: str, username: str, password: str) -> None:
        self._session = session
        self._root = url.rstrip("/").removesuffix("/api/v1") + "/api/v1/"
        self._headers = {"Authorization": aiohttp.encode_basic_auth(username, password)}

    async def show_config(self) -> ShownConfig:
        """State, mode and settings."""
        return await self._get("show_config", TypeAdapter(ShownConfig))

    async def whitelist(self) -> list[str]:
        """The pairs it trades."""
        return (await self._get("whitelist", TypeAdapter(Whitelist))).whitelist

    async def locks(self) -> list[PairLock]:
        """Pairs it must not enter for a while."""
        return (await self._get("locks", TypeAdapter(PairLocks))).locks

    async def open_trades(self) -> list[FreqtradeTrade]:
        """Open trades at current rates."""
        return await self._get("status", OPEN_TRADES)

    async def closed_trades(self, *, limit: int, offset: int = 0) -> ClosedTrades:
        """Closed trades, the latest first."""
        parameters = {"limit": limit, "offset": offset, "order_by_id": "false"}
        return await self._get("trades", TypeAdapter(ClosedTrades), parameters)

    async def balance(self) -> FreqtradeBalance:
        """What it owns; may take a minute while its exchange is away."""
        return await self._get("balance", TypeAdapter(FreqtradeBalance), timeout_s=BALANCE_TIMEOUT_S)

    async def profit(self) -> FreqtradeProfit:
        """Its record so far."""
        return await self._get("profit", TypeAdapter(FreqtradeProfit))

    async def performance(self) -> list[FreqtradePerformance]:
        """Its record by pair."""
        return await self._get("performance", PERFORMANCE)

    async def candles(self, pair: str, *, timeframe: str, limit: int) -> AnalysedCandles:
        """The latest candles its strategy looked at."""
        parameters = {"pair": pair, "timeframe": timeframe, "limit": limit}
        return await self._get("pair_candles", TypeAdapter(AnalysedCandles), parameters)

    async def pause(self) -> None:
        """No entry from now on, its own neither; exits go on. Safe to repeat, but a stopped bot would be woken."""
        await self._control("pause")

    async def start(self) -> None:
        """Entries again. Safe to repeat."""
        await self._control("start")

    async def _control(self, path: str) -> None:
        status, text = await self._send("POST", path, {}, READ_TIMEOUT_S)
        if status != 200:  # noqa: PLR2004 -- the HTTP status
            raise _refusal(path, status, text)

    async def _get(
        self,
        path: str,
        shape: TypeAdapter[Answer],
        parameters: Parameters | None = None,
        *,
        timeout_s: float = READ_TIMEOUT_S,
    ) -> Answer:
        status, text = await self._send("GET", path, parameters or {}, timeout_s)
        if status != 200:  # noqa: PLR2004 -- the HTTP status
            raise _refusal(path, status, text)
        try:
            return shape.validate_python(json.loads(text, parse_float=Decimal))
        except (ValueError, ValidationError) as error:
            message = f"Freqtrade's answer to {path} is not what version 2026.9 answers"
            raise UpstreamError(message, hint="is FREQTRADE_URL a Freqtrade of that version?") from error

    async def _send(self, method: str, path: str, parameters: Parameters, timeout_s: float) -> tuple[int, str]:
        try:
            async with self._session.request(
                method,
                self._root + path,
                params=parameters,
                headers=self._headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=timeout_s),
            ) as response:
                return response.status, await response.text()
        except TimeoutError as error:
            message = f"Freqtrade did not answer {path} within {timeout_s:.0f} s"
            raise TimedOutError(message, hint="its exchange may be down; ask again in a minute") from error
        except (aiohttp.ClientError, UnicodeDecodeError) as error:
            hint = f"it restarts by itself within half a minute; else {LOGS_HINT}, or check FREQTRADE_URL if you set it"
            raise UnavailableError("Freqtrade cannot be reached", hint=hint) from error


def _refusal(path: str, status: int, text: str) -> PilothouseError:
    if status == 401:  # noqa: PLR2004 -- the HTTP status
        return UpstreamError("Freqtrade refuses the broker's credential", hint="check FREQTRADE_USERNAME and _PASSWORD")
    if status == 502:  # noqa: PLR2004 -- Freqtrade's status for a refusal
        return UpstreamError(f"Freqtrade refused {path}: {_reason(text)}", hint=LOGS_HINT)
    message = f"Freqtrade could not answer {path} (HTTP {status})"
    return UnavailableError(message, hint=f"its database or its exchange may be down; {LOGS_HINT}")


def _reason(text: str) -> str:
    try:
        body: Any = json.loads(text)
        return str(body["error"])[:300]
    except (ValueError, KeyError, TypeError):
        return "no reason given"
