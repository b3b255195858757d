"""The models that may answer instead of the asked one: from the owner's list, never dearer than what is reserved.

Only for chat: vectors of another model would be compared with those of the asked one, and mean nothing.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import orjson

from pilothouse import log
from pilothouse.errors import PilothouseError
from proxy.pricing import Price
from proxy.quoting import Quote

logger = log.get_logger()


async def bodies_of_others(
    models: Sequence[str],
    asked: Mapping[str, Any],
    quote: Quote,
    *,
    quote_one: Callable[[Mapping[str, Any]], Awaitable[Quote]],
) -> list[bytes]:
    """The same request for each of `models` that is dearer in nothing, so that what is reserved holds for it too."""
    if not models:
        return []
    limit = {name: value for name, value in orjson.loads(quote.body).items() if name == "max_tokens"}
    bodies: list[bytes] = []
    for model in models:
        try:
            other = await quote_one({**asked, **limit, "model": model})
        except PilothouseError as error:  # without a price, or not for this key
            logger.info("fallback.skipped", model=model, reason=error.message)
            continue
        if _is_dearer(other.price, quote.price):
            logger.info("fallback.skipped", model=model, reason="it may cost more than the asked model")
            continue
        bodies.append(other.body)
    return bodies


def _is_dearer(other: Price, asked: Price) -> bool:
    pairs = zip(_parts(other), _parts(asked), strict=True)
    return any(its > allowed for its, allowed in pairs)


def _parts(price: Price) -> tuple[Decimal, ...]:
    return (price.prompt, price.completion, price.request, price.image)
