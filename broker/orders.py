"""The calls that move money. Each is sent once; what it raises says whether Freqtrade certainly did nothing.

As Freqtrade 2026.9 does it: an order without a price is placed at the best price of the order book at that moment and
stays a limit order, so it never pays more than that; not filled within `unfilledtimeout` (a minute), it is cancelled,
and a trade that consisted of it alone is deleted. A price of ours above the market would be worse: in dry-run it is
what the trade then pays, and the stake is divided by it. An exit is a market order: a limit is left behind exactly when
the price falls, which is when a person wants out.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import aiohttp
from pydantic import BaseModel, ValidationError

from broker.freqtrade import LOGS_HINT
from pilothouse.errors import UpstreamError
from pilothouse.outgoing import make_session

PATIENCE_S = 60.0  # what Freqtrade itself may need while its exchange is slow
ENTRY_TYPE, EXIT_TYPE = "limit", "market"
UNHANDLED = frozenset({401, 404, 405, 422})  # answered before Freqtrade looked at what it should do
WRONG_MODE = "Bot is not in the correct state."
MAX_REASON_CHARS = 300


class RefusedError(UpstreamError):
    """Freqtrade did nothing, for sure."""


class UnclearError(UpstreamError):
    """Freqtrade may have done it: look for its trace, and never ask again."""


class Orders:
    """One bot's order routes, reached with the one credential."""

    def __init__(self, *, url: str, username: str, password: str, patience_s: float = PATIENCE_S) -> None:
        self._root = url.rstrip("/").removesuffix("/api/v1") + "/api/v1/"
        self._headers = {"Authorization": aiohttp.encode_basic_auth(username, password)}
        self._timeout = aiohttp.ClientTimeout(total=patience_s)

    async def enter(self, *, pair: str, stake: Decimal, tag: str) -> None:
        """Buy for `stake`; the trade carries `tag`."""
        await self._send(
            "forceenter",
            {
                "pair": pair,
                "side": "long",
                "ordertype": ENTRY_TYPE,
                "stakeamount": float(stake),
                "entry_tag": tag,
            },
        )

    async def leave(self, *, trade_id: int, amount: Decimal | None) -> None:
        """Sell all of a trade, or `amount` of it. Freqtrade first cancels what orders of that trade are open."""
        partial = {} if amount is None else {"amount": float(amount)}
        await self._send("forceexit", {"tradeid": trade_id, "ordertype": EXIT_TYPE, **partial})

    async def _send(self, path: str, body: Mapping[str, Any]) -> None:
        status, text = await self._post(path, body)
        if status == 200:  # noqa: PLR2004 -- the HTTP status
            return
        if (reason := _refusal(status, text)) is not None:
            raise RefusedError(f"Freqtrade refused {path}: {reason}", hint=LOGS_HINT)
        raise UnclearError(f"Freqtrade broke off {path} (HTTP {status})", hint=LOGS_HINT)

    async def _post(self, path: str, body: Mapping[str, Any]) -> tuple[int, str]:
        """On a connection of its own: a kept one may be closing, and then nobody knows whether the call got through."""
        try:
            async with (
                make_session() as session,
                session.post(
                    self._root + path, json=body, headers=self._headers, allow_redirects=False, timeout=self._timeout
                ) as response,
            ):
                return response.status, await response.text(errors="replace")
        except aiohttp.ClientConnectorError as error:
            raise RefusedError(f"Freqtrade cannot be reached: {path} was not sent", hint=LOGS_HINT) from error
        except (TimeoutError, aiohttp.ClientError) as error:
            raise UnclearError(f"Freqtrade did not answer {path}", hint=LOGS_HINT) from error


class Said(BaseModel):
    """What Freqtrade's refusals have in them: `error` its own, `detail` its web framework's."""

    error: str = ""
    detail: Any = None


def _refusal(status: int, text: str) -> str | None:
    """Freqtrade's reason for doing nothing; None when the answer does not prove that it did nothing."""
    try:
        said = Said.model_validate_json(text)
    except ValidationError:
        return None  # not Freqtrade: something in between
    if status == 502 and said.error.startswith("Error querying"):  # noqa: PLR2004 -- Freqtrade's status for a refusal
        return said.error.partition(": ")[2][:MAX_REASON_CHARS]
    if said.detail and (status in UNHANDLED or said.detail == WRONG_MODE):
        return str(said.detail)[:MAX_REASON_CHARS]
    return None
