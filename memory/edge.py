"""Qdrant's own engine inside this process, in the shape of its client, so that Mem0's Qdrant store works unmodified.

One folder a collection. What is written survives `kill -9` at once, and a power cut after the next `flush`; a flush
stops the whole interpreter for 3 to 70 ms and so is no part of a write. A method Mem0 does not need is not here and
fails loudly. qdrant-client's own local mode is no alternative: it loses rows when threads share it.
"""

# Only the arguments that are mapped are taken: any other is a TypeError, never ignored.
# pyright: reportIncompatibleMethodOverride=false

import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal, cast

import qdrant_edge as edge
from qdrant_client import QdrantClient, models

from memory.compaction import Compaction
from memory.edge_filters import refuse_others, to_edge_filter
from memory.shards import Shard, aside, open_shards

TENANT_FIELD = "user_id"
MOST = 1_000_000_000
QUERY_FIELDS = {"query", "using", "filter", "limit", "with_payload"}
DISTANCES = {models.Distance.COSINE: edge.Distance.Cosine}
MODIFIERS = {models.Modifier.IDF: edge.Modifier.Idf}


class EdgeClient(QdrantClient):
    """The part of `QdrantClient` that Mem0 uses. The folder must be held by this process (see `folder`)."""

    def __init__(self, folder: Path) -> None:  # pyright: ignore[reportMissingSuperCall] -- the parent's would open another engine
        self._folder = folder
        self._writing = threading.RLock()
        self._unflushed: set[str] = set()
        folder.mkdir(parents=True, exist_ok=True)
        self._shards = open_shards(folder)
        self._compactions: dict[str, Compaction] = {}

    def __del__(self) -> None:
        """The parent's would touch what it never made."""

    def close(self, grpc_grace: float | None = None, **kwargs: Any) -> None:  # noqa: ARG002 -- the parent's signature
        """Reads that still run get an error; nothing written is lost."""
        with self._writing:
            for shard in self._shards.values():
                shard.engine.close()
            self._shards.clear()

    def flush(self) -> None:
        """Bring what was written since the last time to the disk."""
        with self._writing:
            for name in self._unflushed & self._shards.keys():
                self._shards[name].engine.flush()
            self._unflushed.clear()

    def get_collections(self) -> Any:
        """Their names."""
        return SimpleNamespace(collections=[SimpleNamespace(name=name) for name in self._shards])

    def get_collection(self, collection_name: str) -> Any:
        """Our collections all have the keyword vector; Mem0 switches keyword search off when told otherwise."""
        self._shard(collection_name)
        params = SimpleNamespace(sparse_vectors={"bm25": models.SparseVectorParams(modifier=models.Modifier.IDF)})
        return SimpleNamespace(config=SimpleNamespace(params=params))

    def create_collection(
        self,
        collection_name: str,
        vectors_config: models.VectorParams,
        sparse_vectors_config: dict[str, models.SparseVectorParams],
    ) -> bool:
        """Made aside and renamed, so that a crash leaves none half made."""
        with self._writing:
            made = aside(self._folder, collection_name)
            edge.EdgeShard.create(str(made), _config(vectors_config, sparse_vectors_config)).close()
            self._shards[collection_name] = Shard(made.rename(self._folder / collection_name))
        return True

    def delete_collection(self, collection_name: str) -> bool:
        """Closed, then its folder removed."""
        with self._writing:
            self._shards.pop(collection_name).remove()
        return True

    def compact(self, collection_name: str) -> None:
        """Make the files hold live points only. Reads and writes go on meanwhile; one compaction at a time."""
        with self._writing:
            old = self._shard(collection_name)
            compaction = self._compactions[collection_name] = Compaction(old)
        try:
            compaction.copy()
            with self._writing:
                self._shards[collection_name] = compaction.swap()
        except BaseException:
            compaction.abandon()
            raise
        finally:
            del self._compactions[collection_name]
        old.remove()

    def create_payload_index(self, collection_name: str, field_name: str, field_schema: Literal["keyword"]) -> Any:
        """Keywords only; the user's index separates tenants."""
        if field_schema != "keyword":
            raise ValueError(f"an index of {field_schema} has no mapping")
        schema = edge.KeywordIndexParams(is_tenant=field_name == TENANT_FIELD)
        if field_name not in self._shard(collection_name).engine.info().payload_schema:
            self._write(collection_name, edge.UpdateOperation.create_field_index(field_name, schema), [])

    def upsert(self, collection_name: str, points: Any) -> Any:
        """Insert or replace, all or none."""
        converted = [edge.Point(each.id, _vectors(each.vector), each.payload) for each in points]
        self._write(collection_name, edge.UpdateOperation.upsert_points(converted), [each.id for each in points])

    def delete(self, collection_name: str, points_selector: Any) -> Any:
        """By ids, or everything a filter matches."""
        with self._writing:
            ids = self._named(collection_name, points_selector)
            self._write(collection_name, edge.UpdateOperation.delete_points(ids), ids)

    def set_payload(self, collection_name: str, payload: Any, points: Any) -> Any:
        """Set these fields on these points; their other fields stay."""
        self._write(collection_name, edge.UpdateOperation.set_payload(list(points), payload), points)

    def update_vectors(self, collection_name: str, points: Any) -> Any:
        """Replace vectors, keep payloads."""
        converted = [edge.PointVectors(each.id, _vectors(each.vector)) for each in points]
        self._write(collection_name, edge.UpdateOperation.update_vectors(converted), [each.id for each in points])

    def query_points(
        self,
        collection_name: str,
        *,
        query: Any = None,
        using: str | None = None,
        query_filter: Any = None,
        limit: int = 10,
    ) -> Any:
        """The nearest points, by meaning or (with `using`) by keywords."""
        request = edge.QueryRequest(
            limit,
            query=edge.Query.Nearest(_vector(query), using),
            filter=to_edge_filter(query_filter),
            with_payload=True,
        )
        with self._reading(collection_name) as engine:
            return SimpleNamespace(points=[_hit(each) for each in engine.query(request)])

    def query_batch_points(self, collection_name: str, requests: Sequence[models.QueryRequest]) -> Any:
        """Several queries, answered in their order."""
        for each in requests:
            refuse_others(each, QUERY_FIELDS)
        return [
            self.query_points(
                collection_name, query=each.query, using=each.using, query_filter=each.filter, limit=each.limit or 10
            )
            for each in requests
        ]

    def retrieve(
        self, collection_name: str, ids: Sequence[Any], *, with_payload: bool = True, with_vectors: bool = False
    ) -> Any:
        """The points of these ids that exist."""
        with self._reading(collection_name) as engine:
            return [_record(each) for each in engine.retrieve(list(ids), with_payload, with_vectors)]

    def scroll(
        self,
        collection_name: str,
        *,
        scroll_filter: Any = None,
        limit: int = 10,
        offset: Any = None,
        with_payload: bool = True,
        with_vectors: bool = False,
    ) -> Any:
        """A page of points and where the next one starts."""
        request = edge.ScrollRequest(offset, limit, to_edge_filter(scroll_filter), with_payload, with_vectors)
        with self._reading(collection_name) as engine:
            rows, following = engine.scroll(request)
        return [_record(each) for each in rows], following

    def count(self, collection_name: str, count_filter: Any = None) -> Any:
        """How many points match."""
        request = edge.CountRequest(filter=to_edge_filter(count_filter))
        with self._reading(collection_name) as engine:
            return SimpleNamespace(count=engine.count(request))

    def _named(self, name: str, selector: Any) -> list[Any]:
        """A deletion is always by ids, so that a compaction under way knows which points it touched."""
        if isinstance(selector, models.PointIdsList):
            return list(selector.points)
        if isinstance(selector, models.FilterSelector):
            everything = edge.ScrollRequest(None, MOST, _narrow(selector.filter), with_payload=False)
            return [row.id for row in self._shard(name).engine.scroll(everything)[0]]
        raise ValueError(f"points to delete are named by ids or a filter, got {type(selector).__name__}")

    @contextmanager
    def _reading(self, name: str) -> Generator[edge.EdgeShard]:
        while not (shard := self._shard(name)).enter():
            """A compacted one has taken its place this very moment."""
        try:
            yield shard.engine
        finally:
            shard.leave()

    def _shard(self, name: str) -> Shard:
        if name not in self._shards:
            raise ValueError(f"collection {name} does not exist")
        return self._shards[name]

    def _write(self, name: str, operation: edge.UpdateOperation, ids: Sequence[Any]) -> None:
        with self._writing:
            try:
                self._shard(name).engine.update(operation)
            finally:
                if name in self._compactions:
                    self._compactions[name].touch(ids)
            self._unflushed.add(name)


def _config(vectors: models.VectorParams, sparse: dict[str, models.SparseVectorParams]) -> edge.EdgeConfig:
    dense = edge.EdgeVectorParams(size=vectors.size, distance=DISTANCES[vectors.distance])
    keywords = {
        name: edge.EdgeSparseVectorParams(modifier=MODIFIERS[each.modifier] if each.modifier else None)
        for name, each in sparse.items()
    }
    return edge.EdgeConfig(vectors={"": dense}, sparse_vectors=keywords)


def _vectors(given: Any) -> Any:
    named = cast("dict[str, Any]", given if isinstance(given, dict) else {"": given})
    return {name: _vector(each) for name, each in named.items()}


def _vector(given: Any) -> Any:
    return edge.SparseVector(given.indices, given.values) if isinstance(given, models.SparseVector) else list(given)


def _narrow(given: models.Filter) -> edge.Filter:
    if not any((given.must, given.should, given.must_not)):
        raise ValueError("a deletion by an empty filter would take everything")
    return cast("edge.Filter", to_edge_filter(given))


def _hit(point: edge.ScoredPoint) -> Any:
    return SimpleNamespace(id=str(point.id), payload=point.payload, score=point.score)


def _record(point: edge.Record) -> Any:
    return SimpleNamespace(id=str(point.id), payload=point.payload, vector=_named(point.vector))


def _named(given: Any) -> Any:
    """As a server gives them: the one without a name alone is a plain list."""
    if not isinstance(given, dict):
        return given
    named = {name: _plain(each) for name, each in cast("dict[str, Any]", given).items()}
    return named[""] if set(named) == {""} else named


def _plain(given: Any) -> Any:
    if isinstance(given, edge.SparseVector):
        return models.SparseVector(indices=given.indices, values=given.values)
    return given
