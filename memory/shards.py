"""The folders of the embedded engine's shards. A compacted one gets the next number: a single rename makes it count.

`name` is what a collection begins as, `name~1` its first compacted copy. Whatever else lies there is half made or done
with, and may hold words that were forgotten: it is removed before anything is opened.
"""

import shutil
import threading
from pathlib import Path

import qdrant_edge as edge

ASIDE = ".new"
NUMBER = "~"


class Shard:
    """An open shard that knows who reads it, so that it is never closed under a reader."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.engine = edge.EdgeShard.load(str(path))
        self._readers = 0
        self._removed = False
        self._changed = threading.Condition()

    def enter(self) -> bool:
        """Begin to read; False when another shard has taken this one's place."""
        with self._changed:
            self._readers += not self._removed
            return not self._removed

    def leave(self) -> None:
        """End reading."""
        with self._changed:
            self._readers -= 1
            self._changed.notify_all()

    def remove(self) -> None:
        """Close it when the last reader has left, and take its files away; after a crash the next start does."""
        with self._changed:
            self._removed = True
            self._changed.wait_for(lambda: self._readers == 0)
        self.engine.close()
        shutil.rmtree(self.path.rename(self.path.with_name(f"{self.path.name}{ASIDE}")))


def open_shards(folder: Path) -> dict[str, Shard]:
    """The newest shard of each collection; the rest is removed."""
    newest: dict[str, Path] = {}
    for path in sorted(_finished(folder), key=_number):
        newest[collection_of(path)] = path
    for path in folder.iterdir():
        if path not in newest.values():
            shutil.rmtree(path)
    return {name: Shard(path) for name, path in newest.items()}


def aside(folder: Path, name: str) -> Path:
    """Where a shard is made until it counts; empty."""
    path = folder / f"{name}{ASIDE}"
    shutil.rmtree(path, ignore_errors=True)
    return path


def successor(path: Path) -> Path:
    """The folder that counts instead of this one as soon as it is there."""
    return path.with_name(f"{collection_of(path)}{NUMBER}{_number(path) + 1}")


def collection_of(path: Path) -> str:
    """The collection a shard's folder belongs to."""
    return path.name.partition(NUMBER)[0]


def _finished(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.suffix != ASIDE]


def _number(path: Path) -> int:
    return int(path.name.partition(NUMBER)[2] or 0)
