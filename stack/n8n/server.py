"""How our n8n is started: on loopback, quiet towards the internet, its data in PostgreSQL in a schema of its own."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pilothouse.errors import UnavailableError
from stack.isolation import confined, private_folder
from stack.n8n.installation import Installation
from stack.ports import LOOPBACK
from stack.secrets import write_private

SCHEMA = "n8n"
OWNER_EMAIL = "owner@pilothouse.invalid"  # n8n wants one; no mail is ever sent
HEAP_MB = 2048
RUN_TIMEOUT_S = 900
KEEP_HOURS = 168
DISABLED_MODULES = "mcp-registry,instance-ai,chat-hub,community-packages,insights,workflow-builder"
HASH = "process.stdout.write(require('bcryptjs').hashSync(require('fs').readFileSync(0, 'utf8'), 10))"
SECRETS = (
    "N8N_ENCRYPTION_KEY",
    "N8N_USER_MANAGEMENT_JWT_SECRET",
    "N8N_INSTANCE_OWNER_PASSWORD_HASH",
    "DB_POSTGRESDB_PASSWORD",
)
QUIET = dict.fromkeys(
    (
        "N8N_DIAGNOSTICS_ENABLED",
        "N8N_VERSION_NOTIFICATIONS_ENABLED",
        "N8N_VERSION_NOTIFICATIONS_WHATS_NEW_ENABLED",
        "N8N_TEMPLATES_ENABLED",
        "N8N_PERSONALIZATION_ENABLED",
        "N8N_HIRING_BANNER_ENABLED",
        "N8N_LICENSE_AUTO_RENEW_ENABLED",
        "N8N_COMMUNITY_PACKAGES_ENABLED",
        "N8N_AI_ENABLED",
    ),
    "false",
) | {"EXTERNAL_FRONTEND_HOOKS_URLS": "", "N8N_DIAGNOSTICS_CONFIG_FRONTEND": "", "N8N_DIAGNOSTICS_CONFIG_BACKEND": ""}


@dataclass(frozen=True)
class Secrets:
    """What it must keep as long as its data: the key guards the credentials that workflows use."""

    encryption_key: str
    jwt_secret: str
    owner_password: str


@dataclass(frozen=True)
class Server:
    """One n8n, and where its files are. `uid`: who it runs as; None is ourselves."""

    installation: Installation
    folder: Path
    port: int
    runners_port: int
    database_url: str
    uid: int | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{LOOPBACK}:{self.port}"

    def command(self, *arguments: str) -> list[str]:
        """`start`, or one of its maintenance commands; nothing of ours is in its environment but what is listed."""
        variables = [f"{name}={value}" for name, value in self.environment().items()]
        return confined(["env", "-i", *variables, *self.installation.program, *arguments], uid=self.uid)

    def write_secrets(self, secrets: Secrets) -> None:
        """Into files that it reads: what stands in an environment can be seen in lists of processes."""
        folder = private_folder(self.folder / "secrets", uid=self.uid)
        private_folder(self.folder, uid=self.uid)
        for variable, value in self._secret_values(secrets).items():
            write_private(folder / variable, value, uid=self.uid)

    def environment(self) -> dict[str, str]:
        """Everything it sees of ours."""
        return {
            "PATH": f"{self.installation.node.parent}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "NODE_OPTIONS": f"--max-old-space-size={HEAP_MB}",
            **QUIET,
            **self._addresses(),
            **self._database(),
            **{f"{name}_FILE": str(self.folder / "secrets" / name) for name in SECRETS},
            "N8N_USER_FOLDER": str(self.folder),
            "N8N_INSTANCE_OWNER_MANAGED_BY_ENV": "true",
            "N8N_INSTANCE_OWNER_EMAIL": OWNER_EMAIL,
            "N8N_SECURE_COOKIE": "false",  # loopback speaks plain HTTP
            "N8N_DISABLED_MODULES": DISABLED_MODULES,  # the first of them calls out
            "N8N_LOG_LEVEL": "info",
            "EXECUTIONS_TIMEOUT": str(RUN_TIMEOUT_S),
            "EXECUTIONS_DATA_PRUNE": "true",
            "EXECUTIONS_DATA_MAX_AGE": str(KEEP_HOURS),
        }

    def _addresses(self) -> dict[str, str]:
        return {
            "N8N_PORT": str(self.port),
            "N8N_LISTEN_ADDRESS": LOOPBACK,
            "N8N_HOST": LOOPBACK,
            "N8N_PROTOCOL": "http",
            "N8N_WEBHOOK_URL": f"{self.url}/",
            "N8N_EDITOR_BASE_URL": f"{self.url}/",
            "N8N_RUNNERS_BROKER_PORT": str(self.runners_port),
            "N8N_RUNNERS_BROKER_LISTEN_ADDRESS": LOOPBACK,
        }

    def _database(self) -> dict[str, str]:
        parts = urlsplit(self.database_url)
        return {
            "DB_TYPE": "postgresdb",
            "DB_POSTGRESDB_HOST": parts.hostname or LOOPBACK,
            "DB_POSTGRESDB_PORT": str(parts.port or 5432),
            "DB_POSTGRESDB_DATABASE": parts.path.lstrip("/"),
            "DB_POSTGRESDB_USER": unquote(parts.username or ""),
            "DB_POSTGRESDB_SCHEMA": SCHEMA,
        }

    def _secret_values(self, secrets: Secrets) -> Mapping[str, str]:
        password = hash_password(self.installation, secrets.owner_password)
        of_database = unquote(urlsplit(self.database_url).password or "")
        return dict(zip(SECRETS, (secrets.encryption_key, secrets.jwt_secret, password, of_database), strict=True))


def hash_password(installation: Installation, password: str) -> str:
    """As n8n stores it; by its own library."""
    done = subprocess.run(
        [str(installation.node), "-e", HASH],
        cwd=installation.folder / "n8n",
        input=password,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise UnavailableError(f"n8n's Node does not run: {done.stderr[-300:]}", hint="bin/pilothouse n8n install")
    return done.stdout
