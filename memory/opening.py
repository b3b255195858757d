"""Put Mem0 together from our store, our embedder and the proxy's model.

Import it through `loading`, which silences Mem0 first.
"""

import logging
from contextlib import ExitStack
from typing import Any

from langchain_core.embeddings import Embeddings
from langchain_openai import ChatOpenAI
from mem0 import AsyncMemory
from pydantic import SecretStr
from qdrant_client import QdrantClient

from memory.bm25 import EdgeBm25
from memory.edge import EdgeClient
from memory.embedder import Embedder
from memory.engine import OURS, Engine
from pilothouse.admit_rules import read_admit_rules
from pilothouse.clock import Clock
from pilothouse.settings import MemorySettings

MODEL_TIMEOUT_S = 30
SERVER_TIMEOUT_S = 5


def open_engine(settings: MemorySettings, embedder: Embedder, *, now: Clock) -> Engine:
    """The folder must be held by this process."""
    with ExitStack() as undo:
        client = _open_store(settings)
        undo.callback(client.close)
        model = _model(settings)
        mem0 = _open_mem0(settings, client, embedder, model)
        engine = Engine(
            mem0,
            client,
            collection=collection_of(embedder),
            dimension=embedder.dimension,
            patience_s=settings.search_deadline_s / 2,
            admit=read_admit_rules(settings.admit),
            model=model,
            now=now,
        )
        undo.pop_all()
    return engine


def collection_of(embedder: Embedder) -> str:
    """Vectors of two embedders never share a collection."""
    return f"{OURS}{embedder.id}-{embedder.dimension}"


class ForMem0(Embeddings):
    """Our embedder in the shape of Mem0's `langchain` provider."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """As langchain calls it."""
        return self._embedder.embed(texts)

    def embed_batch(self, texts: list[str], memory_action: str = "add") -> list[list[float]]:  # noqa: ARG002 -- Mem0's signature
        """As Mem0 calls it; its own would embed one text at a time."""
        return self._embedder.embed(texts)

    def embed_query(self, text: str) -> list[float]:
        """As both call it, for one text."""
        return self._embedder.embed([text])[0]


def _open_store(settings: MemorySettings) -> QdrantClient:
    if not settings.qdrant_url:
        return EdgeClient(settings.data / "store")
    return QdrantClient(
        url=settings.qdrant_url,
        api_key=settings.qdrant_api_key or None,
        timeout=SERVER_TIMEOUT_S,
        check_compatibility=False,
    )


def _open_mem0(settings: MemorySettings, client: QdrantClient, embedder: Embedder, model: ChatOpenAI) -> Any:
    logging.getLogger("mem0.utils.spacy_models").setLevel(logging.ERROR)  # it warns that spaCy is missing: we want that
    texts = ForMem0(embedder)
    mem0_class: Any = AsyncMemory
    store = {
        "client": client,
        "collection_name": collection_of(embedder),
        "embedding_model_dims": embedder.dimension,
    }
    mem0 = mem0_class.from_config(
        {
            "history_db_path": str(settings.data / "history.db"),
            "vector_store": {"provider": "qdrant", "config": store},
            "embedder": {"provider": "langchain", "config": {"model": texts}},
            "llm": {"provider": "langchain", "config": {"model": model}},
        }
    )
    # Set before first use: Mem0 would fetch an encoder over the network, and embed one text at a time.
    mem0.vector_store._bm25_encoder = EdgeBm25()  # noqa: SLF001 -- Mem0 2.2.1 offers no other way; a contract test watches
    mem0.embedding_model.embed_batch = texts.embed_batch
    # Its history is a by-product: safe from a crash of ours, and no wait for the disk at each row.
    mem0.db.connection.execute("PRAGMA journal_mode = WAL")
    mem0.db.connection.execute("PRAGMA synchronous = NORMAL")
    mem0.db.connection.execute("PRAGMA secure_delete = ON")  # what is deleted is overwritten
    return mem0


def _model(settings: MemorySettings) -> ChatOpenAI:
    """Mem0's `langchain` provider drops response_format, its `openai` provider would go around the proxy."""
    return ChatOpenAI(
        model=settings.model,
        base_url=f"{settings.proxy_url}/v1",
        api_key=SecretStr(settings.proxy_key),
        default_headers={"X-Pilothouse-Node": "memory"},
        temperature=0.1,
        timeout=MODEL_TIMEOUT_S,
        max_retries=0,
        model_kwargs={"response_format": {"type": "json_object"}},
    )
