"""To come."""

from collections.abc import Callable

from simulators.openrouter.conversation import Conversation
from simulators.openrouter.reply import Reply

FAULTS: dict[str, Callable[[Conversation, str], Reply]] = {}
