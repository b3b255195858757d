"""What we bring into an n8n: credentials for both directions, and the workflows of `workflows/`."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pilothouse.settings import CHECKOUT
from stack.n8n.installation import N8N

WORKFLOWS = CHECKOUT / "workflows"
ADDRESS = "http://agent.invalid"  # in our workflows; the real one is put in its place
HOOK = "n8n"  # its name, and the last part of its address


@dataclass(frozen=True)
class Goods:
    """Credentials as n8n's import takes them, and workflows by id."""

    credentials: Sequence[Mapping[str, Any]]
    workflows: Mapping[str, str]

    @property
    def digest(self) -> str:
        """Changes with whatever would be brought in."""
        return hashlib.sha256(json.dumps([N8N, list(self.credentials), dict(self.workflows)]).encode()).hexdigest()


def make_goods(*, api_url: str, hook_secret: str, calls_secret: str) -> Goods:
    """All of it, for an agent that is at `api_url`."""
    texts = [path.read_text().replace(ADDRESS, api_url) for path in sorted(WORKFLOWS.glob("*.json"))]
    return Goods(
        credentials=[
            _jwt("pilothouseHook01", "n8n calls Pilothouse", hook_secret),
            _jwt("pilothouseCalls1", "Pilothouse calls n8n", calls_secret),
        ],
        workflows={str(json.loads(text)["id"]): text for text in texts},
    )


def _jwt(credential_id: str, name: str, secret: str) -> dict[str, Any]:
    data = {"keyType": "passphrase", "secret": secret, "algorithm": "HS256"}
    return {"id": credential_id, "name": name, "type": "jwtAuth", "data": data}
