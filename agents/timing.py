"""When a cron expression is due in a time zone. A time that clocks leave out comes late, one they repeat comes once."""

from datetime import UTC, datetime
from itertools import islice
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from pilothouse.errors import BadInputError

ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)
FIELDS = 5  # CronSim takes a sixth for seconds, which nobody should ask a model for
CRON_HINT = "five fields: minute, hour, day, month, weekday; '30 7 * * 1-5' is half past seven on working days"


def next_times(cron: str, zone: str, *, after: datetime, count: int) -> list[datetime]:
    """The first times after an instant, as the clocks of the zone show them."""
    times = list(islice(_parse(cron, after.astimezone(_zone(zone))), count))
    if not times:
        raise BadInputError(f"'{cron}' never comes", hint=CRON_HINT)
    return times


def explain(cron: str) -> str:
    """In English."""
    return _parse(cron, ANY_TIME).explain()


def _parse(cron: str, after: datetime) -> CronSim:
    if (found := len(cron.split())) != FIELDS:
        raise BadInputError(f"'{cron}' is no cron expression: five fields expected, {found} found", hint=CRON_HINT)
    try:
        return CronSim(cron, after)
    except CronSimError as error:
        raise BadInputError(f"'{cron}' is no cron expression: {str(error).lower()}", hint=CRON_HINT) from error


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # OSError: a folder of zones, such as 'Europe'
        raise BadInputError(f"there is no time zone '{name}'", hint="an IANA name such as Europe/Berlin") from error
