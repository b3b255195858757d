"""Rows of a query as a short Markdown table."""

from typing import Any, cast

SHOWN_ROWS = 20
CELL_CHARACTERS = 60


def tell(fields: dict[str, Any]) -> str:
    """The table, and whether rows are missing."""
    columns = [str(column) for column in cast("list[Any]", fields.get("columns") or [])]
    rows = [cast("list[Any]", row) for row in cast("list[Any]", fields.get("rows") or [])]
    if not rows:
        return "The query returned no rows."
    lines = [_line(columns), _line(["---"] * len(columns)), *(_line(row) for row in rows[:SHOWN_ROWS])]
    more = fields.get("truncated") or len(rows) > SHOWN_ROWS
    return "\n".join(
        [
            f"The query returned {len(rows)} row{'' if len(rows) == 1 else 's'}:",
            "",
            *lines,
            *(["", "There are more rows."] if more else []),
        ]
    )


def _line(cells: list[Any] | list[str]) -> str:
    return "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def _cell(value: Any) -> str:
    text = "" if value is None else str(value).replace("|", "\\|").replace("\n", " ")
    return text if len(text) <= CELL_CHARACTERS else text[: CELL_CHARACTERS - 3] + "..."
