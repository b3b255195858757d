"""The provider's own record of our key (`/key`), with money as `Decimal`."""

from decimal import Decimal
from http import HTTPStatus
from typing import Any

from pilothouse.errors import PilothouseError
from proxy.forward import Forwarder
from proxy.reading import read_data

USED = {"today": "usage_daily", "this month": "usage_monthly", "ever": "usage"}


async def ask_key(forwarder: Forwarder) -> dict[str, Any]:
    """Whether the provider answers, and what it says of our key; amounts as text, for JSON."""
    try:
        answer = await forwarder.get("/key")
    except PilothouseError as error:
        return {"reachable": False, "detail": error.message}
    told = read_data(bytes(answer.body))
    if answer.status_code != HTTPStatus.OK or told is None:
        return {"reachable": True, "detail": f"it tells nothing of our key: HTTP {answer.status_code}"}
    used = {name: _usd(told.get(field)) for name, field in USED.items()}
    limits = {"limit_usd": _usd(told.get("limit")), "left_usd": _usd(told.get("limit_remaining"))}
    return {"reachable": True, "detail": "", "used_usd": used, **limits}


def _usd(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    return f"{Decimal(value):f}"
