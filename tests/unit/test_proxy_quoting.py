"""What a call may cost at most is never less than what it can cost, and what nobody can bound is refused."""

from decimal import Decimal
from typing import Any

import orjson
import pytest

from pilothouse.errors import BadInputError
from proxy.pricing import Price
from proxy.quoting import quote_chat, quote_embeddings
from proxy.refusals import RefusedError

ASKED: dict[str, Any] = {"model": "a/model", "messages": [{"role": "user", "content": "Hello"}]}
STATED = Price(prompt=Decimal("0.000001"), completion=Decimal("0.000002"), request=Decimal("0.01"))
LISTED = Price(prompt=Decimal("0.0000004"), completion=Decimal("0.0000016"), is_listed=True)
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}


def said(*parts: dict[str, Any]) -> dict[str, Any]:
    """A request whose message has these parts."""
    return {**ASKED, "messages": [{"role": "user", "content": list(parts)}]}


def test_the_most_a_call_may_cost_is_its_bytes_its_longest_answer_and_the_request() -> None:
    quote = quote_chat({**ASKED, "max_tokens": 100}, STATED, max_tokens=7)

    assert quote.most_usd == Decimal("0.01") + len(quote.body) * STATED.prompt + 100 * STATED.completion


def test_the_body_that_is_sent_is_the_one_that_was_priced() -> None:
    quote = quote_chat(ASKED, STATED, max_tokens=7)

    assert orjson.loads(quote.body) == {**ASKED, "max_tokens": 7}
    assert quote.most_usd == Decimal("0.01") + len(quote.body) * STATED.prompt + 7 * STATED.completion


def test_a_model_is_never_asked_for_more_than_it_can_say() -> None:
    price = Price(prompt=Decimal(0), completion=Decimal(1), most_completion_tokens=5)

    assert quote_chat(ASKED, price, max_tokens=7).most_usd == 5


@pytest.mark.parametrize(
    ("more", "tokens"),
    [
        ({"max_tokens": 3}, 3),
        ({"max_completion_tokens": 4}, 4),
        ({"max_tokens": 3, "max_completion_tokens": 4}, 4),
        ({"max_tokens": 3, "n": 5}, 15),
        ({"n": 5}, 35),
    ],
)
def test_every_answer_asked_for_is_counted(more: dict[str, Any], tokens: int) -> None:
    price = Price(prompt=Decimal(0), completion=Decimal(1))

    assert quote_chat({**ASKED, **more}, price, max_tokens=7).most_usd == tokens


@pytest.mark.parametrize(
    "more",
    [
        {"plugins": [{"id": "web"}]},
        {"models": ["another/model"]},
        {"web_search_options": {}},
        {"tools": [{"type": "openrouter:web_search"}]},
        {"tools": ["web_search"]},
        {"modalities": ["text", "image"]},
        {"audio": {"voice": "alloy"}},
        {"prediction": {"type": "content", "content": "x"}},
        {"service_tier": "priority"},
        {"preset": "mine"},
        said({"type": "image_url", "image_url": {"url": "https://example.org/huge.png"}}),
        said({"type": "input_audio", "input_audio": {"data": "AAAA"}}),
        said({"type": "file", "file": {"file_data": "data:application/pdf;base64,AAAA"}}),
        {"messages": [{"role": "user", "content": {"type": "video_url"}}]},
    ],
    ids=lambda more: next(iter(more)),
)
def test_what_nobody_can_bound_is_refused_by_name(more: dict[str, Any]) -> None:
    with pytest.raises(RefusedError, match="not known") as raised:
        quote_chat({**ASKED, **more}, STATED, max_tokens=7)

    assert raised.value.status == 400
    assert raised.value.hint


@pytest.mark.parametrize(
    "more",
    [
        {"temperature": 0.5, "seed": 1, "unheard_of": {"by": "us"}, "user": "u", "metadata": {"a": "b"}},
        {"plugins": [], "models": None, "modalities": ["text"], "service_tier": "default"},
        {"tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "auto"},
        said({"type": "text", "text": "Hello"}),
    ],
)
def test_what_costs_nothing_passes_unchanged(more: dict[str, Any]) -> None:
    asked = {**ASKED, "max_tokens": 1, **more}

    assert orjson.loads(quote_chat(asked, STATED, max_tokens=7).body) == asked


@pytest.mark.parametrize("more", [{"max_tokens": 0}, {"max_tokens": "9"}, {"max_tokens": True}, {"n": 0}, {"n": 1.5}])
def test_a_number_that_is_none_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(BadInputError):
        quote_chat({**ASKED, **more}, STATED, max_tokens=7)


def test_an_image_counts_as_more_than_its_bytes() -> None:
    with_image = quote_chat(said(IMAGE), STATED, max_tokens=7).most_usd
    with_text = quote_chat(said({"type": "text", "text": "x" * 100}), STATED, max_tokens=7).most_usd

    assert with_image > with_text + 40_000 * STATED.prompt


def test_no_provider_may_be_dearer_than_what_is_reserved() -> None:
    quote = quote_chat({**ASKED, "max_tokens": 100}, LISTED, max_tokens=7)

    cap = {name: Decimal(str(usd)) for name, usd in orjson.loads(quote.body)["provider"]["max_price"].items()}
    assert cap["prompt"] >= LISTED.prompt * 1_000_000
    assert quote.most_usd == (len(quote.body) * cap["prompt"] + 100 * cap["completion"]) / 1_000_000


def test_who_allows_dearer_providers_has_more_reserved() -> None:
    dear = {"provider": {"max_price": {"completion": 20}, "sort": "latency"}}

    quote = quote_chat({**ASKED, "max_tokens": 100, **dear}, LISTED, max_tokens=7)

    provider = orjson.loads(quote.body)["provider"]
    assert (provider["sort"], provider["max_price"]["completion"]) == ("latency", 20)
    assert quote.most_usd > 100 * Decimal(20) / 1_000_000


@pytest.mark.parametrize("given", ["dear", "NaN", -1, [1]])
def test_a_max_price_that_is_none_is_refused(given: Any) -> None:
    with pytest.raises(BadInputError, match="max_price"):
        quote_chat({**ASKED, "provider": {"max_price": {"prompt": given}}}, LISTED, max_tokens=7)


def test_where_we_price_the_usage_ourselves_a_stream_is_asked_for_it() -> None:
    asked = {**ASKED, "max_tokens": 1, "stream": True, "stream_options": {"other": 1}}

    assert orjson.loads(quote_chat(asked, STATED, max_tokens=7).body)["stream_options"] == {
        "other": 1,
        "include_usage": True,
    }


@pytest.mark.parametrize("given", ["one text", ["two", "texts"], [1, 2, 3], [[1], [2]]])
def test_embeddings_of_texts_and_tokens_cost_at_most_their_bytes(given: Any) -> None:
    quote = quote_embeddings({"model": "an/embedder", "input": given}, STATED)

    assert quote.most_usd == Decimal("0.01") + len(quote.body) * STATED.prompt


def test_embeddings_of_images_are_refused() -> None:
    with pytest.raises(RefusedError, match="more than text"):
        quote_embeddings({"model": "an/embedder", "input": [{"content": [IMAGE]}]}, STATED)
