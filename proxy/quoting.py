"""The body that is sent, and what it may cost at most. What nobody can bound is refused; what costs nothing passes.

No tokenizer makes more tokens than its text has bytes, and the template round a message is shorter than its JSON.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Any, cast

import orjson

from pilothouse.errors import BadInputError
from proxy.pricing import Price
from proxy.refusals import RefusedError

TOOL_PROMPT_TOKENS = 1_000  # providers put a text of their own before the tools
ROUNDING = Decimal("1.01")  # OpenRouter compares floats; a price must not be too dear for itself
A_MILLION = 1_000_000
IMAGE_TOKENS = 50_000  # more than any provider counts for one
UNPRICED = (
    *("plugins", "models", "route", "preset", "web_search_options", "search_parameters", "enable_search"),
    *("audio", "prediction", "speed", "image_config"),
)
FREE_PARTS = ("text", "refusal", "thinking", "redacted_thinking", "reasoning")
NOTHING: tuple[object, ...] = (None, False, [])  # an empty object is a wish: `web_search_options: {}` searches
PLAIN_TIERS = (None, "default", "flex")


@dataclass(frozen=True)
class Quote:
    """What is sent, and what it may cost at most."""

    body: bytes
    price: Price
    most_usd: Decimal


def quote_chat(asked: Mapping[str, Any], price: Price, *, max_tokens: int) -> Quote:
    """A chat completion; `max_tokens` is for a call that does not say how long its answer may become."""
    _require_priced(asked)
    images = sum(_is_image(part) for part in _parts(asked))
    tokens = _completion_tokens(asked)
    sent = dict(asked)
    if price.is_listed and not price.is_free:
        price = _dearest(price, asked)
        sent["provider"] = {**_object(asked.get("provider")), "max_price": _max_price(price)}
    if tokens is None:
        tokens = sent["max_tokens"] = min(max_tokens, price.most_completion_tokens or max_tokens)
    if asked.get("stream") and not price.is_listed:  # then it is we who make a cost of the usage
        sent["stream_options"] = {**_object(asked.get("stream_options")), "include_usage": True}
    body = orjson.dumps(sent)
    prompt_tokens = len(body) + images * IMAGE_TOKENS + (TOOL_PROMPT_TOKENS if asked.get("tools") else 0)
    doubled = 2 if b'"cache_control"' in body else 1  # what is kept for an hour costs twice
    return Quote(
        body,
        price,
        price.request
        + price.image * images
        + price.prompt * prompt_tokens * doubled
        + price.completion * tokens * _choices(asked),
    )


def quote_embeddings(asked: Mapping[str, Any], price: Price) -> Quote:
    """Embeddings: of texts, or of tokens."""
    given: Any = asked.get("input")
    texts = cast("list[Any]", given) if isinstance(given, list) else [given]
    if any(isinstance(text, dict) for text in texts):
        raise RefusedError(
            "'input' holds more than text, and what that costs is not known", status=400, hint="send texts"
        )
    body = orjson.dumps(asked)
    return Quote(body, price, price.request + price.prompt * len(body))


def _dearest(price: Price, asked: Mapping[str, Any]) -> Price:
    """What the dearest provider may take: the list names one price, others may ask for more when it is away."""
    wanted = _object(_object(asked.get("provider")).get("max_price"))
    return replace(
        price,
        prompt=max(price.prompt * ROUNDING, _dollars(wanted.get("prompt")) / A_MILLION),
        completion=max(price.completion * ROUNDING, _dollars(wanted.get("completion")) / A_MILLION),
    )


def _max_price(price: Price) -> dict[str, float]:
    """OpenRouter asks no provider that is dearer; in dollars a million tokens."""
    return {"prompt": float(price.prompt * A_MILLION), "completion": float(price.completion * A_MILLION)}


def _dollars(given: Any) -> Decimal:
    try:
        usd = Decimal(str(given or 0))
    except InvalidOperation:
        usd = Decimal(-1)
    if not usd.is_finite() or not 0 <= usd < A_MILLION:
        raise BadInputError("'provider.max_price' must be US dollars a million tokens", hint="leave it out")
    return usd


def _require_priced(asked: Mapping[str, Any]) -> None:
    extra = [name for name in UNPRICED if asked.get(name) not in NOTHING]
    tools = [tool for tool in _list(asked.get("tools")) if _type(tool) != "function"]
    if tools:
        extra.append(f"tools of the type '{_type(tools[0])}'")
    if any(modality != "text" for modality in _list(asked.get("modalities"))):
        extra.append("modalities")
    if asked.get("service_tier") not in PLAIN_TIERS:
        extra.append("service_tier")
    if extra:
        raise RefusedError(f"what {', '.join(extra)} may cost is not known", status=400, hint="leave it out")
    for part in _parts(asked):
        if not _is_image(part) and _type(part) not in FREE_PARTS:
            hint = "send text, or images as data: URLs"
            message = f"what a message's part of the type '{_type(part)}' may cost is not known"
            raise RefusedError(message, status=400, hint=hint)


def _completion_tokens(asked: Mapping[str, Any]) -> int | None:
    given = [asked.get(name) for name in ("max_tokens", "max_completion_tokens") if asked.get(name) is not None]
    if any(isinstance(each, bool) or not isinstance(each, int) or each < 1 for each in given):
        raise BadInputError("'max_tokens' must be a number of tokens, at least 1", hint="leave it out")
    return max(cast("list[int]", given), default=None)


def _choices(asked: Mapping[str, Any]) -> int:
    n = asked.get("n")
    if n is None:
        return 1
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise BadInputError("'n' must be a number of answers, at least 1", hint="leave it out")
    return n


def _parts(asked: Mapping[str, Any]) -> Iterator[Any]:
    for message in _list(asked.get("messages")):
        if isinstance(message, dict):
            content: Any = cast("dict[str, Any]", message).get("content")
            yield from [content] if isinstance(content, dict) else _list(content)


def _is_image(part: Any) -> bool:
    """One that is inside the body; behind an address may be anything."""
    if _type(part) != "image_url":
        return False
    image: Any = cast("dict[str, Any]", part).get("image_url")
    url: Any = cast("dict[str, Any]", image).get("url") if isinstance(image, dict) else image
    return isinstance(url, str) and url.startswith("data:image/")


def _list(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []


def _object(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _type(thing: Any) -> str:
    return str(cast("dict[str, Any]", thing).get("type")) if isinstance(thing, dict) else "none"
