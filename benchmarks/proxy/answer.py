"""The one answer everyone is asked for: forty tokens, as OpenRouter would send them, whole or in chunks."""

from collections.abc import Mapping
from typing import Any

import orjson

INSTANT, PACED = "bench/instant", "bench/paced"
MODELS = (INSTANT, PACED)
PAUSE_S = 0.02  # between two chunks of the paced model: 50 tokens a second
TOKENS = [f"word{number} " for number in range(40)]
TEXT = "".join(TOKENS)
QUESTION = "Say forty words, one after the other, and nothing else."
ID = "gen-0000000000-benchmarked"
PRICES = {"prompt": "0.0000004", "completion": "0.0000016"}
USAGE: Mapping[str, Any] = {
    "prompt_tokens": 20,
    "completion_tokens": len(TOKENS),
    "total_tokens": 20 + len(TOKENS),
    "cost": 0.000072,
    "prompt_tokens_details": {"cached_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 0},
}
MODEL_LIST = orjson.dumps(
    {
        "data": [
            {
                "id": model,
                "name": model,
                "created": 1_700_000_000,
                "context_length": 100_000,
                "pricing": PRICES,
                "top_provider": {"context_length": 100_000, "max_completion_tokens": 50_000},
            }
            for model in MODELS
        ]
    }
)


def whole() -> bytes:
    """The unstreamed answer."""
    message = {"role": "assistant", "content": TEXT, "refusal": None}
    choice = {"index": 0, "message": message, "finish_reason": "stop", "native_finish_reason": "stop"}
    return orjson.dumps(_envelope("chat.completion", choice) | {"usage": USAGE})


def chunks() -> list[bytes]:
    """The streamed answer, event by event."""
    words = [_chunk({"role": "assistant", "content": token}) for token in TOKENS]
    nothing = {"role": "assistant", "content": ""}
    return [*words, _chunk(nothing, "stop"), _chunk(nothing, "stop", usage=USAGE), b"data: [DONE]\n\n"]


def _chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish, "native_finish_reason": finish, "logprobs": None}
    return b"data: " + orjson.dumps(_envelope("chat.completion.chunk", choice) | more) + b"\n\n"


def _envelope(kind: str, choice: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": ID,
        "provider": "Benchmark",
        "model": INSTANT,
        "object": kind,
        "created": 1_700_000_000,
        "choices": [choice],
    }
