"""Arguments that fit a tool's JSON schema, for the models that need a call to spoil."""

from typing import Any, cast

NUMBER = 100
BY_NAME = {"pair": "ETH/USDT", "timeframe": "5m", "side": "long", "sql": "SELECT pair FROM reporting.trades"}
NUMERIC = {"integer", "number"}


def sample(schema: dict[str, Any]) -> dict[str, Any]:
    """One valid value for each property, numbers last: where a cut does the most harm."""
    properties = cast("dict[str, dict[str, Any]]", schema.get("properties") or {})
    values = {name: _value(name, kind) for name, kind in properties.items()}
    return dict(sorted(values.items(), key=lambda item: isinstance(item[1], int) and not isinstance(item[1], bool)))


def _value(name: str, kind: dict[str, Any]) -> Any:
    choices = [each for each in kind.get("anyOf", []) if each.get("type") != "null"]
    of_type = (choices[0] if choices else kind).get("type", "string")
    if kind.get("enum"):
        return kind["enum"][0]
    if of_type in NUMERIC or "stake" in name or "amount" in name:
        return NUMBER if of_type in NUMERIC else str(NUMBER)
    others: dict[str, Any] = {"boolean": True, "array": [], "object": {}}
    return others.get(of_type, BY_NAME.get(name, "something"))
