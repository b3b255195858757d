"""What the broker is made of, and what it does without being asked: opened once, ended together."""

import asyncio
import signal
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

from broker.approvers import Approvers
from broker.audit import Audit
from broker.auditor import Auditor
from broker.books import Books
from broker.bot_side import Lookout
from broker.decisions import Decisions
from broker.desk import Desk
from broker.endings import Endings
from broker.equity import Equity
from broker.freqtrade import Freqtrade
from broker.halt import ITSELF, Halts
from broker.keeping import Keeping
from broker.links import Links
from broker.orders import Orders
from broker.permits import Permits
from broker.policy import CurrentPolicy
from broker.readings import Readings
from broker.reconcile import Reconciler
from broker.reminders import remind
from broker.reporting import make_views
from broker.services import Services
from broker.settling import Settling
from broker.stream import Stream
from broker.submission import Submissions
from broker.watch import Watch
from pilothouse import log
from pilothouse.cancelling import cancel_until_ended
from pilothouse.db import make_pool, wait_until_reachable
from pilothouse.keys import Callers
from pilothouse.outgoing import make_session
from pilothouse.settings import BrokerSettings

POOL_SIZE = 8

logger = log.get_logger()


async def open_services(settings: BrokerSettings, policy: CurrentPolicy, stack: AsyncExitStack) -> Services:
    """Everything behind the routes; what works by itself is under way when this returns."""
    pool = await stack.enter_async_context(make_pool(settings.database_url, size=POOL_SIZE))
    await wait_until_reachable(pool)
    session = await stack.enter_async_context(make_session())
    url, username, password = settings.freqtrade_url, settings.freqtrade_username, settings.freqtrade_password
    freqtrade = Freqtrade(session, url=url, username=username, password=password)
    readings = Readings(freqtrade)
    stack.push_async_callback(readings.close)
    audit_key = settings.audit_key.encode()
    audit = Audit(pool, key=audit_key, folder=settings.data)
    await policy.record(audit)
    books = Books(pool, audit)
    lookout = Lookout(freqtrade, readings)
    stack.push_async_callback(lookout.close)
    desk = Desk(books, policy, lookout, folder=settings.data)
    orders = Orders(url=url, username=username, password=password)
    tag = Permits(settings.entry_key, policy).tag
    settling = Settling(books, freqtrade)
    submissions = Submissions(books, desk, freqtrade=freqtrade, orders=orders, settling=settling, tag=tag)
    approvers = Approvers(pool, audit, pairing_secret=settings.pairing_secret)
    halts = Halts(pool, audit, approvers=approvers, freqtrade=freqtrade, folder=settings.data)
    watch = Watch(pool, books, policy, lookout, folder=settings.data)
    auditor = Auditor(pool, key=audit_key, folder=settings.data)
    stack.push_async_callback(auditor.close)
    keeping = Keeping(Reconciler(pool, freqtrade), Equity(pool, readings))
    stream = Stream(session, url=url, username=username, password=password, news=keeping.wake)
    works = (
        make_views(pool, freqtrade),
        submissions.run(),
        halts.keep(watch.reason),
        auditor.watch(partial(halts.halt, by=ITSELF)),
        stream.run(),
        keeping.keep_trades(),
        keeping.keep_equity(),
        policy.follow(audit),
        remind(books),
    )
    for work in works:
        keep_at(work, stack)
    return Services(
        callers=Callers(settings.key_secret, settings.callers),
        readings=readings,
        books=books,
        desk=desk,
        policy=policy,
        submissions=submissions,
        approvers=approvers,
        decisions=Decisions(books, approvers, desk),
        links=Links(pool, books, policy),
        halts=halts,
        auditor=auditor,
        endings=Endings(pool),
    )


def keep_at(work: Coroutine[Any, Any, None], stack: AsyncExitStack) -> None:
    """Let it go on beside the routes until the stack ends; if it breaks, the process ends rather than look alive."""
    task = asyncio.create_task(work)
    task.add_done_callback(_stop_without)
    stack.push_async_callback(cancel_until_ended, task)


def _stop_without(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.error("process.broken", exc_info=error)
        signal.raise_signal(signal.SIGTERM)
