"""An embedded stack of the benchmark's own: a new home, free ports, the rehearsal model, gone when the block ends."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass

from pilothouse.errors import UnavailableError
from pilothouse.settings import StackSettings
from stack.lifecycle import Stack, bring_up, describe, make_stack, take_down
from stack.ports import LOOPBACK, find_free
from stack.scratch import scratch_home
from stack.supervisor import Control

Report = Callable[[str], None]

EXTERNAL = ("DATABASE_URL", "OPENROUTER_API_KEY", "LLM_BASE_URL", "QDRANT_URL", "N8N_WEBHOOK_URL")


@dataclass(frozen=True)
class OwnStack:
    """A running stack."""

    stack: Stack
    pids: dict[str, int]

    @property
    def twin_url(self) -> str:
        """The model twin, as an OpenAI-compatible server."""
        return f"http://{LOOPBACK}:{self.stack.credentials.settings.port_openrouter_twin}/api/v1"

    @property
    def twin_key(self) -> str:
        """What the twin lets in."""
        return self.stack.credentials.generated["openrouter_twin_key"]


def free_ports() -> dict[str, int]:
    """A free port for every process, by the name of its setting."""
    names = [str(field.validation_alias) for name, field in StackSettings.model_fields.items() if name[:5] == "port_"]
    return {name: find_free() for name in names}


@contextmanager
def own_stack(report: Report, *, model: str) -> Generator[OwnStack]:
    """Without the trading bot, which no turn of this benchmark needs and which would use the machine beside it."""
    with scratch_home() as root:
        nothing = dict.fromkeys(EXTERNAL, "")  # a person's own services, and their money, are not measured
        chosen = {
            "PILOTHOUSE_HOME": root,
            "PILOTHOUSE_MODEL": model,
            "FREQTRADE_URL": f"http://{LOOPBACK}:{find_free()}",
        }
        settings = StackSettings.model_validate(nothing | chosen | free_ports())
        stack = make_stack(settings, report)
        try:
            _require_ready(stack, bring_up(stack, lambda _: None))
            yield OwnStack(stack, {name: state.pid for name, state in Control(stack.home).states().items()})
        finally:
            take_down(stack.home)


def _require_ready(stack: Stack, not_ready: dict[str, str]) -> None:
    lacking = {name: reason for name, reason in not_ready.items() if name != "broker"}  # it has no bot
    if lacking:
        raise UnavailableError(f"the stack did not come up: {describe(stack.home, lacking)}")
