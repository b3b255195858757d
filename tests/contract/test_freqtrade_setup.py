"""How Freqtrade is set up: dry-run whatever happens, its secrets to itself, and no address but ours."""

import json
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from pilothouse.db import connect
from stack.freqtrade import ApiCredentials, FreqtradeConfig, in_schema, recorded_pairs, write_config
from stack.installation import ensure_installed
from tests.fixtures.freqtrade import FreqtradeBot

CREDENTIALS = ApiCredentials("pilothouse", "password", "jwt" * 12, "token")


def test_the_configuration_is_for_its_owner_only(tmp_path: Path, config: FreqtradeConfig) -> None:
    (tmp_path / "config.json").write_text("{}")

    write_config(tmp_path, config=config)

    assert stat.S_IMODE((tmp_path / "config.json").stat().st_mode) == 0o600


@pytest.mark.parametrize("exchange", ["simulated", "binance", "kraken"])
def test_it_is_always_dry_run_without_adding_to_positions(
    tmp_path: Path, config: FreqtradeConfig, exchange: str
) -> None:
    write_config(tmp_path, config=replace(config, exchange=exchange))

    written = json.loads((tmp_path / "config.json").read_text())
    assert written["dry_run"] is True
    assert written["position_adjustment_enable"] is False
    assert written["force_entry_enable"] is True
    assert written["exchange"]["key"] == written["exchange"]["secret"] == ""
    assert written["exchange"]["enable_ws"] is False
    assert written["exchange"]["only_from_ccxt"] is True


def test_on_the_twin_no_address_on_the_internet_is_left(tmp_path: Path, config: FreqtradeConfig) -> None:
    write_config(tmp_path, config=config)

    routes = json.loads((tmp_path / "config.json").read_text())["exchange"]["ccxt_config"]["urls"]["api"]
    assert routes["public"] == "http://127.0.0.1:8705/api/v3"
    assert all(url.startswith("http://127.0.0.1:8705/") for url in routes.values())


def test_a_real_exchange_keeps_its_own_addresses(tmp_path: Path, config: FreqtradeConfig) -> None:
    write_config(tmp_path, config=replace(config, exchange="kraken"))

    written = json.loads((tmp_path / "config.json").read_text())
    assert written["exchange"]["name"] == "kraken"
    assert "urls" not in written["exchange"]["ccxt_config"]
    assert written["bot_name"] == "pilothouse on kraken prices"


def test_the_stake_follows_what_pairs_are_quoted_in(tmp_path: Path, config: FreqtradeConfig) -> None:
    write_config(tmp_path, config=replace(config, pairs=("ETH/BTC",)))

    written = json.loads((tmp_path / "config.json").read_text())
    assert (written["stake_currency"], written["dry_run_wallet"], written["stake_amount"]) == ("BTC", 0.02, 0.001)


def test_trades_go_to_a_schema_of_their_own() -> None:
    url = in_schema("postgresql://pilothouse_freqtrade:secret@127.0.0.1:8707/pilothouse")

    assert url == (
        "postgresql+psycopg://pilothouse_freqtrade:secret@127.0.0.1:8707/pilothouse"
        "?options=-csearch_path%3Dtrading%20-ctimezone%3DUTC"
    )


def test_the_pairs_of_recorded_candles_are_read_off_their_files(recorded_candles: Path) -> None:
    assert recorded_pairs(recorded_candles) == ("DASH/BTC", "ETH/BTC", "LTC/BTC", "XMR/BTC")


@pytest.mark.freqtrade
def test_an_installed_environment_is_not_installed_again(freqtrade_python: Path) -> None:
    said: list[str] = []

    found = ensure_installed(freqtrade_python.parents[1], said.append)

    assert found == freqtrade_python
    assert said == []


@pytest.mark.freqtrade
def test_the_running_bot_is_what_was_asked_for(freqtrade_bot: FreqtradeBot) -> None:
    shown = freqtrade_bot.ask("show_config")

    assert (shown["version"], shown["dry_run"], shown["state"]) == ("2026.9", True, "running")
    assert shown["strategy"] == "PlumbingSample"
    assert shown["position_adjustment_enable"] is False
    assert shown["bot_name"] == "pilothouse on simulated prices"


@pytest.mark.freqtrade
def test_the_running_bot_talks_to_this_machine_only(freqtrade_bot: FreqtradeBot, first_trade: dict[str, Any]) -> None:
    peers = {each.raddr.ip for each in psutil.Process(freqtrade_bot.pid).net_connections("inet") if each.raddr}

    assert first_trade["is_open"]
    assert peers == {"127.0.0.1"}


@pytest.mark.freqtrade
def test_its_trades_stand_in_our_postgresql(freqtrade_bot: FreqtradeBot, first_trade: dict[str, Any]) -> None:
    with connect(freqtrade_bot.database_urls.admin) as connection:
        row = connection.execute("SELECT pair, stake_amount FROM trading.trades ORDER BY id").fetchone()

    assert row == {"pair": first_trade["pair"], "stake_amount": first_trade["stake_amount"]}


@pytest.fixture
def config() -> FreqtradeConfig:
    return FreqtradeConfig(
        entry_key="entry" * 8,
        strategy_entries="counted",
        port=8706,
        credentials=CREDENTIALS,
        database_url="sqlite://",
        twin_url="http://127.0.0.1:8705/",
    )
