"""What is to be forgotten, written down before anything is: what a crash interrupts is finished at the next start.

A file for each, without a word of what it erases.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from uuid import uuid4

from memory.folder import sync
from memory.records import Turn


@dataclass(frozen=True)
class Erasure:
    """`ids` None is everything. `origins`: runs and turns that said what is forgotten; what of them waits goes too."""

    scope: str
    ids: Sequence[str] | None
    origins: Sequence[str] = ()
    rows_gone: bool = False
    turns_gone: bool = False
    name: str = ""

    def covers(self, turn: Turn | None) -> bool:
        """Whether a request that is under way, of a turn or not, must not outlive it."""
        if self.ids is None:
            return True
        return turn is not None and bool({str(turn.id), str(turn.run_id)} & {*self.origins})


class Erasures:
    """Those that are not finished."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, exist_ok=True)

    def begin(self, erasure: Erasure) -> Erasure:
        """It outlasts a crash and a power cut once this returns."""
        return self.note(replace(erasure, name=uuid4().hex))

    def note(self, erasure: Erasure) -> Erasure:
        """Write down how far it came."""
        aside = self._folder / f"{erasure.name}.new"
        aside.write_text(json.dumps(asdict(erasure)))
        sync(aside)
        aside.replace(self._path(erasure))
        sync(self._folder)
        return erasure

    def end(self, erasure: Erasure) -> None:
        """It is finished, or nothing of it was begun."""
        self._path(erasure).unlink()
        sync(self._folder)

    def unfinished(self) -> list[Erasure]:
        """What a crash left."""
        return [Erasure(**json.loads(path.read_text())) for path in sorted(self._folder.glob("*.json"))]

    def _path(self, erasure: Erasure) -> Path:
        return self._folder / f"{erasure.name}.json"
