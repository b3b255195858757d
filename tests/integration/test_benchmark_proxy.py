"""The parts of `bench proxy` on a tiny load, without the peer: doors open, answers come whole, all is stopped."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.proxy.doors import DIRECT, FLOOR, OURS, Door, Doors
from benchmarks.proxy.rounds import LOAD, PACED_STREAMS, REQUESTS, SERVER, STREAMS, Work, measure
from pilothouse.db import connect
from stack.scratch import Scratch
from tests.fixtures.postgres import DatabaseUrls

AN_INSTANT_S = 0.01
CALLS = "SELECT status, node FROM proxy.ledger WHERE node = 'benchmark'"

a_few_loads = pytest.mark.parametrize("work", [REQUESTS[0], STREAMS[1], PACED_STREAMS], ids=lambda work: work.name)


@pytest.fixture(scope="module")
def doors(
    postgres: Scratch, module_database_urls: DatabaseUrls, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Door]]:
    with ExitStack() as exits:
        make = Doors(exits, tmp_path_factory.mktemp("doors"))
        direct = make.direct()
        ours = make.ours(direct.url, postgres.cluster, database_url=module_database_urls.proxy)
        opened = (direct, make.floor(direct.url), ours)
        yield {door.name: door for door in opened}
    assert not any(Path(f"/proc/{door.pid}").exists() for door in opened)


@pytest.mark.parametrize("name", [DIRECT, FLOOR, OURS])
@a_few_loads
def test_every_door_gives_whole_answers(doors: dict[str, Door], name: str, work: Work) -> None:
    sample = measure(doors[name], work, seconds=AN_INSTANT_S)

    assert not sample.failures
    assert sample.per_second > 0
    assert {SERVER, LOAD} <= sample.cpu_ms.keys()


def test_our_door_writes_a_row_for_every_request_it_is_measured_by(
    doors: dict[str, Door], module_database_urls: DatabaseUrls
) -> None:
    with connect(module_database_urls.admin) as connection:
        before = len(connection.execute(CALLS).fetchall())
        asked = len(measure(doors[OURS], REQUESTS[1], seconds=AN_INSTANT_S).total_ms)
        rows = connection.execute(CALLS).fetchall()[before:]

    assert len(rows) == asked


def test_a_refusal_counts_as_failed_and_not_as_fast(doors: dict[str, Door]) -> None:
    without_key = replace(doors[OURS], headers={})

    sample = measure(without_key, REQUESTS[0], seconds=AN_INSTANT_S)

    assert not sample.total_ms
    assert all(failure.startswith("HTTP 401") for failure in sample.failures)
