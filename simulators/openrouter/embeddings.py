"""POST /embeddings: deterministic vectors of hashed words: texts that share words lie close, meaning plays no part."""

import base64
import math
import re
import struct
from hashlib import blake2b
from typing import Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from simulators.openrouter.billing import Bill, Billing
from simulators.openrouter.errors import RefusedError
from simulators.openrouter.generation import generation_id, usage
from simulators.openrouter.pricing import PROVIDER, count_tokens, find_model

DEFAULT_DIMENSIONS = 384
MOST_DIMENSIONS = 4096
WORD = re.compile(r"\w+")


class EmbeddingRequest(BaseModel):
    """The body of POST /embeddings; token lists are refused, as most of OpenRouter's providers do."""

    model_config = ConfigDict(extra="allow")

    model: str
    input: str | list[str] = Field(min_length=1)
    dimensions: int = Field(default=DEFAULT_DIMENSIONS, ge=1, le=MOST_DIMENSIONS)
    encoding_format: Literal["float", "base64"] = "float"


def embed(body: bytes, billing: Billing) -> dict[str, Any]:
    """Answer one embedding call and bill its input."""
    asked = _read(body)
    model = find_model(asked.model, embeds=True)
    texts = [asked.input] if isinstance(asked.input, str) else asked.input
    tokens = sum(count_tokens(text) for text in texts)
    bill = Bill(
        generation_id=generation_id(),
        model=asked.model,
        prompt_tokens=tokens,
        completion_tokens=0,
        cost_usd=model.cost_usd(prompt_tokens=tokens, completion_tokens=0),
        streamed=False,
        cancelled=False,
        finish_reason=None,
        duration_ms=0,
    )
    billing.add(bill)
    return {
        "id": bill.generation_id,
        "object": "list",
        "data": [
            {"object": "embedding", "index": index, "embedding": _encode(vector(text, asked.dimensions), asked)}
            for index, text in enumerate(texts)
        ],
        "model": asked.model,
        "provider": PROVIDER,
        "usage": usage(prompt_tokens=tokens, completion_tokens=0, cost_usd=bill.cost_usd),
    }


def vector(text: str, dimensions: int) -> list[float]:
    """Each word adds to one direction, chosen by its hash; length one."""
    values = [0.0] * dimensions
    for word in WORD.findall(text.lower()) or [text]:
        number = int.from_bytes(blake2b(word.encode("utf-8", "replace"), digest_size=8).digest(), "big")
        values[(number >> 1) % dimensions] += 1.0 if number & 1 else -1.0
    length = math.sqrt(sum(value * value for value in values))
    return [value / length for value in values] if length else [1.0] + [0.0] * (dimensions - 1)


def _read(body: bytes) -> EmbeddingRequest:
    try:
        return EmbeddingRequest.model_validate(orjson.loads(body))
    except (orjson.JSONDecodeError, ValidationError) as error:
        raise RefusedError(
            400, "Invalid request: expected model and input", metadata={"error_type": "invalid_request"}
        ) from error


def _encode(values: list[float], asked: EmbeddingRequest) -> list[float] | str:
    if asked.encoding_format == "float":
        return values
    return base64.b64encode(struct.pack(f"<{len(values)}f", *values)).decode()
