"""The hook by which our n8n calls the agent: made once, for the owner."""

from uuid import uuid4

from pilothouse.db import connect
from pilothouse.webhooks import HookSecrets
from stack.database import OWNER
from stack.n8n.goods import HOOK

# A person may have changed or rotated it: what is there stays as it is.
MAKE = """
    INSERT INTO controller.hooks (id, name, user_id, callbacks, deadline_s, max_model_calls)
    VALUES (%(id)s, %(name)s, %(user_id)s, %(callbacks)s, 600, 12)
    ON CONFLICT (name) DO NOTHING"""
FIND = "SELECT id, secret_version FROM controller.hooks WHERE name = %(name)s"


def ensure_hook(admin_url: str, *, secrets: HookSecrets, n8n_url: str, user_id: str = OWNER) -> str:
    """The secret that n8n signs with."""
    values = {"id": uuid4(), "name": HOOK, "user_id": user_id, "callbacks": f"{n8n_url}/webhook-waiting/"}
    with connect(admin_url) as connection:
        connection.execute(MAKE, values)
        [row] = connection.execute(FIND, values).fetchall()
    return secrets.of(row["id"], version=row["secret_version"])
