"""One call under way: its id, the chunks and bodies OpenRouter would send for it, and its bill."""

import secrets
import time
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import orjson

from simulators.openrouter.billing import Bill
from simulators.openrouter.errors import error_body
from simulators.openrouter.pricing import PROVIDER, Model, count_tokens
from simulators.openrouter.reply import Reply

MID_STREAM_ERROR = error_body(502, "Provider disconnected unexpectedly", {"error_type": "provider_unavailable"})


def generation_id() -> str:
    """An id of OpenRouter's form."""
    return f"gen-{int(time.time())}-{secrets.token_hex(10)}"


def usage(*, prompt_tokens: int, completion_tokens: int, cost_usd: Decimal) -> dict[str, Any]:
    """The usage object, with the cost that OpenRouter always returns. Its costs are JSON numbers."""
    cost = float(cost_usd)
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
        "cost": cost,
        "is_byok": False,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "cost_details": {
            "upstream_inference_cost": None,
            "upstream_inference_prompt_cost": cost if not completion_tokens else None,
            "upstream_inference_completions_cost": None,
        },
        "completion_tokens_details": {"reasoning_tokens": 0},
    }


@dataclass
class Generation:
    """Counts what was produced so far; the bill is made from that and nothing else."""

    model: Model
    asked_model: str
    prompt: str
    streamed: bool
    id: str = field(default_factory=generation_id)
    produced: str = ""
    finish_reason: str | None = None
    cancelled: bool = False
    created: int = field(default_factory=lambda: int(time.time()))
    started_s: float = field(default_factory=time.monotonic)

    @property
    def prompt_tokens(self) -> int:
        """What was sent to the model."""
        return count_tokens(self.prompt)

    @property
    def completion_tokens(self) -> int:
        """What the model said until now."""
        return count_tokens(self.produced)

    @property
    def cost_usd(self) -> Decimal:
        """What is owed until now."""
        return self.model.cost_usd(prompt_tokens=self.prompt_tokens, completion_tokens=self.completion_tokens)

    def bill(self) -> Bill:
        """The account of this call as it stands."""
        return Bill(
            generation_id=self.id,
            model=self.asked_model,
            prompt_tokens=self.prompt_tokens,
            completion_tokens=self.completion_tokens,
            cost_usd=self.cost_usd,
            streamed=self.streamed,
            cancelled=self.cancelled,
            finish_reason=self.finish_reason,
            duration_ms=round((time.monotonic() - self.started_s) * 1000),
        )

    def usage(self) -> dict[str, Any]:
        """Usage as it stands."""
        return usage(prompt_tokens=self.prompt_tokens, completion_tokens=self.completion_tokens, cost_usd=self.cost_usd)

    def chunk(self, delta: dict[str, Any], finish: str | None = None, **extra: Any) -> bytes:
        """One SSE event of the stream."""
        choice = {"index": 0, "delta": delta, "finish_reason": finish, "native_finish_reason": finish, "logprobs": None}
        return b"data: " + orjson.dumps(self._envelope("chat.completion.chunk", choice) | extra) + b"\n\n"

    def body(self, reply: Reply) -> bytes:
        """The unstreamed answer."""
        message: dict[str, Any] = {"role": "assistant", "content": reply.text or None, "refusal": None}
        if reply.calls:
            message["tool_calls"] = [call.wire() for call in reply.calls]
        finish = "error" if reply.ending == "error" else reply.finish
        choice = {"index": 0, "message": message, "finish_reason": finish, "native_finish_reason": finish}
        if reply.ending == "error":
            choice["error"] = MID_STREAM_ERROR
        return orjson.dumps(self._envelope("chat.completion", choice) | {"usage": self.usage()})

    def _envelope(self, kind: str, choice: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": self.id,
            "provider": PROVIDER,
            "model": self.asked_model,
            "object": kind,
            "created": self.created,
            "choices": [choice],
            "system_fingerprint": None,
        }
