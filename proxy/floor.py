"""The owner's privacy floor: merged into each request's `provider`, which may be stricter than it and never looser."""

from collections.abc import Sequence
from typing import Any, cast

from pilothouse.errors import BadInputError
from pilothouse.model_rules import ProviderFloor
from proxy.refusals import RefusedError

FORBIDDEN = 403
HINT = "leave 'provider' out, or ask for providers that PILOTHOUSE_PROVIDER_FLOOR allows"


def keep_floor(floor: ProviderFloor, asked: dict[str, Any]) -> dict[str, Any]:
    """The request as it may be sent, to the asked model and to any that answers instead."""
    rules = floor.model_dump(exclude_defaults=True)
    if not rules:
        return asked
    given: Any = asked.get("provider") or {}
    if not isinstance(given, dict):
        raise BadInputError("'provider' must be an object", hint="see OpenRouter's provider routing")
    wanted = cast("dict[str, Any]", given)
    kept = wanted | rules
    if floor.only:
        kept["only"] = _allowed(_names(wanted, "only"), floor.only)
    if floor.ignore:
        kept["ignore"] = sorted({*_names(wanted, "ignore"), *floor.ignore})
    return asked | {"provider": kept}


def _names(wanted: dict[str, Any], field: str) -> list[str]:
    names: Any = wanted.get(field) or []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in cast("list[Any]", names)):
        raise BadInputError(f"'provider.{field}' must be a list of names", hint="see OpenRouter's provider routing")
    return cast("list[str]", names)


def _allowed(wanted: Sequence[str], floor: Sequence[str]) -> list[str]:
    """Those of both. A name stands for its endpoints too: `deepinfra` for `deepinfra/turbo`."""
    if not wanted:
        return list(floor)
    allowed = [name for name in wanted if any(name == each or name.startswith(f"{each}/") for each in floor)]
    if not allowed:
        message = f"none of the providers asked for is allowed here: {', '.join(wanted)[:200]}"
        raise RefusedError(message, status=FORBIDDEN, hint=HINT)
    return allowed
