"""The embedded store gives up the words it deleted, and nothing else, whatever happens meanwhile."""

import itertools
import random
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from qdrant_client import models

from memory.edge import EdgeClient
from pilothouse.settings import CHECKOUT
from tests.fixtures.memory_engine import KEYWORD

NAME = "memories-test-4"
OWNED_BY_ANN = models.Filter(must=[models.FieldCondition(key="user_id", match=models.MatchValue(value="ann"))])


def _point(number: int, text: str = "") -> models.PointStruct:
    dense = [float(number % 7 + 1), float(number % 5), 1.0, 0.0]
    vector: Any = {"": dense, "bm25": models.SparseVector(indices=[number], values=[1.0])}
    owner = "ann" if number % 2 else "bob"
    payload = {"user_id": owner, "data": text or f"the words of number {number} are these"}
    return models.PointStruct(id=str(uuid.UUID(int=number)), vector=vector, payload=payload)


def _ids(*numbers: int) -> models.PointIdsList:
    return models.PointIdsList(points=[str(uuid.UUID(int=number)) for number in numbers])


def _texts(client: EdgeClient) -> dict[str, str]:
    rows, _ = client.scroll(collection_name=NAME, limit=100_000)
    return {row.id: row.payload["data"] for row in rows}


def _files_that_hold(folder: Path, words: str) -> int:
    return sum(words.encode() in path.read_bytes() for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def store(folder: Path) -> Iterator[EdgeClient]:
    """A thousand points of two users."""
    client = EdgeClient(folder)
    client.create_collection(
        NAME,
        models.VectorParams(size=4, distance=models.Distance.COSINE),
        {"bm25": models.SparseVectorParams(modifier=models.Modifier.IDF)},
    )
    client.create_payload_index(NAME, "user_id", KEYWORD)
    client.upsert(NAME, [_point(number) for number in range(1000)])
    yield client
    client.close()


def test_deleted_words_are_in_the_files_until_the_compaction_and_then_no_more(store: EdgeClient, folder: Path) -> None:
    store.delete(NAME, _ids(7))
    store.flush()
    before = _files_that_hold(folder, "the words of number 7 are these")

    store.compact(NAME)

    assert before > 0
    assert _files_that_hold(folder, "the words of number 7 are these") == 0
    assert _files_that_hold(folder, "the words of number 8 are these") > 0


def test_what_is_left_is_found_as_before_also_after_a_restart(store: EdgeClient, folder: Path) -> None:
    store.delete(NAME, _ids(7))
    kept = _texts(store)
    words = models.SparseVector(indices=[11], values=[1.0])
    nearest = [point.score for point in store.query_points(NAME, query=[1.0, 0.0, 1.0, 0.0], limit=5).points]

    store.compact(NAME)
    store.compact(NAME)
    store.close()
    reopened = EdgeClient(folder)

    assert _texts(reopened) == kept
    assert reopened.count(NAME, OWNED_BY_ANN).count == 499
    assert [point.id for point in reopened.query_points(NAME, query=words, using="bm25", limit=3).points] == [
        str(uuid.UUID(int=11))
    ]
    found = reopened.query_points(NAME, query=[1.0, 0.0, 1.0, 0.0], limit=5).points
    assert [point.score for point in found] == nearest
    assert len(list(folder.iterdir())) == 1
    reopened.close()


def test_writes_during_a_compaction_are_all_there_and_no_read_fails(store: EdgeClient) -> None:
    expected = _texts(store)
    over, failed = threading.Event(), list[BaseException]()

    def read() -> None:
        try:
            while not over.is_set():
                store.query_points(NAME, query=[1.0, 0.0, 0.0, 0.0], limit=3)
                store.scroll(NAME, limit=20)
        except BaseException as error:  # noqa: BLE001 -- told to the test, whatever it is
            failed.append(error)

    threads = [
        threading.Thread(target=_write, args=(store, expected, over)),
        threading.Thread(target=read),
        threading.Thread(target=read),
    ]
    for thread in threads:
        thread.start()
    for _ in range(3):
        store.compact(NAME)
    over.set()
    for thread in threads:
        thread.join()

    assert failed == []
    assert len(expected) != 1000
    assert _texts(store) == expected


def _write(store: EdgeClient, expected: dict[str, str], over: threading.Event) -> None:
    """Insert, replace and delete until told to stop; `expected` says what must be there."""
    seeded = random.Random(5)  # noqa: S311 -- a test's order, no secret
    numbers = itertools.count(1000)
    while not over.is_set():
        number, changed, gone = next(numbers), seeded.randrange(1000), seeded.randrange(1000)
        store.upsert(NAME, [_point(number), _point(changed, f"changed by {number}")])
        store.delete(NAME, _ids(gone))
        store.delete(NAME, models.FilterSelector(filter=_that_says(f"changed by {number - 1}")))
        expected[str(uuid.UUID(int=number))] = f"the words of number {number} are these"
        expected[str(uuid.UUID(int=changed))] = f"changed by {number}"
        expected.pop(str(uuid.UUID(int=gone)), None)
        for key in [key for key, text in expected.items() if text == f"changed by {number - 1}"]:
            del expected[key]


def _that_says(text: str) -> models.Filter:
    return models.Filter(must=[models.FieldCondition(key="data", match=models.MatchValue(value=text))])


COMPACT_FOREVER = """
import sys
from pathlib import Path
from memory.edge import EdgeClient

client = EdgeClient(Path(sys.argv[1]))
print("open", flush=True)
while True:
    client.compact(sys.argv[2])
"""


@pytest.mark.parametrize("seed", range(8))
def test_kill_9_at_any_moment_of_a_compaction_loses_no_point_and_brings_none_back(
    store: EdgeClient, folder: Path, seed: int
) -> None:
    store.delete(NAME, _ids(*range(0, 1000, 3)))
    store.flush()
    store.close()
    command = [sys.executable, "-c", COMPACT_FOREVER, str(folder), NAME]
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE) as compacting:
        assert compacting.stdout
        assert compacting.stdout.readline() == b"open\n"
        time.sleep(random.Random(seed).random() * 0.6)  # noqa: S311 -- a moment, no secret
        compacting.kill()
    reopened = EdgeClient(folder)

    assert len(_texts(reopened)) == 666
    assert reopened.count(NAME, OWNED_BY_ANN).count == 333
    assert len(list(folder.iterdir())) == 1
    reopened.close()
