"""Start and stop the n8n of a home, as part of its stack."""

from collections.abc import Callable
from dataclasses import replace

from pilothouse.errors import UnavailableError
from pilothouse.settings import StackSettings
from pilothouse.webhooks import HookSecrets
from stack.home import Home
from stack.lifecycle import Stack, bring_up, describe, make_stack
from stack.n8n import setup
from stack.n8n.database import let_n8n_in
from stack.n8n.goods import make_goods
from stack.n8n.hook import ensure_hook
from stack.n8n.server import Secrets, Server
from stack.processes import make_n8n_server
from stack.supervisor import Control, log_file

Report = Callable[[str], None]


def start_n8n(settings: StackSettings, report: Report) -> Server:
    """Set it up when that was not done, or when what we ship for it has changed; then run it with the stack."""
    stack = make_stack(settings, report)
    server = make_n8n_server(stack.credentials, stack.launcher)
    _require_up(stack, report)  # the data of n8n is in the stack's PostgreSQL
    hook_secrets = HookSecrets(stack.credentials.generated["hook_secret"])
    goods = make_goods(
        api_url=stack.info.api_url,
        hook_secret=ensure_hook(stack.credentials.admin_url, secrets=hook_secrets, n8n_url=server.url),
        calls_secret=stack.credentials.generated["n8n_calls_secret"],
    )
    known = setup.recall(stack.home)
    if known is None or known.digest != goods.digest:
        stop_n8n(stack.home)
        let_n8n_in(stack.credentials.admin_url)
        keys = setup.set_up(server, _secrets(stack), goods, report=report, log=log_file(stack.home, "n8n"))
        known = setup.SetUp(wanted=True, digest=goods.digest, keys=keys)
    setup.note(stack.home, replace(known, wanted=True))
    _require_up(make_stack(settings, report), report)
    return server


def stop_n8n(home: Home) -> bool:
    """Leave it out of the stack from now on; its data stays. False when it was not in it."""
    known = setup.recall(home)
    if known is None or not known.wanted:
        return False
    setup.note(home, replace(known, wanted=False))
    control = Control(home)
    if control.is_up() and "n8n" in control.states():
        control.stop(["n8n"])
    return True


def _secrets(stack: Stack) -> Secrets:
    generated = stack.credentials.generated
    return Secrets(generated["n8n_encryption_key"], generated["n8n_jwt_secret"], generated["n8n_owner_password"])


def _require_up(stack: Stack, report: Report) -> None:
    not_ready = bring_up(stack, report)
    if not_ready:
        raise UnavailableError(f"not ready: {describe(stack.home, not_ready)}", hint="bin/pilothouse status")
