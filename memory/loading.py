"""Open the engine. Its imports take seconds, so this runs in a thread while /health says "starting"."""

import ctypes
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pilothouse import clock
from pilothouse.clock import Clock
from pilothouse.settings import MINILM, MemorySettings

if TYPE_CHECKING:
    from memory.embedder import Embedder
    from memory.engine import Engine

LoadEmbedder = Callable[[], "Embedder"]


def load_minilm() -> "Embedder":
    """The default embedder."""
    from memory.embedder import MiniLm  # noqa: PLC0415 -- onnxruntime is slow to import

    return MiniLm.load()


def load_chosen(settings: MemorySettings) -> "Embedder":
    """The embedder that the settings name."""
    if settings.embedder == MINILM:
        return load_minilm()
    from memory.proxy_embedder import ProxyEmbedder  # noqa: PLC0415 -- openai is slow to import

    return ProxyEmbedder(settings)


def load_engine(
    settings: MemorySettings, *, load_embedder: LoadEmbedder | None = None, now: Clock = clock.now
) -> "Engine":
    """Embedder and Mem0 side by side, then the store."""
    _quieten(settings.data)
    with ThreadPoolExecutor(1, thread_name_prefix="load-embedder") as beside:
        embedder = beside.submit(load_embedder or partial(load_chosen, settings))
        from memory.opening import open_engine  # noqa: PLC0415 -- after _quieten, and slow

        engine = open_engine(settings, embedder.result(), now=now)
    _trim()
    return engine


def _quieten(data: Path) -> None:
    """Read when these libraries are imported: nothing may call home or write to the home directory."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # onnxruntime, since 1.29 also on Linux
    os.environ["MEM0_TELEMETRY"] = "False"
    os.environ["MEM0_DIR"] = str(data / "mem0")
    os.environ["LANGSMITH_TRACING"] = os.environ["LANGCHAIN_TRACING_V2"] = "false"


def _trim() -> None:
    """Loading the model leaves tens of MB freed but kept; glibc gives them back when asked, other libcs cannot."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)
