"""The policy file: every key, no other, and nothing that contradicts itself or could be read in two ways."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from broker.policy import Policy, read_policy
from pilothouse.errors import SettingsError
from tests.fixtures.broker import POLICY
from tests.fixtures.limits import a_policy, written

UNLIMITED = (
    *("max_stake", "max_exposure", "max_exposure_share", "max_open_trades", "max_loss_per_day"),
    *("max_orders_per_hour", "max_orders_per_day"),
)


def test_the_deployed_policy_says_what_it_holds() -> None:
    assert read_policy(POLICY).content == tomllib.loads(POLICY.read_text())


@pytest.mark.parametrize("key", Policy.model_fields)
def test_a_missing_key_is_named(key: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=f"{key} is missing"):
        read_policy(written(tmp_path / "policy.toml", **{key: None}))


def test_everything_wrong_is_named_at_once(tmp_path: Path) -> None:
    file = written(tmp_path / "policy.toml", max_stake="100", max_price_drift=None, mode='"dryrun"')
    file.write_text(f'max_stakes = "5"\n{file.read_text()}')

    with pytest.raises(SettingsError) as refused:
        read_policy(file)

    for problem in (
        "mode: ",
        "max_stake: expected an amount as text",
        "max_price_drift is missing",
        "max_stakes is not",
    ):
        assert problem in refused.value.message


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("max_stake", "1e2"),
        ("max_stake", "-1"),
        ("max_stake", "1_000"),
        ("max_stake", "NaN"),
        ("max_stake", "Infinity"),
        ("max_stake", "Unlimited"),
        ("max_stake", ""),
        ("max_stake", " 100"),
        ("max_stake", "\u0661\u0660\u0660"),
        ("max_stake", 100.0),
        ("max_stake", True),
        ("min_stake", "unlimited"),
        ("max_exposure_share", "1.01"),
        ("max_exposure_share", "0"),
        ("max_open_trades", "5"),
        ("max_open_trades", True),
        ("max_open_trades", -1),
        ("max_open_trades", 2.0),
        ("max_price_drift", "1"),
        ("max_price_drift", "unlimited"),
        ("intent_lifetime_s", 0),
        ("cooldown_after_loss_s", 86_401),
        ("allowed_pairs", []),
        ("allowed_pairs", ["eth/usdt"]),
        ("allowed_pairs", ["\u0415TH/USDT"]),
        ("allowed_pairs", "*"),
        ("quiet_hours", ["22-6"]),
        ("quiet_hours", ["24:00-06:00"]),
        ("quiet_hours_zone", "Mars/Phobos"),
        ("quiet_hours_zone", "../../etc/passwd"),
        ("entry_approval", "nobody"),
        ("max_unknown", "unlimited"),
    ],
)
def test_a_value_that_could_be_read_in_two_ways_is_refused(key: str, value: Any) -> None:
    with pytest.raises(ValueError, match=key):
        a_policy(**{key: value})


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"min_stake": "101"}, "min_stake is above max_stake"),
        ({"max_stake": "301"}, "max_stake is above max_exposure"),
        ({"max_stake": "unlimited"}, "max_stake is above max_exposure"),
        ({"max_orders_per_hour": 601}, "max_orders_per_hour is above max_orders_per_day"),
        ({"entry_approval": "allowance"}, "allowance_stake is 0"),
        ({"allowance_stake": "5", "allowance_stake_per_day": "5"}, 'entry_approval is "human"'),
        ({"entry_approval": "allowance", "allowance_stake": "5"}, "allowance_stake is above allowance_stake_per_day"),
        ({"link_stake": "101"}, "link_stake is above max_stake"),
        ({"allowed_pairs": ["*", "ETH/USDT"]}, "which is every pair"),
        ({"mode": "live", "exit_approval": "allowance"}, 'must be "human"'),
        ({"mode": "live", "link_stake": "1"}, "link_stake must be 0"),
        ({"quiet_hours": ["06:00-06:00"]}, "end when they begin"),
    ],
)
def test_keys_that_contradict_each_other_are_refused(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        a_policy(**changes)


def test_no_limit_is_written_as_such_and_shown_as_such() -> None:
    policy = a_policy(**dict.fromkeys(UNLIMITED, "unlimited"))

    assert {policy.content[key] for key in UNLIMITED} == {"unlimited"}


@pytest.mark.parametrize("text", ["mode = ", "\x00", 'mode = "dry"\nmode = "live"'])
def test_what_is_no_toml_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text(text)

    with pytest.raises(SettingsError, match=r"policy\.toml cannot be read"):
        read_policy(tmp_path / "policy.toml")


def test_a_policy_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"policy\.toml cannot be read"):
        read_policy(tmp_path / "policy.toml")
