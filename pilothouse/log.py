"""Logs: one JSON line an event, named `noun.verb`, with fields. Keys and message content never get in."""

import logging
import sys
from typing import Any

import structlog


def configure(process: str) -> None:
    """Send our events and every library's warnings to stderr as JSON lines that name the process."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.format_exc_info, structlog.processors.JSONRenderer()],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(process=process)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")


def get_logger() -> structlog.stdlib.BoundLogger:
    """The logger of the calling module: `log.info("run.started", run_id=...)`."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger()
    return logger
