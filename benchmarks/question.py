"""The one question everyone is asked in `turns`, and how a whole answer is told from a cut one.

The model twin answers it with two model calls, one tool call between them and about forty streamed pieces of text.
"""

import re
from typing import Any

MESSAGE = "Show my last runs."
TOOL_NAME = "database_query"
ROWS = 10
RESULT: dict[str, Any] = {  # shaped as our tool's; the peers' gives it without a database
    "columns": ["id", "status", "model", "cost_usd", "created_at"],
    "rows": [
        [
            f"{number:08x}-9c4d-4f6a-8a53-6b1f0e2d7c91",
            "finished",
            "pilothouse/rehearsal",
            f"0.000{number}",
            f"2026-11-24T12:00:{number}.123456+00:00",
        ]
        for number in range(50, 50 - ROWS, -1)
    ],
    "row_count": ROWS,
    "truncated": False,
}
LINE = re.compile(r"\| [0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12} \| \w+ \| [\w/:.-]+ \| [\d.]+ \| \d{4}-[\d:.T+-]+ \|")


def is_whole(text: str) -> bool:
    """The tool's count, every one of its rows from the first sign to the last, and nothing after them."""
    lines = text.splitlines()
    return text.startswith(f"The query returned {ROWS} rows:") and all(map(LINE.fullmatch, lines[-ROWS:]))
