"""Texts to vectors, in threads of their own: no question waits behind what is to be kept, and nothing behind both."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

QUESTIONS, TEXTS = 4, 2  # at once; each holds its own scratch memory

Embed = Callable[[str], list[float]]


class Embedding:
    """Waits for its turn without holding one of the threads that everything else runs in."""

    def __init__(self, embed: Embed) -> None:
        self._embed = embed
        self._asking = ThreadPoolExecutor(QUESTIONS, thread_name_prefix="embed-question")
        self._keeping = ThreadPoolExecutor(TEXTS, thread_name_prefix="embed-text")

    async def of_question(self, question: str) -> list[float]:
        """The meaning of what is asked."""
        return await asyncio.get_running_loop().run_in_executor(self._asking, self._embed, question)

    async def of_text(self, text: str) -> list[float]:
        """The meaning of what is to be kept."""
        return await asyncio.get_running_loop().run_in_executor(self._keeping, self._embed, text)

    def close(self) -> None:
        """What waits is not begun any more."""
        for pool in (self._asking, self._keeping):
            pool.shutdown(wait=False, cancel_futures=True)
