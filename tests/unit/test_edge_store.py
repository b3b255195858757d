"""The embedded engine refuses what it does not map: a filter or an argument silently dropped would be a leak."""

from pathlib import Path
from typing import Any

import pytest
from qdrant_client import models

from memory.edge import EdgeClient
from memory.edge_filters import UnmappedFilterError, to_edge_filter

OWN = models.FieldCondition(key="user_id", match=models.MatchValue(value="ann"))
VECTORS = models.VectorParams(size=2, distance=models.Distance.COSINE)


@pytest.mark.parametrize(
    "given",
    [
        models.Filter(must=[OWN], min_should=models.MinShould(conditions=[OWN], min_count=1)),
        models.Filter(must=[models.FieldCondition(key="tags", values_count=models.ValuesCount(gt=1))]),
        models.Filter(must=[models.FieldCondition(key="tags", is_empty=True)]),
        models.Filter(must=[models.FieldCondition(key="tags")]),
        models.Filter(must=[models.FieldCondition(key="tags", match=models.MatchPhrase(phrase="a b"))]),
        models.Filter(must=[models.HasIdCondition(has_id=[1])]),
        models.Filter(must=[models.IsNullCondition(is_null=models.PayloadField(key="tags"))]),
        models.Filter(must=[models.Filter(must_not=[models.HasIdCondition(has_id=[1])])]),
        {"must": []},
    ],
)
def test_a_filter_without_a_mapping_is_refused(given: Any) -> None:
    with pytest.raises(UnmappedFilterError):
        to_edge_filter(given)


@pytest.mark.parametrize("argument", ["score_threshold", "prefetch", "shard_key_selector", "search_params"])
def test_an_argument_without_a_mapping_is_refused(tmp_path: Path, argument: str) -> None:
    client: Any = EdgeClient(tmp_path)

    with pytest.raises(TypeError, match=argument):
        client.query_points(collection_name="any", query=[1.0], **{argument: 1})


def test_a_method_without_a_mapping_fails_loudly(tmp_path: Path) -> None:
    client: Any = EdgeClient(tmp_path)

    with pytest.raises(AttributeError):
        client.clear_payload(collection_name="any", points_selector=[])


def test_a_deletion_by_an_empty_filter_is_refused(tmp_path: Path) -> None:
    client = EdgeClient(tmp_path)
    client.create_collection("notes", VECTORS, {})

    with pytest.raises(ValueError, match="would take everything"):
        client.delete("notes", models.FilterSelector(filter=models.Filter(must=[])))
    client.close()


def test_a_collection_left_half_made_by_a_crash_is_made_again(tmp_path: Path) -> None:
    (tmp_path / "notes.new" / "segments").mkdir(parents=True)

    client = EdgeClient(tmp_path)
    client.create_collection("notes", VECTORS, {})

    assert [each.name for each in client.get_collections().collections] == ["notes"]
    client.close()


def test_what_was_written_is_there_after_opening_again(tmp_path: Path) -> None:
    client = EdgeClient(tmp_path)
    client.create_collection("notes", VECTORS, {})
    client.upsert("notes", [models.PointStruct(id=1, vector={"": [1.0, 0.0]}, payload={"user_id": "ann"})])
    client.close()

    reopened = EdgeClient(tmp_path)
    assert reopened.count("notes").count == 1
    reopened.close()
