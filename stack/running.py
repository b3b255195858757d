"""What is running in a home, noted down at its start: later commands must not guess it from their own settings."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stack.home import Home
from stack.processes import Process
from stack.secrets import write_private

TABLE = "processes.json"
NOTED = ("name", "port", "port_setting", "health")


def note(home: Home, processes: Sequence[Process]) -> None:
    """Write the table down."""
    rows = [{field: getattr(process, field) for field in NOTED} for process in processes]
    write_private(home.run / TABLE, json.dumps(rows, indent=1))


def recall(home: Home) -> list[Process]:
    """The table as noted; empty before the first start. Enough to ask each process how it is, not to start it."""
    path = home.run / TABLE
    rows: list[dict[str, Any]] = json.loads(path.read_text()) if path.exists() else []
    return [Process(**row, command=(), folder=Path(), uid=None) for row in rows]
