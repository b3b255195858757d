"""A copy of a shard that holds its live points and nothing else: the engine itself never gives deleted words up."""

import shutil
from collections.abc import Iterable
from typing import Any

import qdrant_edge as edge

from memory.folder import sync, sync_all
from memory.shards import Shard, aside, successor

PAGE = 200  # each call stops the interpreter for some milliseconds: small ones let searches through
FEW = 100
CONFIG = "edge_config.json"


class Compaction:
    """From begin to swap. Points that are written meanwhile are `touched`, and copied again."""

    def __init__(self, shard: Shard) -> None:
        self._from = shard
        self._touched: set[str] = set()
        self._path = aside(shard.path.parent, shard.path.name)
        self._path.mkdir()
        shutil.copyfile(shard.path / CONFIG, self._path / CONFIG)
        self._to = edge.EdgeShard.load(str(self._path))
        self._copy_indexes()

    def touch(self, ids: Iterable[Any]) -> None:
        """These points were written just now. Told after the write: a copy made in between is then made again."""
        self._touched.update(map(str, ids))

    def copy(self) -> None:
        """Everything, while others read and write; then what they wrote, until little is left."""
        offset: Any = None
        while True:
            request = edge.ScrollRequest(offset, PAGE, None, with_payload=True, with_vector=True)
            rows, offset = self._from.engine.scroll(request)
            self._put(rows)
            if offset is None:
                break
        while len(self._touched) > FEW:
            self._catch_up()
        self._to.flush()  # most of the time that writers would have to wait for the swap
        sync_all(self._path)

    def swap(self) -> Shard:
        """The rest, then the rename with which the copy counts. Nobody writes meanwhile: the caller holds the lock."""
        self._catch_up()
        self._copy_indexes()
        self._check()
        self._to.flush()
        self._to.close()
        sync_all(self._path)
        final = self._path.rename(successor(self._from.path))
        sync(final.parent)
        try:
            return Shard(final)
        except BaseException:
            shutil.rmtree(final)  # else it would count at the next start, without what is written until then
            raise

    def abandon(self) -> None:
        """Take away what was copied."""
        self._to.close()
        shutil.rmtree(self._path, ignore_errors=True)

    def _catch_up(self) -> None:
        ids = [self._touched.pop() for _ in range(min(PAGE, len(self._touched)))]
        while ids:
            live = self._from.engine.retrieve(list(ids), with_payload=True, with_vector=True)
            self._to.update(edge.UpdateOperation.delete_points(list(ids)))
            self._put(live)
            ids = [self._touched.pop() for _ in range(min(PAGE, len(self._touched)))]

    def _put(self, rows: list[edge.Record]) -> None:
        if rows:
            points = [edge.Point(row.id, row.vector or {}, row.payload) for row in rows]
            self._to.update(edge.UpdateOperation.upsert_points(points))

    def _copy_indexes(self) -> None:
        made = self._to.info().payload_schema
        for field, index in self._from.engine.info().payload_schema.items():
            if field not in made:
                self._to.update(edge.UpdateOperation.create_field_index(field, index.params or index.data_type))

    def _check(self) -> None:
        everything = edge.CountRequest(exact=True)
        before, after = self._from.engine.count(everything), self._to.count(everything)
        if before != after:
            raise RuntimeError(f"the copy holds {after} of {before} points")
