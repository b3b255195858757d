"""How requests fail, as OpenAPI tells it: what every route shares stands here once."""

from collections.abc import Mapping
from typing import Any

from api.schemas import ErrorView

EVERYWHERE = {
    401: "no key, or one that opens nothing",
    403: "the key lacks the scope that this needs",
    422: "something in the request is missing, out of range or not text",
    503: "the database, or another service that this needs, cannot be reached",
}


def refusals(special: Mapping[int, str] | None = None) -> dict[int | str, dict[str, Any]]:
    """A route's refusals: those of every route, and its own."""
    told = {**EVERYWHERE, **(special or {})}
    return {status: {"model": ErrorView, "description": told[status]} for status in sorted(told)}
