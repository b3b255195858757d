"""Cancel tasks so that they end: a wait that comes to its end in the same moment may swallow a cancellation.

`asyncio.wait_for` does so before Python 3.12, and so does psycopg's pool when the connection arrives just then.
"""

import asyncio
from typing import Any

AGAIN_S = 3.0  # longer than an orderly end takes, which a second cancellation would cut short


async def cancel_until_ended(*tasks: asyncio.Task[Any], again_s: float = AGAIN_S) -> None:
    """Cancel, and again as long as it was not heard; how they ended is theirs."""
    pending = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=again_s)
