"""What the owner rules about models, set as JSON: who may answer instead of whom, and whom no request may let in."""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints, TypeAdapter

FALLBACK_EXAMPLE = '{"openai/gpt-4.1-mini": ["google/gemini-2.5-flash-lite"]}'
FLOOR_EXAMPLE = '{"data_collection": "deny", "zdr": true, "only": ["openai", "azure"], "ignore": ["deepinfra"]}'

Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
FallbackModels = Mapping[Name, Sequence[Name]]


class ProviderFloor(BaseModel):
    """What holds for every request, in the words of OpenRouter's `provider`; only the strict values."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    data_collection: Literal["deny"] | None = None
    zdr: Literal[True] | None = None
    allow_fallbacks: Literal[False] | None = None
    require_parameters: Literal[True] | None = None
    only: tuple[Name, ...] = ()
    ignore: tuple[Name, ...] = ()


def read_fallback_models(text: str) -> FallbackModels:
    """Asked model -> the models that may answer instead, in their order."""
    try:
        return TypeAdapter(dict[Name, list[Name]]).validate_python(json.loads(text or "{}"))
    except ValueError as error:  # of json and of pydantic
        raise ValueError(f"expected JSON like {FALLBACK_EXAMPLE}") from error


def read_provider_floor(text: str) -> ProviderFloor:
    """Nothing, unless it is set."""
    try:
        return ProviderFloor.model_validate_json(text or "{}")
    except ValueError as error:
        raise ValueError(f"expected JSON like {FLOOR_EXAMPLE}, no other fields and no looser values") from error
