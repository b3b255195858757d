"""qdrant-client's filters in the embedded engine's terms. What is not mapped is refused: a dropped filter is a leak."""

from collections.abc import Callable
from typing import Any, cast

import qdrant_edge as edge
from pydantic import BaseModel
from qdrant_client import models

FILTER_FIELDS = {"must", "should", "must_not"}
CONDITION_FIELDS = {"key", "match", "range"}

MATCHES: dict[type[BaseModel], Callable[[Any], Any]] = {
    models.MatchValue: lambda match: edge.MatchValue(match.value),
    models.MatchAny: lambda match: edge.MatchAny(match.any),
    models.MatchExcept: lambda match: edge.MatchExcept(match.except_),
    models.MatchText: lambda match: edge.MatchText(match.text),
}


class UnmappedFilterError(ValueError):
    """The embedded engine is not asked with half a filter: this construct has no mapping here."""


def to_edge_filter(given: Any) -> edge.Filter | None:
    """The same filter, or an error; never a weaker one."""
    if given is None:
        return None
    if not isinstance(given, models.Filter):
        raise UnmappedFilterError(f"a filter must be a models.Filter, got {type(given).__name__}")
    refuse_others(given, FILTER_FIELDS)
    return edge.Filter(
        must=_conditions(given.must), should=_conditions(given.should), must_not=_conditions(given.must_not)
    )


def _conditions(given: Any) -> list[Any] | None:
    if given is None:
        return None
    listed = cast("list[Any]", given if isinstance(given, list) else [given])
    return [_condition(each) for each in listed]


def _condition(given: Any) -> Any:
    if isinstance(given, models.Filter):
        return to_edge_filter(given)
    if not isinstance(given, models.FieldCondition):
        raise UnmappedFilterError(f"condition {type(given).__name__} has no mapping")
    refuse_others(given, CONDITION_FIELDS)
    if given.match is None and given.range is None:
        raise UnmappedFilterError(f"the condition on {given.key} asks for nothing")
    return edge.FieldCondition(given.key, match=_match(given.match), range=_range(given.range))


def _match(given: Any) -> Any:
    if given is None:
        return None
    if type(given) not in MATCHES:
        raise UnmappedFilterError(f"match {type(given).__name__} has no mapping")
    return MATCHES[type(given)](given)


def _range(given: models.Range | models.DatetimeRange | None) -> Any:
    if given is None:
        return None
    if isinstance(given, models.Range):
        return edge.RangeFloat(gte=given.gte, gt=given.gt, lte=given.lte, lt=given.lt)
    bounds = {name: getattr(given, name) for name in ("gte", "gt", "lte", "lt")}
    return edge.RangeDateTime(**{name: at.isoformat() for name, at in bounds.items() if at is not None})


def refuse_others(given: BaseModel, mapped: set[str]) -> None:
    """Raise when a field outside `mapped` asks for anything."""
    others = {name for name in type(given).model_fields if getattr(given, name) is not None} - mapped
    if others:
        raise UnmappedFilterError(f"{type(given).__name__} with {', '.join(sorted(others))} has no mapping")
