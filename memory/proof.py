"""Look for forgotten words in every file below the data folder, byte by byte.

It sees UTF-8 as written, also inside JSON. It does not see words that an engine stored compressed or in pieces, blocks
that the file system freed, copies elsewhere, nor PostgreSQL's files. Texts under 8 bytes are left out: any file holds
them by chance.
"""

import json
import os
from collections.abc import Collection, Generator, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

START = 8  # bytes of a text by which a place is looked up
FEW = 16  # are sooner looked for one by one
CHUNK = 4 * 2**20

Bytes = np.ndarray[Any, np.dtype[np.uint8]]


@dataclass
class Sighting:
    """How many files and bytes were read, and which of the texts were seen."""

    files: int = 0
    bytes: int = 0
    texts: set[str] = field(default_factory=set[str])


def look_for(texts: Collection[str], folder: Path) -> Sighting:
    """Read everything once, however many texts there are."""
    wanted = _Wanted(texts)
    seen = Sighting()
    for path in folder.rglob("*"):
        if path.is_file():
            seen.files += 1
            for chunk, fresh in _chunks(path, overlap=wanted.longest):
                seen.bytes += fresh
                seen.texts |= wanted.in_chunk(chunk)
    return seen


class _Wanted:
    """The texts by their first bytes. Three of these, as a table, rule out nearly every place at once."""

    def __init__(self, texts: Collection[str]) -> None:
        self._starts: dict[bytes, list[tuple[bytes, str]]] = {}
        self._table = np.zeros(2**24, np.bool_)
        self.longest = START
        for text in texts:
            for form in {text.encode(), json.dumps(text, ensure_ascii=False)[1:-1].encode()}:
                self._add(form, text)

    def in_chunk(self, chunk: bytes) -> set[str]:
        """Those that lie in it whole."""
        if len(self._starts) <= FEW:
            return {text for some in self._starts.values() for form, text in some if form in chunk}
        return {text for place in self._places(chunk) for text in self._at(chunk, place)}

    def _add(self, form: bytes, text: str) -> None:
        if len(form) < START:
            return
        self._starts.setdefault(form[:START], []).append((form, text))
        self._table[int.from_bytes(form[:3], "little")] = True
        self.longest = max(self.longest, len(form))

    def _places(self, chunk: bytes) -> Iterable[int]:
        if len(chunk) < START:
            return []
        values = np.frombuffer(chunk, np.uint8).astype(np.uint32)
        three = values[:-2] | (values[1:-1] << 8) | (values[2:] << 16)
        return np.nonzero(self._table[three])[0].tolist()

    def _at(self, chunk: bytes, place: int) -> list[str]:
        candidates = self._starts.get(chunk[place : place + START], [])
        return [text for form, text in candidates if chunk.startswith(form, place)]


def _chunks(path: Path, *, overlap: int) -> Generator[tuple[bytes, int]]:
    """A file without its holes, in pieces that share `overlap` bytes; one that just went holds nothing."""
    try:
        with path.open("rb", buffering=0) as file:
            for start, end in _data(file.fileno()):
                yield from _pieces(file.fileno(), start, end, overlap=overlap)
    except FileNotFoundError:
        return


def _pieces(descriptor: int, start: int, end: int, *, overlap: int) -> Generator[tuple[bytes, int]]:
    kept = b""
    while start < end:
        read = os.pread(descriptor, min(CHUNK, end - start), start)
        if not read:
            return
        start += len(read)
        yield kept + read, len(read)
        kept = (kept + read)[-overlap:]


def _data(descriptor: int) -> Generator[tuple[int, int]]:
    position, size = 0, os.fstat(descriptor).st_size
    while position < size:
        try:
            begin = os.lseek(descriptor, position, os.SEEK_DATA)
        except OSError:  # nothing but a hole up to the end
            return
        position = os.lseek(descriptor, begin, os.SEEK_HOLE)
        yield begin, position
