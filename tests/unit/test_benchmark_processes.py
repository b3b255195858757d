"""What `bench` reads about processes, of real ones."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from benchmarks.processes import cpu_ms, family, resident_mb

PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "sum(range(5_000_000)); print('ready', flush=True); input()"])
child.wait()
"""


@pytest.fixture
def parent() -> Iterator[subprocess.Popen[str]]:
    """A process that waits for its child, which has worked and waits for us."""
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process


def test_a_childs_work_and_memory_count_as_its_parents(parent: subprocess.Popen[str]) -> None:
    pid, child = family(parent.pid)

    assert pid == parent.pid
    assert cpu_ms(parent.pid) >= cpu_ms(child) > 0
    assert resident_mb(parent.pid) > resident_mb(child) > 0


def test_a_childs_work_still_counts_when_it_has_ended() -> None:
    before = cpu_ms(os.getpid())

    subprocess.run([sys.executable, "-c", "sum(range(5_000_000))"], check=True)

    assert cpu_ms(os.getpid()) > before


def test_a_process_that_ended_uses_nothing() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()

    assert family(process.pid) == [process.pid]
    assert cpu_ms(process.pid) == 0
    assert resident_mb(process.pid) == 0
