"""Compares new memories with older ones in the background. What waits for that carries a flag: a crash repeats it."""

import asyncio
from collections import Counter
from collections.abc import Sequence

from langchain_core.language_models import BaseChatModel

from memory.engine import Engine
from memory.extraction import REFUSALS_TO_PARK, delay_after, refused
from memory.gate_asking import UnusableAnswerError, ask_replaced
from memory.gate_contradictions import settle
from memory.gate_judging import SIMILAR
from memory.gate_rules import may_replace
from memory.payload import UNCHECKED, is_tainted
from memory.records import Row
from pilothouse import log

POLL_S = 10.0
SETTLES_S = 0.2  # what is saved together is looked for once
ASKED_ABOUT = 8  # older ones in one question
NEAREST = 64


class Checking:
    """One question at a time, on nobody's request path. A model that fails is asked again later and later."""

    def __init__(self, engine: Engine, model: BaseChatModel) -> None:
        self._engine = engine
        self._model = model
        self._refusals = Counter[str]()
        self._news = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled."""
        self._engine.rows.listen(lambda _scope, _ids: self._news.set())
        failures = 0
        while True:
            self._news.clear()
            try:
                worked = await self.step()
            except Exception as error:  # noqa: BLE001 -- the run loop: providers and the engine raise what they like
                log.get_logger().warning("memory.not_compared", error=type(error).__name__)
                await asyncio.sleep(delay_after(failures).total_seconds())
                failures += 1
                continue
            failures = 0
            if not worked:
                await self._wait()

    async def _wait(self) -> None:
        try:
            await asyncio.wait_for(self._news.wait(), POLL_S)
        except TimeoutError:
            return
        await asyncio.sleep(SETTLES_S)

    async def step(self) -> bool:
        """Compare one that waits; False when none does."""
        waiting = await self._engine.rows.anyones(limit=1, **{UNCHECKED: "yes"})
        for newer in waiting:
            await settle(self._engine, newer, await self._replaced(newer))
        return bool(waiting)

    async def _replaced(self, newer: Row) -> list[Row]:
        """What others wrote is asked about apart: a sentence in it must not decide over what the person said."""
        older = await self._older(newer)
        apart = [[row for row in older if is_tainted(row.payload) is tainted] for tainted in (False, True)]
        return [row for some in apart if some for row in await self._ask(newer, some[:ASKED_ABOUT])]

    async def _ask(self, newer: Row, older: Sequence[Row]) -> list[Row]:
        try:
            return await ask_replaced(self._model, newer, older)
        except Exception as error:
            if not self._is_given_up(newer, error):
                raise
            log.get_logger().warning("memory.never_compared", id=newer.id, error=type(error).__name__)
            return []

    async def _older(self, newer: Row) -> list[Row]:
        """What it may replace by the rules, nearest first."""
        scope = newer.payload["user_id"]
        [whole] = await self._engine.rows.some_whole(scope, [newer.id])
        near = await self._engine.rows.near(scope, whole.vector.tolist(), limit=NEAREST, state="served")
        at = self._engine.now()
        return [row for row, cosine in near if cosine >= SIMILAR and may_replace(newer.payload, row.payload, at=at)]

    def _is_given_up(self, newer: Row, error: Exception) -> bool:
        """A question that is refused each time, or never answered as asked, must not cost money forever."""
        if not (refused(error) or isinstance(error, UnusableAnswerError)):
            return False
        self._refusals[newer.id] += 1
        return self._refusals[newer.id] >= REFUSALS_TO_PARK
