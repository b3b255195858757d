"""The models that may answer instead of the asked one: from the owner's list, never dearer than what is reserved.

Only for chat: vectors of another model would be compared with those of the asked one, and mean nothing.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import orjson

from pilothouse import log
from pilothouse.errors import PilothouseError
from proxy.quoting import Quote

logger = log.get_logger()


async def bodies_of_others(
    models: Sequence[str], quote: Quote, *, quote_as: Callable[[Mapping[str, Any], str], Awaitable[Quote]]
) -> list[bytes]:
    """What is sent, for each of `models` that may not cost more. `quote_as` prices a request as one to a model."""
    sent: dict[str, Any] = orjson.loads(quote.body) if models else {}
    bodies: list[bytes] = []
    for model in models:
        try:
            other = await quote_as(sent, model)
        except PilothouseError as error:  # without a price, or not for this key
            logger.info("fallback.skipped", model=model, reason=error.message)
            continue
        if other.most_usd > quote.most_usd:
            logger.info("fallback.skipped", model=model, reason="it may cost more than the asked model")
            continue
        bodies.append(orjson.dumps(sent | {"model": model}))
    return bodies
