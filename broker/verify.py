"""`python -m broker.verify`: verify the audit log from outside a running broker, with the broker's own settings."""

import asyncio
import sys

from broker.audit_check import Verification, verify
from pilothouse.db import CONNECT_TIMEOUT_S, make_pool, wait_until_reachable
from pilothouse.errors import SettingsError
from pilothouse.settings import BrokerSettings


async def look(settings: BrokerSettings) -> Verification:
    """Everything that is wrong."""
    async with make_pool(settings.database_url, size=1) as pool:
        await wait_until_reachable(pool, timeout_s=CONNECT_TIMEOUT_S)
        async with pool.connection() as connection:
            return await verify(connection, key=settings.audit_key.encode(), folder=settings.data)


def main() -> int:
    """Say what was found, a line each; 1 when anything was."""
    try:
        verification = asyncio.run(look(BrokerSettings.load()))
    except SettingsError as error:
        sys.exit(f"{error.message} ({error.hint})")
    for finding in verification.findings:
        sys.stdout.write(f"{finding.subject}: {finding.message} [{finding.kind}]\n")
    whole = "not whole" if verification.findings else "whole"
    sys.stdout.write(f"{verification.records} records: {whole}\n")
    return 1 if verification.findings else 0


if __name__ == "__main__":
    sys.exit(main())
