"""Says once of each intent that waits for a person that its time is nearly over. No answer means no trade."""

import asyncio
from datetime import timedelta
from uuid import UUID

from psycopg import OperationalError

from broker.books import Books
from broker.intents import Intent
from pilothouse import log
from pilothouse.clock import Clock, now
from pilothouse.signing import instant

PAUSE_S = 5.0
LAST_SHARE = 5  # the last fifth of its time

logger = log.get_logger()


async def remind(books: Books, *, clock: Clock = now, pause_s: float = PAUSE_S) -> None:
    """Go on for good; what the database cannot tell now is looked at later."""
    reminded: set[UUID] = set()
    while True:
        try:
            reminded = await remind_once(books, reminded, clock=clock)
        except OperationalError as error:
            logger.warning("reminders.delayed", error=str(error))
        await asyncio.sleep(pause_s)


async def remind_once(books: Books, reminded: set[UUID], *, clock: Clock) -> set[UUID]:
    """A line in the log and a record in the audit log for each that is due; returns those it was said of."""
    due = [each for each in await books.in_states("awaiting_approval") if _is_nearly_over(each, clock)]
    for intent in due:
        if intent.id not in reminded:
            left = {"user_id": intent.user_id, "expires_at": instant(intent.expires_at)}
            async with books.audit.writing() as writing:
                await writing.note("intent.reminded", str(intent.id), left)
            logger.warning("approval.due", intent=str(intent.id), **left)
    return {each.id for each in due}


def _is_nearly_over(intent: Intent, clock: Clock) -> bool:
    left, whole = intent.expires_at - clock(), intent.expires_at - intent.created_at
    return timedelta(0) < left <= whole / LAST_SHARE
