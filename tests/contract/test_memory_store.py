"""What Mem0 asks of its store: the embedded engine always, a Qdrant server too when QDRANT_CONTRACT_URL is set."""

from datetime import UTC, datetime
from typing import Any

import pytest
from qdrant_client import QdrantClient, models

from tests.fixtures.memory_engine import ANN, BOB

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
OWNED_BY_ANN = models.FieldCondition(key="user_id", match=models.MatchValue(value="ann"))
OWNED_BY_BOB = models.FieldCondition(key="user_id", match=models.MatchValue(value="bob"))

FILTERS: list[tuple[models.Filter, set[str]]] = [
    (models.Filter(must=[OWNED_BY_ANN]), {ANN}),
    (models.Filter(must_not=[OWNED_BY_ANN]), {BOB}),
    (models.Filter(should=[OWNED_BY_ANN, OWNED_BY_BOB]), {ANN, BOB}),
    (models.Filter(must=[OWNED_BY_ANN, models.Filter(must=[OWNED_BY_BOB])]), set()),
    (models.Filter(must=[models.Filter(should=[OWNED_BY_BOB])]), {BOB}),
    (models.Filter(must=[models.FieldCondition(key="tags", match=models.MatchValue(value="bob"))]), {BOB}),
    (models.Filter(must=[models.FieldCondition(key="tags", match=models.MatchAny(any=["ann", "eve"]))]), {ANN}),
    (
        models.Filter(must=[models.FieldCondition(key="user_id", match=models.MatchExcept(**{"except": ["ann"]}))]),
        {BOB},
    ),
    (models.Filter(must=[models.FieldCondition(key="data", match=models.MatchText(text="by bob"))]), {BOB}),
    (models.Filter(must=[models.FieldCondition(key="rank", range=models.Range(gt=7))]), {BOB}),
    (
        models.Filter(must=[models.FieldCondition(key="at", range=models.DatetimeRange(lt=NEW_YEAR))]),
        set(),
    ),
    (models.Filter(must=[models.FieldCondition(key="at", range=models.DatetimeRange(gt=NEW_YEAR))]), {ANN, BOB}),
]


@pytest.mark.parametrize(("given", "expected"), FILTERS)
def test_a_filter_lets_through_exactly_what_it_names(
    vector_client: QdrantClient, collection: str, given: models.Filter, expected: set[str]
) -> None:
    rows, _ = vector_client.scroll(collection_name=collection, scroll_filter=given, limit=10)

    assert {str(row.id) for row in rows} == expected
    assert vector_client.count(collection_name=collection, count_filter=given).count == len(expected)


def test_the_nearest_point_by_meaning_comes_first(vector_client: QdrantClient, collection: str) -> None:
    found = vector_client.query_points(collection_name=collection, query=[0.9, 0.1], limit=2).points

    assert [str(point.id) for point in found] == [ANN, BOB]
    assert found[0].score > found[1].score


def test_keywords_find_the_point_that_holds_them(vector_client: QdrantClient, collection: str) -> None:
    words = models.SparseVector(indices=[8], values=[1.0])

    found = vector_client.query_points(collection_name=collection, query=words, using="bm25", limit=2).points

    assert [str(point.id) for point in found] == [BOB]


def test_several_questions_are_answered_in_their_order(vector_client: QdrantClient, collection: str) -> None:
    requests = [models.QueryRequest(query=vector, limit=1, with_payload=True) for vector in ([0.0, 1.0], [1.0, 0.0])]

    answers = vector_client.query_batch_points(collection_name=collection, requests=requests)

    assert [str(answer.points[0].id) for answer in answers] == [BOB, ANN]


def test_a_changed_field_leaves_the_others(vector_client: QdrantClient, collection: str) -> None:
    vector_client.set_payload(collection_name=collection, payload={"rank": 99}, points=[ANN])

    payload: Any = vector_client.retrieve(collection_name=collection, ids=[ANN], with_payload=True)[0].payload
    assert (payload["rank"], payload["data"]) == (99, "said by ann")


def test_a_changed_vector_is_found_where_it_is_now(vector_client: QdrantClient, collection: str) -> None:
    moved = models.PointVectors(id=BOB, vector={"": [1.0, 0.0]})

    vector_client.update_vectors(collection_name=collection, points=[moved])

    found = vector_client.query_points(collection_name=collection, query=[1.0, 0.0], limit=2).points
    assert {round(point.score, 3) for point in found} == {1.0}


@pytest.mark.parametrize(
    "selector",
    [models.PointIdsList(points=[ANN]), models.FilterSelector(filter=models.Filter(must=[OWNED_BY_ANN]))],
)
def test_a_deletion_takes_what_it_names_only(vector_client: QdrantClient, collection: str, selector: Any) -> None:
    vector_client.delete(collection_name=collection, points_selector=selector)

    rows, _ = vector_client.scroll(collection_name=collection, limit=10)
    assert [str(row.id) for row in rows] == [BOB]


def test_a_scroll_by_pages_gives_meaning_and_keywords_as_they_were_stored(
    vector_client: QdrantClient, collection: str
) -> None:
    first, following = vector_client.scroll(collection_name=collection, limit=1, with_vectors=True)
    second, end = vector_client.scroll(collection_name=collection, limit=1, offset=following, with_vectors=True)

    vectors: dict[str, Any] = {str(row.id): row.vector for row in [*first, *second]}
    assert end is None
    assert {row_id: vector[""] for row_id, vector in vectors.items()} == {ANN: [1, 0], BOB: [0, 1]}
    assert {row_id: list(vector["bm25"].indices) for row_id, vector in vectors.items()} == {ANN: [7], BOB: [8]}
    assert list(vectors[ANN]["bm25"].values) == [1.0]


def test_points_are_given_with_their_vectors_only_when_asked_for(vector_client: QdrantClient, collection: str) -> None:
    plain = vector_client.retrieve(collection_name=collection, ids=[ANN], with_payload=True)
    whole: Any = vector_client.retrieve(collection_name=collection, ids=[ANN], with_payload=True, with_vectors=True)

    assert plain[0].vector is None
    assert whole[0].vector[""] == [1, 0]
    assert list(whole[0].vector["bm25"].indices) == [7]


def test_a_point_without_keywords_is_given_with_its_meaning(vector_client: QdrantClient, collection: str) -> None:
    point = models.PointStruct(id=ANN, vector={"": [0.0, 1.0]}, payload={"user_id": "ann"})
    vector_client.upsert(collection_name=collection, points=[point])

    rows: Any = vector_client.retrieve(collection_name=collection, ids=[ANN], with_vectors=True)

    vector = rows[0].vector
    assert (vector[""] if isinstance(vector, dict) else vector) == [0, 1]


def test_an_upsert_of_the_same_id_replaces(vector_client: QdrantClient, collection: str) -> None:
    point = models.PointStruct(id=ANN, vector={"": [1.0, 0.0]}, payload={"user_id": "ann", "data": "new"})

    vector_client.upsert(collection_name=collection, points=[point])

    rows = vector_client.retrieve(collection_name=collection, ids=[ANN], with_payload=True)
    assert rows[0].payload == {"user_id": "ann", "data": "new"}
    assert vector_client.count(collection_name=collection).count == 2


def test_the_keyword_slot_is_reported(vector_client: QdrantClient, collection: str) -> None:
    sparse = vector_client.get_collection(collection_name=collection).config.params.sparse_vectors

    assert "bm25" in (sparse or {})
    assert collection in [each.name for each in vector_client.get_collections().collections]
