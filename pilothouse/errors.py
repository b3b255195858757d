"""Every error a person can meet. Each carries its HTTP status, a stable code and what to do next.

PilothouseError
├── BadInputError 422         ├── UnauthorizedError 401    ├── NotFoundError 404
├── TooLargeError 413         ├── ForbiddenError 403       ├── ConflictError 409
├── UnavailableError 503      ├── TimedOutError 504        ├── GoneError 410
├── UpstreamError 502 (a dependency answered, and refused)
│   └── IncompleteAnswerError (a model's answer that must not be acted on)
└── SettingsError 500 (start-up only: names every wrong or missing setting at once)
"""

from collections.abc import Iterator, Mapping
from typing import Any


class PilothouseError(Exception):
    """Something went wrong in a way we foresaw."""

    status = 500
    code = "internal"

    def __init__(self, message: str, *, hint: str = "") -> None:
        """`message` says what was expected and what came; `hint` says what to do next."""
        super().__init__(message)
        self.message = message
        self.hint = hint

    def body(self) -> dict[str, Any]:
        """The one error shape of our APIs."""
        return {"error": {"code": self.code, "message": self.message, "hint": self.hint}}


class BadInputError(PilothouseError):
    """The caller sent something we cannot use."""

    status, code = 422, "bad_input"


class TooLargeError(PilothouseError):
    """The request is larger than the stated limit."""

    status, code = 413, "too_large"


class UnauthorizedError(PilothouseError):
    """No key, or one we do not know."""

    status, code = 401, "unauthorized"


class ForbiddenError(PilothouseError):
    """A known key without the scope this needs."""

    status, code = 403, "forbidden"


class NotFoundError(PilothouseError):
    """Nothing of that name is visible to this caller."""

    status, code = 404, "not_found"


class ConflictError(PilothouseError):
    """The state of the thing does not allow this now."""

    status, code = 409, "conflict"


class GoneError(PilothouseError):
    """It was here, and was deleted on purpose."""

    status, code = 410, "gone"


class UpstreamError(PilothouseError):
    """A dependency answered with a refusal or with something unreadable."""

    status, code = 502, "upstream"


class IncompleteAnswerError(UpstreamError):
    """A model's answer was cut off or failed midway; nothing in it may be acted on."""

    code = "incomplete_answer"


class UnavailableError(PilothouseError):
    """A dependency cannot be reached."""

    status, code = 503, "unavailable"


class TimedOutError(PilothouseError):
    """A dependency did not answer within its deadline."""

    status, code = 504, "timed_out"


class SettingsError(PilothouseError):
    """The settings do not allow a start."""

    code = "settings"


def restored(told: Mapping[str, Any]) -> PilothouseError:
    """An error from what was stored of it (`body()["error"]`), with the status its code has."""
    error = PilothouseError(told["message"], hint=told["hint"])
    error.code = told["code"]
    error.status = next((kind.status for kind in _kinds(PilothouseError) if kind.code == error.code), error.status)
    return error


def _kinds(kind: type[PilothouseError]) -> Iterator[type[PilothouseError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _kinds(child)
