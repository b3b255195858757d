"""How much of the evidence is among the first that a search finds. Run by the command as a child of its own.

`python -m benchmarks.memory.quality JOB`; prints a line of JSON.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from benchmarks.memory import locomo
from benchmarks.memory.jobs import OURS, Spread
from benchmarks.memory.locomo import Conversation
from benchmarks.memory.plain_bm25 import PlainBm25
from benchmarks.memory.stores import Ours, StockMem0, Store
from memory.bm25 import EdgeBm25
from memory.embedder import MiniLm
from memory.row_ids import row_id

DEPTHS = (1, 5, 10, 20)
READY_S = 60

Ask = Callable[[str], Awaitable[list[str]]]


class QualityJob(BaseModel):
    """Which conversations, and where what is stored of them may lie for the time being."""

    path: Path
    folder: Path
    with_peer: bool


class Quality(BaseModel):
    """Of one way to search. `recall`: the share of the evidence in so many, averaged over the questions."""

    name: str
    questions: int
    recall: dict[int, float]
    any_in_10: float
    search: dict[str, float] | None


class Remembering:
    """The default embedder, asked once for each text: two stores hold the same."""

    id = MiniLm.id
    dimension = MiniLm.dimension

    def __init__(self) -> None:
        self._inner = MiniLm.load()
        self._known: dict[str, list[float]] = {}

    def embed(self, texts: list[str]) -> list[list[float]]:
        """From the model, or from before."""
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        self._known |= zip(new, self._inner.embed(new) if new else [], strict=True)
        return [self._known[text] for text in texts]


async def measure(job: QualityJob) -> list[Quality]:
    """Every way, on the same questions."""
    conversations = locomo.read(job.path)
    embedder = Remembering()
    ours = Ours(job.folder / OURS, embedder)
    ways = [await _of_store("pilothouse", ours, conversations), await _of_bm25(conversations)]
    if job.with_peer:
        peer = StockMem0(job.folder / "mem0", embedder, encoder=EdgeBm25())
        ways.append(await _of_store("stock mem0 search, with keywords", peer, conversations))
        peer.close()
    ours.close()
    return ways


async def _of_store(name: str, store: Store, conversations: Sequence[Conversation]) -> Quality:
    asks: dict[str, Ask] = {}
    for number, conversation in enumerate(conversations):
        scope = f"u_{number:032d}"
        await store.fill(scope, conversation.turns)
        turn_of = {row_id(scope, turn.id, turn.text): turn.id for turn in conversation.turns}
        asks[conversation.name] = _asking(store, scope, turn_of)
    return await _ask_all(name, conversations, asks)


def _asking(store: Store, scope: str, turn_of: Mapping[str, str]) -> Ask:
    async def ask(question: str) -> list[str]:
        return [turn_of[found] for found in await store.search(scope, question, limit=max(DEPTHS))]

    return ask


async def _of_bm25(conversations: Sequence[Conversation]) -> Quality:
    def asking(conversation: Conversation) -> Ask:
        index = PlainBm25([turn.text for turn in conversation.turns])

        async def ask(question: str) -> list[str]:
            return [conversation.turns[place].id for place in index.search(question, limit=max(DEPTHS))]

        return ask

    return await _ask_all("plain BM25", conversations, {each.name: asking(each) for each in conversations})


async def _ask_all(name: str, conversations: Sequence[Conversation], asks: Mapping[str, Ask]) -> Quality:
    shares: dict[int, list[float]] = {depth: [] for depth in DEPTHS}
    hits: list[bool] = []
    took_ms: list[float] = []
    for conversation in conversations:
        await asks[conversation.name]("warm up")
        for question in conversation.questions:
            started_s = time.perf_counter()
            found = await asks[conversation.name](question.text)
            took_ms.append((time.perf_counter() - started_s) * 1000)
            for depth in DEPTHS:
                shares[depth].append(len(question.evidence & set(found[:depth])) / len(question.evidence))
            hits.append(bool(question.evidence & set(found[:10])))
    return Quality(
        name=name,
        questions=len(hits),
        recall={depth: sum(each) / len(each) for depth, each in shares.items()},
        any_in_10=sum(hits) / len(hits),
        search=Spread.of(took_ms).model_dump() if name != "plain BM25" else None,
    )


if __name__ == "__main__":
    given: dict[str, Any] = json.loads(sys.argv[1])
    print(json.dumps([each.model_dump() for each in asyncio.run(measure(QualityJob(**given)))]))
