"""The owner's privacy floor holds whatever a request says of providers; a request may only be stricter."""

from typing import Any

import pytest

from pilothouse.errors import PilothouseError
from pilothouse.model_rules import ProviderFloor, read_fallback_models, read_provider_floor
from proxy.floor import keep_floor

FLOOR = read_provider_floor('{"data_collection": "deny", "zdr": true, "only": ["openai", "azure"], "ignore": ["x-ai"]}')
KEPT: dict[str, Any] = {"data_collection": "deny", "zdr": True, "only": ["openai", "azure"], "ignore": ["x-ai"]}


@pytest.mark.parametrize(
    ("wanted", "sent"),
    [
        (None, KEPT),
        ({}, KEPT),
        ({"data_collection": "allow", "zdr": False}, KEPT),
        ({"only": [], "ignore": None}, KEPT),
        ({"only": ["azure", "deepinfra"]}, KEPT | {"only": ["azure"]}),
        ({"only": ["azure/eu"]}, KEPT | {"only": ["azure/eu"]}),
        ({"ignore": ["openai"]}, KEPT | {"ignore": ["openai", "x-ai"]}),
        ({"order": ["azure"], "sort": "price"}, KEPT | {"order": ["azure"], "sort": "price"}),
    ],
)
def test_a_request_is_never_looser_than_the_floor_and_may_be_stricter(wanted: Any, sent: Any) -> None:
    assert keep_floor(FLOOR, {"model": "a/b", "provider": wanted}) == {"model": "a/b", "provider": sent}


def test_providers_that_the_floor_does_not_allow_are_refused_rather_than_replaced() -> None:
    with pytest.raises(PilothouseError, match="deepinfra") as raised:
        keep_floor(FLOOR, {"provider": {"only": ["deepinfra", "openai-but-not-really"]}})

    assert raised.value.status == 403
    assert "PILOTHOUSE_PROVIDER_FLOOR" in raised.value.hint


@pytest.mark.parametrize("provider", ["openai", [1], {"only": "openai"}, {"only": [7]}, {"ignore": {"a": 1}}])
def test_a_provider_that_is_no_such_thing_is_refused(provider: Any) -> None:
    with pytest.raises(PilothouseError, match="provider"):
        keep_floor(FLOOR, {"provider": provider})


def test_without_a_floor_a_request_is_sent_as_it_is() -> None:
    asked = {"model": "a/b", "provider": {"data_collection": "allow"}}

    assert keep_floor(ProviderFloor(), asked) == asked


@pytest.mark.parametrize(
    "text",
    ["deny", "[]", '{"data_collection": "allow"}', '{"zdr": false}', '{"allow_fallbacks": true}', '{"zdrr": true}'],
)
def test_a_floor_that_would_hold_nothing_is_a_mistake(text: str) -> None:
    with pytest.raises(ValueError, match="expected JSON like"):
        read_provider_floor(text)


@pytest.mark.parametrize("text", ["a/b", '["a/b"]', '{"a/b": "c/d"}', '{"a/b": [""]}', '{"a/b": {"c/d": 1}}'])
def test_fallback_models_that_cannot_be_read_are_a_mistake(text: str) -> None:
    with pytest.raises(ValueError, match="expected JSON like"):
        read_fallback_models(text)
