"""The catalogue: which models the twin serves, and what a token of each costs (invented, fixed prices in USD)."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from simulators.openrouter.errors import RefusedError

CHARACTERS_PER_TOKEN = 4
CREATED_AT = 1_700_000_000
PROVIDER = "Pilothouse Twin"


@dataclass(frozen=True)
class Model:
    """One entry of /models."""

    id: str
    name: str
    prompt_usd: Decimal = Decimal("0.0000004")
    completion_usd: Decimal = Decimal("0.0000016")
    context_length: int = 1_000_000
    embeds: bool = False

    def cost_usd(self, *, prompt_tokens: int, completion_tokens: int) -> Decimal:
        """What a call of this size costs."""
        return self.prompt_usd * prompt_tokens + self.completion_usd * completion_tokens


def _twin(suffix: str, does: str) -> Model:
    return Model(f"twin/{suffix}", f"Fault model: {does}")


MODELS = {
    model.id: model
    for model in (
        Model("pilothouse/rehearsal", "Rehearsal: rules, not a language model"),
        Model("openai/gpt-4.1-mini", "Answers as the rehearsal model does"),
        Model(
            "anthropic/claude-haiku-4.5",
            "Answers as the rehearsal model does",
            Decimal("0.000001"),
            Decimal("0.000005"),
        ),
        Model("openai/text-embedding-3-small", "Hashed words", Decimal("0.00000002"), Decimal(0), 8192, embeds=True),
        Model(
            "sentence-transformers/all-minilm-l6-v2",
            "Hashed words",
            Decimal("0.000000005"),
            Decimal(0),
            512,
            embeds=True,
        ),
        _twin("slow", "first byte after N seconds"),
        _twin("keep-alive", "keep-alive comments for N seconds, then the answer"),
        _twin("trickle", "N seconds between two chunks"),
        _twin("400", "refused as a bad request"),
        _twin("401", "refused: credentials"),
        _twin("402", "refused: no money"),
        _twin("403", "refused: guardrail"),
        _twin("408", "refused: timed out"),
        _twin("429", "refused: rate limit, with Retry-After"),
        _twin("502", "refused: provider down"),
        _twin("503", "refused: no provider, with Retry-After"),
        _twin("truncated", "the stream ends without a finish_reason"),
        _twin("length", "cut at the token limit"),
        _twin("error-mid-stream", "an error chunk in the middle"),
        _twin("dropped", "the connection breaks in the middle"),
        _twin("garbage", "a chunk that is not JSON"),
        _twin("cut-tool-call", "a tool call cut in the middle of its arguments"),
        _twin("bad-tool-arguments", "tool arguments that are not what the tool takes"),
        _twin("hostile", "malformed and malicious tool calls"),
    )
}


def find_model(asked: str, *, embeds: bool = False) -> Model:
    """The model of this id; `:variant` after it is ours to read elsewhere."""
    model = MODELS.get(asked) or MODELS.get(asked.partition(":")[0])
    if model is None or model.embeds is not embeds:
        raise RefusedError(400, f"{asked} is not a valid model ID", metadata={"error_type": "invalid_request"})
    return model


def count_tokens(text: str) -> int:
    """A stand-in for a tokenizer: four characters a token, rounded up."""
    return -(-len(text) // CHARACTERS_PER_TOKEN)


def catalogue() -> dict[str, Any]:
    """The answer of GET /models."""
    return {"data": [_entry(model) for model in MODELS.values()]}


def _entry(model: Model) -> dict[str, Any]:
    price = {"prompt": f"{model.prompt_usd:f}", "completion": f"{model.completion_usd:f}", "request": "0", "image": "0"}
    return {
        "id": model.id,
        "canonical_slug": model.id,
        "name": model.name,
        "created": CREATED_AT,
        "description": f"{model.name}. Served by the offline twin.",
        "context_length": model.context_length,
        "architecture": {
            "modality": "text->embeddings" if model.embeds else "text->text",
            "input_modalities": ["text"],
            "output_modalities": ["embeddings"] if model.embeds else ["text"],
            "tokenizer": "Other",
            "instruct_type": None,
        },
        "pricing": price,
        "top_provider": {
            "context_length": model.context_length,
            "max_completion_tokens": None,
            "is_moderated": False,
        },
        "per_request_limits": None,
        "supported_parameters": []
        if model.embeds
        else ["tools", "tool_choice", "max_tokens", "response_format", "seed"],
    }
