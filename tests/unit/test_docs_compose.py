"""`compose.yaml` gives each process exactly what it needs. Nothing is started here."""

import json
import re
import stat
import tomllib
from collections import Counter
from typing import Any
from urllib.parse import urlsplit

import pytest

from pilothouse.settings import (
    CHECKOUT,
    BrokerSettings,
    ControllerSettings,
    MemorySettings,
    ProxySettings,
    ServerSettings,
    WorkerSettings,
)
from tests.fixtures.compose import WriteCompose

PROCESSES = {
    "proxy": ProxySettings,
    "broker": BrokerSettings,
    "memory": MemorySettings,
    "controller": ControllerSettings,
}
LISTENS_NOWHERE = ["migrate", "worker"]
MODEL_KEY = "sk-or-invented"


@pytest.mark.parametrize(("service", "settings"), PROCESSES.items())
def test_a_process_finds_every_setting_it_needs(
    compose: WriteCompose, blank_shell: pytest.MonkeyPatch, service: str, settings: type[ServerSettings]
) -> None:
    described = compose()
    for name, value in described.environment(service).items():
        blank_shell.setenv(name, value)

    loaded = settings.load()

    addresses = [str(value) for name, value in loaded.model_dump().items() if name.endswith("_url") and value]
    assert loaded.host == "0.0.0.0"  # noqa: S104 -- inside the container
    assert {urlsplit(address).hostname for address in addresses} <= set(described.services)


def test_a_worker_has_work_to_do_even_where_the_controller_leaves_it_all_to_others(
    compose: WriteCompose, blank_shell: pytest.MonkeyPatch
) -> None:
    for name, value in compose(PILOTHOUSE_BACKGROUND_RUNS="0").environment("worker").items():
        blank_shell.setenv(name, value)

    assert WorkerSettings.load().background_runs == 8


def test_without_a_key_the_twin_answers_and_with_one_only_the_proxy_has_it(compose: WriteCompose) -> None:
    offline = compose().file("proxy.env").read_text()
    described = compose(OPENROUTER_API_KEY=MODEL_KEY)

    assert "http://openrouter:8704/api/v1" in offline
    assert "LLM_BASE_URL" not in described.file("proxy.env").read_text()
    assert [name for name in described.content["secrets"] if MODEL_KEY in described.file(name).read_text()] == [
        "proxy.env"
    ]


def test_a_secret_is_read_by_one_service_and_by_its_owner_only(compose: WriteCompose) -> None:
    described = compose()
    readers = Counter(name for service in described.services.values() for name in service.get("secrets", []))

    assert readers == dict.fromkeys(described.content["secrets"], 1) | {"controller.env": 2}  # a worker's too
    assert {stat.S_IMODE(described.file(name).stat().st_mode) for name in readers} == {0o600}


def test_the_bot_stays_in_dry_run_on_the_twins_prices(compose: WriteCompose) -> None:
    described = compose()
    config: dict[str, Any] = json.loads(described.file("freqtrade.json").read_text())
    addresses = [urlsplit(str(address)) for address in config["exchange"]["ccxt_config"]["urls"]["api"].values()]

    assert config["dry_run"] is True
    assert {address.netloc for address in addresses} == {"exchange:8705"}
    assert {str(address.hostname) for address in addresses} <= set(described.services)


def test_only_loopback_is_published(compose: WriteCompose) -> None:
    published = [port for service in compose().services.values() for port in service.get("ports", [])]

    assert published
    assert [port for port in published if not port.startswith("127.0.0.1:")] == []


def test_every_service_that_stays_is_asked_for_its_health_and_waits_for_services_that_exist(
    compose: WriteCompose,
) -> None:
    services = compose().services

    assert [name for name, service in services.items() if "healthcheck" not in service] == LISTENS_NOWHERE
    assert {each for service in services.values() for each in service.get("depends_on", {})} <= set(services)


def test_the_images_get_every_package() -> None:
    packages = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    let_in = (CHECKOUT / ".dockerignore").read_text().splitlines()

    assert {f"!{name}" for name in [*packages["packages"], "migrations", "uv.lock"]} <= set(let_in)


def test_writing_twice_keeps_every_secret(compose: WriteCompose) -> None:
    first = compose().file("controller.env").read_text()

    assert compose().file("controller.env").read_text() == first


def test_health_is_asked_at_the_port_the_process_listens_on(
    compose: WriteCompose, blank_shell: pytest.MonkeyPatch
) -> None:
    described = compose()

    for service, settings in PROCESSES.items():
        blank_shell.setenv("PILOTHOUSE_SECRETS_FILE", str(described.file(f"{service}.env")))
        asked = re.search(r"127\.0\.0\.1:(\d+)/", described.services[service]["healthcheck"]["test"][-1])

        assert asked
        assert int(asked[1]) == settings.load().port
