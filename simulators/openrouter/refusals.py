"""Models that refuse every call before it starts, each with the status and metadata OpenRouter documents."""

from collections.abc import Callable, Mapping
from typing import Any

from simulators.openrouter.conversation import Conversation
from simulators.openrouter.errors import RefusedError
from simulators.openrouter.reply import Reply

DEFAULT_RETRY_AFTER_S = 1
IN_FLIGHT = "openrouter_in_flight_budget"

Refusal = Callable[[Conversation, str], Reply]


def _refuse(code: int, message: str, **metadata: Any) -> Refusal:
    def refuse(_: Conversation, __: str) -> Reply:
        raise RefusedError(code, message, metadata=metadata)

    return refuse


def _busy(code: int, message: str, error_type: str) -> Refusal:
    """The variant is the number of seconds in Retry-After; `none` leaves the header out."""

    def refuse(_: Conversation, variant: str) -> Reply:
        wait_s = None if variant == "none" else int(variant) if variant.isdecimal() else DEFAULT_RETRY_AFTER_S
        raise RefusedError(code, message, metadata={"error_type": error_type}, retry_after_s=wait_s)

    return refuse


def _no_money(_: Conversation, variant: str) -> Reply:
    """The variant is the limit_source; only the in-flight budget says when to come back."""
    source = variant or "openrouter_credits"
    metadata = {"limit_source": source, "remedy_hint": "Add credits at https://openrouter.ai/settings/credits."}
    if source == IN_FLIGHT:
        metadata |= {"reason": "in_flight_budget_exhausted"}
        raise RefusedError(
            402,
            "This request would exceed your available credits.",
            metadata=metadata,
            retry_after_s=DEFAULT_RETRY_AFTER_S,
        )
    raise RefusedError(402, "Insufficient credits.", metadata=metadata)


REFUSALS: Mapping[str, Refusal] = {
    "twin/400": _refuse(400, "Provider returned error", error_type="invalid_request"),
    "twin/401": _refuse(401, "User not found.", error_type="authentication"),
    "twin/402": _no_money,
    "twin/403": _refuse(
        403, "Request blocked: prompt injection patterns detected", patterns=["ignore all previous instructions"]
    ),
    "twin/408": _refuse(408, "Your request timed out", error_type="timeout"),
    "twin/429": _busy(429, "Rate limit exceeded", "rate_limit_exceeded"),
    "twin/502": _refuse(502, "Provider returned error", error_type="provider_unavailable"),
    "twin/503": _busy(503, "No available model provider meets your routing requirements", "provider_overloaded"),
}
