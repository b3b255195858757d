"""Mem0 as its documentation sets it up: qdrant-client's local mode in a folder. Only the models are ours."""

from pathlib import Path
from typing import Any

from mem0 import Memory
from pydantic import SecretStr

from memory.embedder import Embedder
from memory.opening import ForMem0


def open_mem0(folder: Path, embedder: Embedder) -> Any:
    """Its model cannot be reached: nothing here asks it."""
    from langchain_openai import ChatOpenAI  # noqa: PLC0415 -- takes a second

    mem0_class: Any = Memory
    texts = ForMem0(embedder)
    store = {"path": str(folder / "qdrant"), "on_disk": True, "embedding_model_dims": embedder.dimension}
    model = ChatOpenAI(model="none", base_url="http://127.0.0.1:9", api_key=SecretStr("none"))
    mem0 = mem0_class.from_config(
        {
            "history_db_path": str(folder / "history.db"),
            "vector_store": {"provider": "qdrant", "config": store},
            "embedder": {"provider": "langchain", "config": {"model": texts}},
            "llm": {"provider": "langchain", "config": {"model": model}},
        }
    )
    mem0.embedding_model.embed_batch = texts.embed_batch
    return mem0
