"""The only reader of the environment. One class a process; each process also reads its own secrets file.

`PILOTHOUSE_SECRETS_FILE` names that file (owner-only, KEY=VALUE lines); the environment wins over it.
"""

import json
import os
from base64 import b64decode
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from pilothouse.admit_rules import read_admit_rules
from pilothouse.errors import SettingsError
from pilothouse.model_rules import (
    FallbackModels,
    ProviderFloor,
    read_fallback_models,
    read_provider_floor,
)

KEY_BYTES = 32
CHECKOUT = Path(__file__).parents[1]
REHEARSAL_MODEL = "pilothouse/rehearsal"
MINILM = "minilm"
REHEARSAL_NOTICE = "rehearsal model: set OPENROUTER_API_KEY for a real one"


def _require_address(value: str, schemes: tuple[str, ...]) -> str:
    expected = f"expected an address that begins with {schemes[0]}://"
    try:
        parts = urlsplit(value)
        usable = parts.scheme in schemes and (parts.hostname or parts.query) and parts.port != 0
    except ValueError as error:  # its port is none; the value itself may hold a password and is not shown
        raise ValueError(expected + ", with a port between 1 and 65535") from error
    if value and not usable:
        raise ValueError(expected)
    return value


def _require_http(value: str) -> str:
    return _require_address(value, ("http", "https"))


def _require_postgres(value: str) -> str:
    return _require_address(value, ("postgresql", "postgres"))


def _require_key(value: str) -> str:
    try:
        length = len(b64decode(value, validate=True))
    except ValueError:
        length = -1
    if value and length != KEY_BYTES:
        raise ValueError(
            f"expected {KEY_BYTES} random bytes in base64; make one: head -c {KEY_BYTES} /dev/urandom | base64"
        )
    return value


class ModelPrice(BaseModel):
    """What a person says a model costs, in US dollars a token, and a request."""

    model_config = ConfigDict(extra="forbid")

    prompt: Decimal = Field(ge=0)
    completion: Decimal = Field(ge=0)
    request: Decimal = Field(default=Decimal(0), ge=0)


def _read_prices(text: str) -> Mapping[str, ModelPrice]:
    try:
        return TypeAdapter(dict[str, ModelPrice]).validate_python(json.loads(text or "{}", parse_float=Decimal))
    except ValueError as error:  # of json and of pydantic
        raise ValueError('expected JSON like {"llama3": {"prompt": "0.0000001", "completion": "0"}}') from error


def _readable(read: Callable[[str], object]) -> AfterValidator:
    """The text stays as it is, once `read` can read it."""

    def check(text: str) -> str:
        read(text)
        return text

    return AfterValidator(check)


def _none_when_empty(value: object) -> object:
    return None if value == "" else value


Port = Annotated[int, Field(ge=1, le=65535)]
Cap = Annotated[Annotated[Decimal, Field(ge=0)] | None, BeforeValidator(_none_when_empty)]
EmbedderDimension = Annotated[int, Field(ge=8, le=8192)]
MaxTokens = Annotated[int, Field(ge=1, le=10_000_000)]
Prices = Annotated[Mapping[str, ModelPrice], NoDecode, BeforeValidator(_read_prices)]
HttpUrl = Annotated[str, AfterValidator(_require_http)]
EncryptionKey = Annotated[str, AfterValidator(_require_key)]
PostgresUrl = Annotated[str, AfterValidator(_require_postgres)]


class ProcessSettings(BaseSettings):
    """What every process of ours has."""

    # Without a prefix, populate_by_name would read HOST, PORT or HOME as ours; aliases ignore the prefix.
    model_config = SettingsConfigDict(extra="ignore", env_prefix="PILOTHOUSE_", populate_by_name=True)

    @classmethod
    def load(cls) -> Self:
        """Read secrets file and environment; names everything that is missing or wrong in one error."""
        try:
            return cls(_env_file=os.environ.get("PILOTHOUSE_SECRETS_FILE"))  # pyright: ignore[reportCallIssue] -- pydantic-settings takes it, its plugin-less stubs do not show it
        except ValidationError as error:
            raise SettingsError(_list_problems(error), hint="see .env.example") from error


class ServerSettings(ProcessSettings):
    """A process that listens."""

    host: str = Field(default="127.0.0.1", validation_alias="PILOTHOUSE_HOST")
    port: int


class CalledSettings(ServerSettings):
    """A process that other processes of ours call with keys."""

    key_secret: str = Field(validation_alias="PILOTHOUSE_KEY_SECRET", min_length=32)
    callers: dict[str, str] = Field(validation_alias="PILOTHOUSE_CALLERS")  # name -> hash, as JSON


class ProxySettings(CalledSettings):
    """`proxy`: the one door to models."""

    port: int = Field(default=8701, validation_alias="PILOTHOUSE_PORT_PROXY")
    database_url: str = Field(validation_alias="DATABASE_URL")
    upstream_url: str = Field(default="https://openrouter.ai/api/v1", validation_alias="LLM_BASE_URL")
    upstream_key: str = Field(default="", validation_alias="OPENROUTER_API_KEY")
    owner_key_hash: str = Field(default="", validation_alias="PILOTHOUSE_OWNER_KEY_HASH")  # of who makes other keys
    retry_deadline_s: int = Field(default=60, ge=0, le=600, validation_alias="PILOTHOUSE_RETRY_DEADLINE_S")
    fallback_models: Annotated[FallbackModels, NoDecode, BeforeValidator(read_fallback_models)] = Field(
        default={}, validate_default=False, validation_alias="PILOTHOUSE_FALLBACK_MODELS"
    )
    provider_floor: Annotated[ProviderFloor, NoDecode, BeforeValidator(read_provider_floor)] = Field(
        default=ProviderFloor(), validate_default=False, validation_alias="PILOTHOUSE_PROVIDER_FLOOR"
    )
    budget_usd: Cap = Field(default=None, validation_alias="PILOTHOUSE_BUDGET_USD")
    budget_day_usd: Cap = Field(default=None, validation_alias="PILOTHOUSE_BUDGET_DAY_USD")
    max_tokens: MaxTokens = Field(default=4096, validation_alias="PILOTHOUSE_MAX_TOKENS")
    prices: Prices = Field(default={}, validation_alias="PILOTHOUSE_PRICES")


class BrokerSettings(CalledSettings):
    """`broker`: the only holder of Freqtrade's credential."""

    port: int = Field(default=8702, validation_alias="PILOTHOUSE_PORT_BROKER")
    database_url: str = Field(validation_alias="DATABASE_URL")
    freqtrade_url: str = Field(validation_alias="FREQTRADE_URL")
    freqtrade_username: str = Field(validation_alias="FREQTRADE_USERNAME")
    freqtrade_password: str = Field(validation_alias="FREQTRADE_PASSWORD")
    entry_key: str = Field(default="", validation_alias="PILOTHOUSE_ENTRY_KEY")  # empty: a bot without our strategy
    data: Path = Field(validation_alias="PILOTHOUSE_BROKER_DATA")
    policy: Path = Field(validation_alias="PILOTHOUSE_POLICY")
    audit_key: str = Field(validation_alias="PILOTHOUSE_AUDIT_KEY", min_length=32)
    pairing_secret: str = Field(validation_alias="PILOTHOUSE_PAIRING_SECRET", min_length=32)


class MemorySettings(CalledSettings):
    """`memory`: Mem0, its store and its history."""

    port: int = Field(default=8703, validation_alias="PILOTHOUSE_PORT_MEMORY")
    database_url: str = Field(validation_alias="DATABASE_URL")
    data: Path = Field(validation_alias="PILOTHOUSE_MEMORY_DATA")
    scope_secret: str = Field(validation_alias="PILOTHOUSE_MEMORY_SCOPE_SECRET", min_length=32)
    proxy_url: str = Field(validation_alias="PILOTHOUSE_PROXY_URL")
    proxy_key: str = Field(validation_alias="PILOTHOUSE_PROXY_KEY")
    model: str = Field(default=REHEARSAL_MODEL, validation_alias="PILOTHOUSE_MODEL")
    qdrant_url: str = Field(default="", validation_alias="QDRANT_URL")
    qdrant_api_key: str = Field(default="", validation_alias="QDRANT_API_KEY")
    search_deadline_s: float = Field(default=0.8, validation_alias="PILOTHOUSE_MEMORY_SEARCH_DEADLINE_S")
    embedder: str = Field(default=MINILM, validation_alias="PILOTHOUSE_MEMORY_EMBEDDER")
    embedder_dimension: EmbedderDimension = Field(default=384, validation_alias="PILOTHOUSE_MEMORY_EMBEDDER_DIMENSION")
    admit: Annotated[str, _readable(read_admit_rules)] = Field(default="", validation_alias="PILOTHOUSE_MEMORY_ADMIT")


class WorkerSettings(ProcessSettings):
    """`worker`: the graph. Holds keys for the other processes, nothing that decides or spends."""

    database_url: str = Field(validation_alias="DATABASE_URL")
    reader_url: str = Field(validation_alias="PILOTHOUSE_READER_URL")
    proxy_url: str = Field(validation_alias="PILOTHOUSE_PROXY_URL")
    proxy_key: str = Field(validation_alias="PILOTHOUSE_PROXY_KEY")
    broker_url: str = Field(validation_alias="PILOTHOUSE_BROKER_URL")
    broker_key: str = Field(validation_alias="PILOTHOUSE_BROKER_KEY")
    memory_url: str = Field(validation_alias="PILOTHOUSE_MEMORY_URL")
    memory_key: str = Field(validation_alias="PILOTHOUSE_MEMORY_KEY")
    model: str = Field(default=REHEARSAL_MODEL, validation_alias="PILOTHOUSE_MODEL")
    hook_secret: str = Field(validation_alias="PILOTHOUSE_HOOK_SECRET", min_length=32)
    n8n_webhook_url: str = Field(default="", validation_alias="N8N_WEBHOOK_URL")
    n8n_webhook_token: str = Field(default="", validation_alias="N8N_WEBHOOK_TOKEN")
    background_runs: int = Field(default=8, ge=0, le=100, validation_alias="PILOTHOUSE_BACKGROUND_RUNS")
    keep_events_days: int = Field(default=30, ge=1, le=36_500, validation_alias="PILOTHOUSE_KEEP_EVENTS_DAYS")
    checkpoint_key: EncryptionKey = Field(default="", validation_alias="PILOTHOUSE_CHECKPOINT_KEY")


class ControllerSettings(ServerSettings, WorkerSettings):
    """`controller`: the API in front of what a worker has too, and who may call it."""

    port: int = Field(default=8700, validation_alias="PILOTHOUSE_PORT_API")
    key_secret: str = Field(validation_alias="PILOTHOUSE_KEY_SECRET", min_length=32)


class StackSettings(BaseSettings):
    """What a person may set for the embedded stack; `.env` in the checkout is read too."""

    model_config = SettingsConfigDict(
        extra="ignore", env_file=CHECKOUT / ".env", env_prefix="PILOTHOUSE_", populate_by_name=True
    )

    home: Path | None = Field(default=None, validation_alias="PILOTHOUSE_HOME")
    port_api: Port = Field(default=8700, validation_alias="PILOTHOUSE_PORT_API")
    port_proxy: Port = Field(default=8701, validation_alias="PILOTHOUSE_PORT_PROXY")
    port_broker: Port = Field(default=8702, validation_alias="PILOTHOUSE_PORT_BROKER")
    port_memory: Port = Field(default=8703, validation_alias="PILOTHOUSE_PORT_MEMORY")
    port_openrouter_twin: Port = Field(default=8704, validation_alias="PILOTHOUSE_PORT_OPENROUTER_TWIN")
    port_exchange_twin: Port = Field(default=8705, validation_alias="PILOTHOUSE_PORT_EXCHANGE_TWIN")
    port_freqtrade: Port = Field(default=8706, validation_alias="PILOTHOUSE_PORT_FREQTRADE")
    port_postgres: Port = Field(default=8707, validation_alias="PILOTHOUSE_PORT_POSTGRES")
    port_n8n: Port = Field(default=8708, validation_alias="PILOTHOUSE_PORT_N8N")
    port_n8n_runners: Port = Field(default=8709, validation_alias="PILOTHOUSE_PORT_N8N_RUNNERS")
    n8n_installation: Path | None = Field(default=None, validation_alias="PILOTHOUSE_N8N_INSTALLATION")

    database_url: PostgresUrl = Field(default="", validation_alias="DATABASE_URL")
    openrouter_api_key: str = Field(default="", validation_alias="OPENROUTER_API_KEY")
    llm_base_url: HttpUrl = Field(default="", validation_alias="LLM_BASE_URL")
    model: str = Field(default="", validation_alias="PILOTHOUSE_MODEL")
    retry_deadline_s: int = Field(default=60, ge=0, le=600, validation_alias="PILOTHOUSE_RETRY_DEADLINE_S")
    fallback_models: Annotated[str, _readable(read_fallback_models)] = Field(
        default="", validation_alias="PILOTHOUSE_FALLBACK_MODELS"
    )
    provider_floor: Annotated[str, _readable(read_provider_floor)] = Field(
        default="", validation_alias="PILOTHOUSE_PROVIDER_FLOOR"
    )
    budget_usd: Cap = Field(default=None, validation_alias="PILOTHOUSE_BUDGET_USD")
    budget_day_usd: Cap = Field(default=None, validation_alias="PILOTHOUSE_BUDGET_DAY_USD")
    max_tokens: MaxTokens = Field(default=4096, validation_alias="PILOTHOUSE_MAX_TOKENS")
    prices: Annotated[str, _readable(_read_prices)] = Field(default="", validation_alias="PILOTHOUSE_PRICES")
    exchange: str = Field(default="simulated", validation_alias="EXCHANGE")
    exchange_candles: str = Field(default="", validation_alias="PILOTHOUSE_EXCHANGE_CANDLES")
    freqtrade_url: HttpUrl = Field(default="", validation_alias="FREQTRADE_URL")
    freqtrade_username: str = Field(default="", validation_alias="FREQTRADE_USERNAME")
    freqtrade_password: str = Field(default="", validation_alias="FREQTRADE_PASSWORD")
    memory_embedder: str = Field(default=MINILM, validation_alias="PILOTHOUSE_MEMORY_EMBEDDER")
    memory_embedder_dimension: EmbedderDimension = Field(
        default=384, validation_alias="PILOTHOUSE_MEMORY_EMBEDDER_DIMENSION"
    )
    qdrant_url: HttpUrl = Field(default="", validation_alias="QDRANT_URL")
    qdrant_api_key: str = Field(default="", validation_alias="QDRANT_API_KEY")
    n8n_webhook_url: HttpUrl = Field(default="", validation_alias="N8N_WEBHOOK_URL")
    n8n_webhook_token: str = Field(default="", validation_alias="N8N_WEBHOOK_TOKEN")
    background_runs: int = Field(default=8, ge=0, le=100, validation_alias="PILOTHOUSE_BACKGROUND_RUNS")
    keep_events_days: int = Field(default=30, ge=1, le=36_500, validation_alias="PILOTHOUSE_KEEP_EVENTS_DAYS")
    checkpoint_key: EncryptionKey = Field(default="", validation_alias="PILOTHOUSE_CHECKPOINT_KEY")
    memory_admit: Annotated[str, _readable(read_admit_rules)] = Field(
        default="", validation_alias="PILOTHOUSE_MEMORY_ADMIT"
    )

    export_passphrase: str = Field(default="", validation_alias="PILOTHOUSE_EXPORT_PASSPHRASE")

    ssl_cert_file: str = Field(default="", validation_alias="SSL_CERT_FILE")
    ssl_cert_dir: str = Field(default="", validation_alias="SSL_CERT_DIR")
    requests_ca_bundle: str = Field(default="", validation_alias="REQUESTS_CA_BUNDLE")

    @classmethod
    def load(cls) -> Self:
        """Read environment and `.env`; names everything that is wrong in one error."""
        try:
            return cls()
        except ValidationError as error:
            raise SettingsError(_list_problems(error), hint="see .env.example") from error
        except (OSError, UnicodeDecodeError) as error:
            hint = "it must be UTF-8 text that you may read, as .env.example is"
            raise SettingsError(f"{cls.model_config.get('env_file')} cannot be read: {error}", hint=hint) from error

    @classmethod
    def unknown(cls) -> list[str]:
        """Names in `.env` that no setting has: what is mistyped would otherwise be ignored unseen."""
        known = {str(field.validation_alias) for field in cls.model_fields.values()}
        path = cls.model_config.get("env_file")
        return sorted(dotenv_values(str(path)).keys() - known) if path else []

    @field_validator("*", mode="before")
    @classmethod
    def _take_empty_for_unset(cls, value: Any, info: ValidationInfo) -> Any:
        return cls.model_fields[str(info.field_name)].default if value == "" else value

    @model_validator(mode="after")
    def _require_different_ports(self) -> Self:
        owners: dict[int, str] = {}
        for name, field in type(self).model_fields.items():
            if not name.startswith("port_"):
                continue
            other = owners.setdefault(getattr(self, name), str(field.validation_alias))
            if other != field.validation_alias:
                raise ValueError(f"{other} and {field.validation_alias} are the same port, {getattr(self, name)}")
        return self

    def certificates(self) -> dict[str, str]:
        """The TLS trust of this machine, the one thing handed on from our own environment."""
        known = {
            "SSL_CERT_FILE": self.ssl_cert_file,
            "SSL_CERT_DIR": self.ssl_cert_dir,
            "REQUESTS_CA_BUNDLE": self.requests_ca_bundle,
        }
        return {name: value for name, value in known.items() if value}


def _list_problems(error: ValidationError) -> str:
    return "settings are missing or wrong: " + "; ".join(_describe(each) for each in error.errors())


def _describe(problem: ErrorDetails) -> str:
    place = ".".join(str(part) for part in problem["loc"])  # empty when it is about several settings
    reason = problem["msg"].removeprefix("Value error, ")
    return f"{place}: {reason}" if place else reason
