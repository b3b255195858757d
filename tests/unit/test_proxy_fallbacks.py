"""Another model may answer only when it is dearer in nothing than what was reserved for."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import orjson
import pytest

from pilothouse.errors import ForbiddenError
from proxy.fallbacks import bodies_of_others
from proxy.pricing import Price
from proxy.quoting import Quote, quote_chat

ASKED: dict[str, Any] = {"model": "a/b", "messages": [{"role": "user", "content": "Hello"}]}
PRICE = Price(prompt=Decimal(2), completion=Decimal(4), request=Decimal(1), image=Decimal(1), is_listed=True)


async def offered(price: Price | None, *, asked: Mapping[str, Any] = ASKED) -> list[dict[str, Any]]:
    """What is sent to another model of that price."""

    async def quote_one(sent: Mapping[str, Any]) -> Quote:
        if price is None:
            raise ForbiddenError("this key may not use it")
        return quote_chat(sent, price if sent["model"] == "other/with-a-longer-name" else PRICE, max_tokens=100)

    quote = quote_chat(asked, PRICE, max_tokens=100)
    bodies = await bodies_of_others(["other/with-a-longer-name"], asked, quote, quote_one=quote_one)
    return [orjson.loads(body) for body in bodies]


@pytest.mark.parametrize(
    "price",
    [
        PRICE,
        Price(prompt=Decimal(0), completion=Decimal(0)),
        Price(prompt=Decimal(1), completion=Decimal(4), is_listed=True, most_completion_tokens=9000),
    ],
)
async def test_one_at_the_same_price_or_a_lower_is_sent_the_same_request(price: Price) -> None:
    [sent] = await offered(price)

    assert sent["model"] == "other/with-a-longer-name"
    assert (sent["messages"], sent["max_tokens"]) == (ASKED["messages"], 100)


@pytest.mark.parametrize(
    "price",
    [
        Price(prompt=Decimal("2.1"), completion=Decimal(0)),
        Price(prompt=Decimal(0), completion=Decimal("4.1")),
        Price(prompt=Decimal(0), completion=Decimal(0), request=Decimal("1.1")),
        Price(prompt=Decimal(0), completion=Decimal(0), image=Decimal("1.1")),
        None,
    ],
)
async def test_one_that_is_dearer_in_anything_or_not_for_this_key_is_not_asked(price: Price | None) -> None:
    assert await offered(price) == []


async def test_a_limit_that_the_request_sets_holds_for_the_other_model_too() -> None:
    [sent] = await offered(PRICE, asked={**ASKED, "max_completion_tokens": 7})

    assert sent["max_completion_tokens"] == 7
    assert "max_tokens" not in sent
