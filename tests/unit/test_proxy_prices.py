"""Prices come from the provider's list or from the owner, and a model without one is refused, never guessed."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import orjson
import pytest

from pilothouse.errors import UnavailableError
from pilothouse.settings import ModelPrice
from proxy.pricing import KEPT_S, Prices, read_prices
from proxy.refusals import RefusedError

LIST = {"data": [{"id": "a/model", "pricing": {"prompt": "0.0000004", "completion": "0.0000016"}}]}


@dataclass
class Provider:
    """Says what the test wants, and counts."""

    models: Any = field(default_factory=lambda: LIST)
    is_away: bool = False
    asked: int = 0

    async def fetch(self, route: str) -> bytes:
        """Its list of models; it has none of embedders."""
        self.asked += route == "/models"
        if self.is_away:
            raise UnavailableError("away")
        return orjson.dumps(self.models if route == "/models" else {})


@dataclass
class Clock:
    """Goes when told to."""

    now_s: float = 1_000

    def __call__(self) -> float:
        """Now."""
        return self.now_s


def listed(**pricing: Any) -> Any:
    """What is read of a model with these prices."""
    return read_prices(orjson.dumps({"data": [{"id": "m", "pricing": pricing}]})).get("m")


async def test_the_list_is_kept_for_ten_minutes() -> None:
    provider, clock = Provider(), Clock()
    prices = Prices(provider.fetch, stated={}, clock_s=clock)

    first = [await prices.of("a/model") for _ in range(3)]
    clock.now_s += KEPT_S - 1
    await prices.of("a/model")

    assert provider.asked == 1
    assert first[0].prompt == Decimal("0.0000004")


async def test_while_the_provider_is_away_the_last_list_holds() -> None:
    provider, clock = Provider(), Clock()
    prices = Prices(provider.fetch, stated={}, clock_s=clock)
    before = await prices.of("a/model")

    provider.is_away = True
    clock.now_s += KEPT_S + 1

    assert [await prices.of("a/model") for _ in range(3)] == [before] * 3


async def test_a_provider_that_was_never_reached_is_named_and_asked_again() -> None:
    provider = Provider(is_away=True)
    prices = Prices(provider.fetch, stated={}, clock_s=Clock())
    for _ in range(2):
        with pytest.raises(UnavailableError, match="away"):
            await prices.of("a/model")

    provider.is_away = False

    assert (await prices.of("a/model")).is_listed


@pytest.mark.parametrize("model", ["another/model", "a/model:online", "a/mod"])
async def test_a_model_without_a_price_is_refused(model: str) -> None:
    prices = Prices(Provider().fetch, stated={}, clock_s=Clock())

    with pytest.raises(RefusedError, match="not known") as raised:
        await prices.of(model)

    assert raised.value.status == 402
    assert raised.value.body()["error"]["limit_source"] == "pilothouse_unknown_price"
    assert "PILOTHOUSE_PRICES" in raised.value.hint


async def test_a_variant_costs_what_its_model_does() -> None:
    prices = Prices(Provider().fetch, stated={}, clock_s=Clock())

    assert await prices.of("a/model:nitro") == await prices.of("a/model")


async def test_what_the_owner_says_holds_for_models_without_a_price() -> None:
    stated = {
        "llama3": ModelPrice(prompt=Decimal(1), completion=Decimal(2)),
        "*": ModelPrice(prompt=Decimal(0), completion=Decimal(0)),
    }
    prices = Prices(Provider(models=[]).fetch, stated=stated, clock_s=Clock())

    assert ((await prices.of("llama3")).prompt, (await prices.of("other")).is_free) == (1, True)


@pytest.mark.parametrize(
    "pricing",
    [
        {"prompt": "-1", "completion": "-1"},
        {"prompt": "0.1"},
        {"prompt": "cheap", "completion": "0.1"},
        {"prompt": "0.1", "completion": "NaN"},
        {"prompt": "0.1", "completion": "0.1", "overrides": ["odd"]},
    ],
)
def test_a_price_that_varies_or_cannot_be_read_is_none(pricing: dict[str, Any]) -> None:
    assert listed(**pricing) is None


def test_the_dearest_way_to_be_billed_counts() -> None:
    price = listed(
        prompt="1",
        completion="2",
        input_cache_write="1.25",
        internal_reasoning="3",
        overrides=[{"min_prompt_tokens": 200_000, "prompt": "2", "completion": "4"}],
    )

    assert (price.prompt, price.completion) == (2, 4)


@pytest.mark.parametrize("raw", [b"", b"<html>", b"[]", b'{"data": 7}', b'{"data": [7, {"id": "m"}]}'])
def test_a_list_that_is_none_has_no_prices(raw: bytes) -> None:
    assert read_prices(raw) == {}
