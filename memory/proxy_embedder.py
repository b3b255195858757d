"""Meaning by a model of OpenRouter's, for whoever asks for one: through the proxy, which holds the key and the caps."""

import hashlib
import re

import openai

from pilothouse.errors import UpstreamError
from pilothouse.settings import MemorySettings

TIMEOUT_S = 5.0
BATCH = 32


class ProxyEmbedder:
    """Asked once for each batch: who waits for a search gets none sooner than for a second try."""

    def __init__(self, settings: MemorySettings) -> None:
        self.id = folder_name(settings.embedder)
        self.dimension = settings.embedder_dimension
        self._model = settings.embedder
        self._client = openai.OpenAI(
            base_url=f"{settings.proxy_url}/v1",
            api_key=settings.proxy_key,
            default_headers={"X-Pilothouse-Node": "memory"},
            timeout=TIMEOUT_S,
            max_retries=0,
        )

    def embed(self, texts: list[str]) -> list[list[float]]:
        """One vector a text, in their order, of the dimension that names the collection."""
        batches = [texts[start : start + BATCH] for start in range(0, len(texts), BATCH)]
        return [vector for batch in batches for vector in self._ask(batch)]

    def _ask(self, texts: list[str]) -> list[list[float]]:
        answer = self._client.embeddings.create(
            model=self._model, input=texts, dimensions=self.dimension, encoding_format="float"
        )
        vectors = [each.embedding for each in sorted(answer.data, key=lambda each: each.index)]
        if [len(vector) for vector in vectors] != [self.dimension] * len(texts):
            raise UpstreamError(
                f"{self._model} did not answer with {len(texts)} vectors of {self.dimension} numbers",
                hint="is PILOTHOUSE_MEMORY_EMBEDDER_DIMENSION one that this model has?",
            )
        return vectors


def folder_name(model: str) -> str:
    """A model's name as part of a collection's, which is a folder's: two models never get the same."""
    safe = re.sub(r"[^a-z0-9-]+", "-", model.lower())
    return f"{safe}-{hashlib.sha256(model.encode()).hexdigest()[:8]}"
