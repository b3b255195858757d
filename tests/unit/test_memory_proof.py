"""A search for forgotten words misses none that lies in a file as written, and invents none."""

import random
from pathlib import Path

import pytest

from memory.proof import CHUNK, look_for

WORDS = "My boat lies at berth forty-two in Cascais"
ACCENTED = 'Ela disse "não",\nno cais'


def _many(more: int) -> list[str]:
    return [f"some other words, number {number}" for number in range(more)]


@pytest.mark.parametrize("more", [0, 500])
def test_words_are_seen_wherever_they_lie(tmp_path: Path, more: int) -> None:
    noise = random.Random(1).randbytes(CHUNK)  # noqa: S311 -- noise, no secret
    (tmp_path / "across").write_bytes(noise[:-5] + WORDS.encode() + noise[:100])
    with (tmp_path / "sparse").open("wb") as file:
        file.seek(64 * 2**20)
        file.write(ACCENTED.encode())

    seen = look_for([WORDS, ACCENTED, *_many(more)], tmp_path)

    assert seen.texts == {WORDS, ACCENTED}
    assert seen.files == 2
    assert seen.bytes < 20 * 2**20  # holes are not read


@pytest.mark.parametrize("more", [0, 500])
def test_words_inside_json_are_seen_and_half_of_them_are_not(tmp_path: Path, more: int) -> None:
    (tmp_path / "log").write_text('{"data": "Ela disse \\"não\\",\\nno cais", "more": "My boat lies at berth"}')

    assert look_for([WORDS, ACCENTED, *_many(more)], tmp_path).texts == {ACCENTED}
