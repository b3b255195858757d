"""Due times in a time zone, also where clocks are changed."""

from datetime import UTC, datetime

import pytest

from agents.timing import explain, next_times
from pilothouse.errors import BadInputError

BERLIN = "Europe/Berlin"
BEFORE_THE_GAP = datetime(2027, 3, 27, 12, tzinfo=UTC)  # on the 28th, 2:00 becomes 3:00
BEFORE_THE_OVERLAP = datetime(2026, 10, 24, 12, tzinfo=UTC)  # on the 25th, 3:00 becomes 2:00


@pytest.mark.parametrize(
    ("cron", "after", "expected"),
    [
        ("30 7 * * *", BEFORE_THE_GAP, ["03-28T07:30+02:00", "03-29T07:30+02:00"]),
        ("30 2 * * *", BEFORE_THE_GAP, ["03-28T03:00+02:00", "03-29T02:30+02:00"]),
        ("0 1-4 * * *", BEFORE_THE_GAP, ["03-28T01:00+01:00", "03-28T03:00+02:00", "03-28T04:00+02:00"]),
        ("30 7 * * *", BEFORE_THE_OVERLAP, ["10-25T07:30+01:00", "10-26T07:30+01:00"]),
        ("30 2 * * *", BEFORE_THE_OVERLAP, ["10-25T02:30+02:00", "10-26T02:30+01:00"]),
        (
            "30 * * * *",
            datetime(2026, 10, 24, 23, tzinfo=UTC),
            ["10-25T01:30+02:00", "10-25T02:30+02:00", "10-25T02:30+01:00", "10-25T03:30+01:00"],
        ),
    ],
)
def test_a_time_that_a_change_of_clocks_leaves_out_comes_late_and_one_that_it_repeats_comes_once(
    cron: str, after: datetime, expected: list[str]
) -> None:
    times = next_times(cron, BERLIN, after=after, count=len(expected))

    assert [time.isoformat(timespec="minutes").removeprefix(f"{after.year}-") for time in times] == expected


def test_the_next_time_is_after_the_instant_even_between_the_two_times_that_a_clock_shows_the_same() -> None:
    between = datetime(2026, 10, 25, 0, 30, 1, tzinfo=UTC)  # 2:30:01 for the first time

    [time] = next_times("30 2 * * *", BERLIN, after=between, count=1)

    assert time.isoformat() == "2026-10-26T02:30:00+01:00"


@pytest.mark.parametrize(
    ("cron", "zone", "said"),
    [
        ("30 7 * *", BERLIN, "five fields expected, 4 found"),
        ("0 30 7 * * *", BERLIN, "five fields expected, 6 found"),
        ("@daily", BERLIN, "five fields expected, 1 found"),
        ("61 7 * * *", BERLIN, "bad minute"),
        ("0 0 30 2 *", BERLIN, "bad day-of-month"),
        ("30 7 * * *", "Berlin", "no time zone 'Berlin'"),
        ("30 7 * * *", "Europe", "no time zone 'Europe'"),
        ("30 7 * * *", "../etc/passwd", "no time zone"),
        ("30 7 * * *", "", "no time zone ''"),
    ],
)
def test_what_cannot_be_is_named_in_one_line_with_what_to_write_instead(cron: str, zone: str, said: str) -> None:
    with pytest.raises(BadInputError, match=said) as caught:
        next_times(cron, zone, after=BEFORE_THE_GAP, count=1)

    assert "\n" not in caught.value.message
    assert caught.value.hint


def test_an_expression_is_put_into_words() -> None:
    assert explain("30 7 * * 1-5") == "At 07:30 on Monday through Friday"
