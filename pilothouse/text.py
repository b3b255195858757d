"""Text that PostgreSQL can keep."""

from typing import Any, cast


def without_nul(value: Any) -> Any:
    """JSON as it was, less the character NUL, which neither `text` nor `jsonb` holds."""
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, list):
        return [without_nul(each) for each in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {without_nul(name): without_nul(each) for name, each in cast("dict[str, Any]", value).items()}
    return value
