"""This release trades with pretended money only, whatever the policy says."""

from pathlib import Path

import pytest

from broker.app import create_app
from broker.policy import CurrentPolicy
from pilothouse.errors import SettingsError
from pilothouse.settings import BrokerSettings
from tests.fixtures.broker import broker_environment
from tests.fixtures.limits import written
from tests.fixtures.money import IntentBook


def test_a_broker_with_a_live_policy_does_not_start_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = broker_environment(
        database_url="postgresql://nobody@127.0.0.1:1/nothing",
        freqtrade_url="http://127.0.0.1:1",
        password="none",
        key="none",
        folder=tmp_path,
        policy=written(tmp_path / "policy.toml", mode='"live"'),
    )
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(SettingsError, match="evidence card"):
        create_app(BrokerSettings.load())


async def test_a_live_policy_does_not_replace_a_dry_one(tmp_path: Path, intents: IntentBook) -> None:
    path = written(tmp_path / "policy.toml")
    current = CurrentPolicy(path)
    written(path, mode='"live"', max_stake='"101"')

    await current.reload(intents.books.audit)

    assert (current.now.mode, current.now.max_stake) == ("dry", 100)
