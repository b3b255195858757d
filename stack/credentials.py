"""Which process gets which secret: exactly the names its settings class reads, nothing of the others'."""

import json
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Self

from pilothouse.keys import hash_key
from pilothouse.settings import REHEARSAL_MODEL, StackSettings
from stack.ports import LOOPBACK
from stack.postgres import ADMIN, DATABASE
from stack.roles import NAMES, role_url
from stack.secrets import Generated

REAL_MODEL = "openai/gpt-4.1-mini"
FREQTRADE_USER = "pilothouse"

Lines = dict[str, str]


@dataclass(frozen=True)
class Places:
    """Folders and files that processes are told of."""

    memory_data: Path
    broker_data: Path
    policy: Path

    @property
    def halt(self) -> Path:
        """While it is there, nothing enters."""
        return self.broker_data / "halt"

    @classmethod
    def below(cls, root: Path) -> Self:
        """Those of an embedded stack, in its home."""
        return cls(root / "memory" / "data", root / "broker" / "data", root / "policy.toml")


@dataclass(frozen=True)
class Credentials:
    """The person's settings and the generated secrets, seen from each process."""

    settings: StackSettings
    generated: Generated
    places: Places

    @property
    def uses_rehearsal(self) -> bool:
        """Whether models come from the twin."""
        return not (self.settings.openrouter_api_key or self.settings.llm_base_url)

    @property
    def model(self) -> str:
        """The model the agent asks for."""
        return self.settings.model or (REHEARSAL_MODEL if self.uses_rehearsal else REAL_MODEL)

    @property
    def admin_url(self) -> str:
        """The database as its owner; only commands use it, no process."""
        return self.settings.database_url or self.server_url(DATABASE)

    def server_url(self, database: str) -> str:
        """A database of the embedded server, as its owner."""
        password = self.generated["postgres_admin_password"]
        return f"postgresql://{ADMIN}:{password}@{LOOPBACK}:{self.settings.port_postgres}/{database}"

    def database_url(self, process: str) -> str:
        """The database as the role of `process`."""
        return role_url(self.admin_url, name=process, password=self.generated[f"postgres_{process}_password"])

    def role_passwords(self) -> dict[str, str]:
        """Role name -> password."""
        return {name: self.generated[f"postgres_{name}_password"] for name in NAMES}

    def by_process(self) -> dict[str, Lines]:
        """Process name -> the lines of its secrets file."""
        files = {"proxy": self._proxy(), "broker": self._broker(), "memory": self._memory()}
        return files | {"controller": self._controller(), "owner": self._owner()}

    def _called(self, process: str, *callers: str) -> Lines:
        secret = self.generated[f"{process}_key_secret"]
        hashes = {name: hash_key(self.generated[f"{name}_{process}_key"], secret=secret) for name in callers}
        return {
            "PILOTHOUSE_KEY_SECRET": secret,
            "PILOTHOUSE_CALLERS": json.dumps(hashes),
            "DATABASE_URL": self.database_url(process),
        }

    def _proxy(self) -> Lines:
        twin = f"http://{LOOPBACK}:{self.settings.port_openrouter_twin}/api/v1"
        upstream = {"LLM_BASE_URL": self.settings.llm_base_url} if self.settings.llm_base_url else {}
        key = self.settings.openrouter_api_key
        if self.uses_rehearsal:
            upstream, key = {"LLM_BASE_URL": twin}, self.generated["openrouter_twin_key"]
        return (
            self._called("proxy", "controller", "memory")
            | upstream
            | {
                "PILOTHOUSE_PORT_PROXY": str(self.settings.port_proxy),
                "OPENROUTER_API_KEY": key,
                "PILOTHOUSE_OWNER_KEY_HASH": self._owner_key_hash(),
                "PILOTHOUSE_RETRY_DEADLINE_S": str(self.settings.retry_deadline_s),
                "PILOTHOUSE_FALLBACK_MODELS": self.settings.fallback_models,
                "PILOTHOUSE_PROVIDER_FLOOR": self.settings.provider_floor,
                "PILOTHOUSE_BUDGET_USD": _cap(self.settings.budget_usd),
                "PILOTHOUSE_BUDGET_DAY_USD": _cap(self.settings.budget_day_usd),
                "PILOTHOUSE_MAX_TOKENS": str(self.settings.max_tokens),
                "PILOTHOUSE_PRICES": self.settings.prices,
            }
        )

    def _owner_key_hash(self) -> str:
        """Of the key that makes other keys: the proxy knows it from its file, never from the table that it guards."""
        return hash_key(self.generated["owner_proxy_key"], secret=self.generated["proxy_key_secret"])

    def _broker(self) -> Lines:
        embedded = not self.settings.freqtrade_url
        password = self.generated["freqtrade_password"] if embedded else self.settings.freqtrade_password
        ours = password == self.generated["freqtrade_password"]  # so is one in a container
        return self._called("broker", "controller") | {
            "PILOTHOUSE_PORT_BROKER": str(self.settings.port_broker),
            "FREQTRADE_URL": self.settings.freqtrade_url or f"http://{LOOPBACK}:{self.settings.port_freqtrade}",
            "FREQTRADE_USERNAME": FREQTRADE_USER if embedded else self.settings.freqtrade_username,
            "FREQTRADE_PASSWORD": password,
            "PILOTHOUSE_ENTRY_KEY": self.generated["freqtrade_entry_key"] if ours else "",
            "PILOTHOUSE_BROKER_DATA": str(self.places.broker_data),
            "PILOTHOUSE_POLICY": str(self.places.policy),
            "PILOTHOUSE_AUDIT_KEY": self.generated["broker_audit_key"],
            "PILOTHOUSE_PAIRING_SECRET": self.generated["approver_pairing_secret"],
        }

    def _memory(self) -> Lines:
        return self._called("memory", "controller") | {
            "PILOTHOUSE_PORT_MEMORY": str(self.settings.port_memory),
            "PILOTHOUSE_MEMORY_DATA": str(self.places.memory_data),
            "PILOTHOUSE_MEMORY_SCOPE_SECRET": self.generated["memory_scope_secret"],
            "PILOTHOUSE_PROXY_URL": f"http://{LOOPBACK}:{self.settings.port_proxy}",
            "PILOTHOUSE_PROXY_KEY": self.generated["memory_proxy_key"],
            "PILOTHOUSE_MODEL": self.model,
            "QDRANT_URL": self.settings.qdrant_url,
            "QDRANT_API_KEY": self.settings.qdrant_api_key,
            "PILOTHOUSE_MEMORY_EMBEDDER": self.settings.memory_embedder,
            "PILOTHOUSE_MEMORY_EMBEDDER_DIMENSION": str(self.settings.memory_embedder_dimension),
            "PILOTHOUSE_MEMORY_ADMIT": self.settings.memory_admit,
        }

    def _controller(self) -> Lines:
        return {
            "PILOTHOUSE_PORT_API": str(self.settings.port_api),
            "PILOTHOUSE_KEY_SECRET": self.generated["controller_key_secret"],
            "DATABASE_URL": self.database_url("controller"),
            "PILOTHOUSE_READER_URL": self.database_url("reader"),
            "PILOTHOUSE_PROXY_URL": f"http://{LOOPBACK}:{self.settings.port_proxy}",
            "PILOTHOUSE_PROXY_KEY": self.generated["controller_proxy_key"],
            "PILOTHOUSE_BROKER_URL": f"http://{LOOPBACK}:{self.settings.port_broker}",
            "PILOTHOUSE_BROKER_KEY": self.generated["controller_broker_key"],
            "PILOTHOUSE_MEMORY_URL": f"http://{LOOPBACK}:{self.settings.port_memory}",
            "PILOTHOUSE_MEMORY_KEY": self.generated["controller_memory_key"],
            "PILOTHOUSE_MODEL": self.model,
            "PILOTHOUSE_HOOK_SECRET": self.generated["hook_secret"],
            "N8N_WEBHOOK_URL": self.settings.n8n_webhook_url,
            "N8N_WEBHOOK_TOKEN": self.settings.n8n_webhook_token,
            "PILOTHOUSE_BACKGROUND_RUNS": str(self.settings.background_runs),
            "PILOTHOUSE_KEEP_EVENTS_DAYS": str(self.settings.keep_events_days),
            "PILOTHOUSE_CHECKPOINT_KEY": self.settings.checkpoint_key,
        }

    def _owner(self) -> Lines:
        return {
            "PILOTHOUSE_API_URL": f"http://{LOOPBACK}:{self.settings.port_api}",
            "PILOTHOUSE_API_KEY": self.generated["owner_key"],
            "PILOTHOUSE_PROXY_URL": f"http://{LOOPBACK}:{self.settings.port_proxy}",
            "PILOTHOUSE_PROXY_KEY": self.generated["owner_proxy_key"],
            "PILOTHOUSE_PAIRING_SECRET": self.generated["approver_pairing_secret"],
        }


def _cap(usd: Decimal | None) -> str:
    return "" if usd is None else f"{usd:f}"
