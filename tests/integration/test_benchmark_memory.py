"""`bench memory` as a command, on few memories: both tables, and ours finds more of the evidence than plain BM25."""

import subprocess
import sys
from pathlib import Path

from benchmarks.memory import locomo
from benchmarks.memory.children import Plan, measure_all
from benchmarks.memory.jobs import OURS, PEER
from benchmarks.memory.quality import QualityJob, measure
from pilothouse.settings import CHECKOUT


async def test_on_our_own_conversations_more_of_the_evidence_is_found_than_by_keywords_or_by_stock_mem0(
    tmp_path: Path,
) -> None:
    ours, bm25, stock = await measure(QualityJob(path=locomo.OWN, folder=tmp_path, with_peer=True))

    assert ours.questions == bm25.questions == stock.questions == 43
    assert ours.recall[5] > max(bm25.recall[5], stock.recall[5])
    assert ours.recall[10] >= 0.9


def test_both_stores_are_filled_opened_again_and_asked(tmp_path: Path) -> None:
    told: list[str] = []
    plan = Plan(sizes=[200], searches=4, peer_searches=2)

    measured = measure_all(plan, tmp_path, told.append)

    assert [(each.peer, each.memories, each.users) for each in measured] == [(OURS, 200, 2), (PEER, 200, 2)]
    assert all(each.figures and each.figures["search"]["p95_ms"] > 0 for each in measured)
    assert all(each.figures and each.figures["filled_per_s"] > 0 for each in measured)
    assert list(tmp_path.iterdir()) == []


def test_a_path_that_is_not_there_is_refused_in_one_line() -> None:
    command = [sys.executable, "-Pm", "benchmarks.memory", "--locomo", "nowhere.json"]

    refused = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)

    assert refused.returncode == 2
    assert "there is no file nowhere.json" in refused.stderr
    assert "Traceback" not in refused.stderr
