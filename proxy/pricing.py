"""What a call may cost at most: prices from the provider's own list, kept ten minutes, or from PILOTHOUSE_PRICES.

While the provider is away the last list holds. A model without a price is refused, never guessed.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, cast

import orjson

from pilothouse import log
from pilothouse.errors import PilothouseError
from pilothouse.settings import ModelPrice
from proxy.refusals import RefusedError

KEPT_S = 600
RETRY_S = 5  # a provider that is away is not asked before each call
PRICES_HINT = "set its price in PILOTHOUSE_PRICES (see .env.example), or ask a model that GET /v1/models lists with one"
PRICED = ("prompt", "completion", "request", "image", "input_cache_write", "internal_reasoning")
COSTS_EXTRA = "online"  # OpenRouter's variant that searches the web; the others cost what their model does

logger = log.get_logger()


@dataclass(frozen=True)
class Price:
    """Of one model, in US dollars: a token of the prompt, one of the completion, an image, a request."""

    prompt: Decimal
    completion: Decimal
    request: Decimal = Decimal(0)
    image: Decimal = Decimal(0)
    most_completion_tokens: int | None = None
    is_listed: bool = False  # by the provider, which then says what a call cost, too

    @property
    def is_free(self) -> bool:
        """A model on a machine of one's own."""
        return not (self.prompt or self.completion or self.request or self.image)

    def of(self, prompt_tokens: int | None, completion_tokens: int | None) -> Decimal | None:
        """What so many tokens cost; None while nobody has counted them."""
        if self.is_free:
            return Decimal(0)
        if prompt_tokens is None:
            return None
        return self.request + self.prompt * prompt_tokens + self.completion * (completion_tokens or 0)


class Prices:
    """The prices of all models."""

    def __init__(
        self,
        fetch: Callable[[str], Awaitable[bytes]],
        *,
        stated: Mapping[str, ModelPrice],
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """`fetch` asks the provider; `stated` is what a person says of models that have no price there."""
        self._fetch = fetch
        self._stated = {model: _stated(price) for model, price in stated.items()}
        self._clock_s = clock_s
        self._listed: dict[str, Price] | None = None
        self._due_at_s = 0.0
        self._fetching: asyncio.Task[None] | None = None

    async def of(self, model: str) -> Price:
        """The price of this model; raises when there is none."""
        if model in self._stated:
            return self._stated[model]
        listed = await self._list()
        name, _, variant = model.partition(":")
        price = listed.get(model) or (None if variant == COSTS_EXTRA else listed.get(name)) or self._stated.get("*")
        if price is None:
            message = f"the price of {model} is not known, so it is not asked"
            raise RefusedError(message, status=402, limit_source="pilothouse_unknown_price", hint=PRICES_HINT)
        return price

    async def _list(self) -> Mapping[str, Price]:
        """The last list, fetched anew behind the callers' backs; only the first is waited for."""
        if self._fetching is None and (self._listed is None or self._clock_s() >= self._due_at_s):
            self._fetching = asyncio.create_task(self._refresh())
        if self._listed is None and self._fetching is not None:
            await asyncio.shield(self._fetching)
        return self._listed or {}

    async def _refresh(self) -> None:
        self._due_at_s = self._clock_s() + RETRY_S
        try:
            self._listed = read_prices(await self._fetch("/models")) | read_prices(
                await self._fetch("/embeddings/models")
            )
            self._due_at_s = self._clock_s() + KEPT_S
        except PilothouseError as error:
            logger.warning("prices.unavailable", reason=error.message)
            if self._listed is None:
                raise
        finally:
            self._fetching = None


def read_prices(raw: bytes) -> dict[str, Price]:
    """Of every model whose price can be read; none where there is no list."""
    try:
        answer: Any = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return {}
    models: Any = cast("dict[str, Any]", answer).get("data") if isinstance(answer, dict) else None
    entries = cast("list[Any]", models) if isinstance(models, list) else []
    listed = [cast("dict[str, Any]", each) for each in entries if isinstance(each, dict)]
    prices = {str(model.get("id")): _read(model) for model in listed}
    return {model: price for model, price in prices.items() if price is not None}


def _stated(price: ModelPrice) -> Price:
    return Price(price.prompt, price.completion, price.request)


def _read(model: Mapping[str, Any]) -> Price | None:
    """None where a price is missing, cannot be read, or says that it varies (-1)."""
    try:
        lists = [model["pricing"], *(model["pricing"].get("overrides") or ())]  # overrides: of long prompts
        prices = [{name: Decimal(str(each.get(name, 0))) for name in PRICED} for each in lists]
    except (AttributeError, KeyError, TypeError, InvalidOperation):
        return None
    known = all(name in lists[0] for name in ("prompt", "completion"))
    if not known or not all(price.is_finite() and price >= 0 for each in prices for price in each.values()):
        return None
    dearest = {name: max(each[name] for each in prices) for name in PRICED}
    provider: Any = model.get("top_provider")
    limit = cast("dict[str, Any]", provider).get("max_completion_tokens") if isinstance(provider, dict) else None
    return Price(
        prompt=max(dearest["prompt"], dearest["input_cache_write"]),
        completion=max(dearest["completion"], dearest["internal_reasoning"]),
        request=dearest["request"],
        image=dearest["image"],
        most_completion_tokens=limit if isinstance(limit, int) and limit > 0 else None,
        is_listed=True,
    )
