"""Whose untrusted text memory lets in at once, by a person's rule: `hook:news-digest,hook:calendar-*`."""

from collections.abc import Sequence

KINDS = ("hook", "tool", "import")
EXAMPLE = "hook:news-digest,hook:calendar-*"


def read_admit_rules(text: str) -> Sequence[str]:
    """Kind and name of a source each, the name perhaps with `*`; none unless set."""
    rules = [rule.strip() for rule in text.split(",") if rule.strip()]
    for rule in rules:
        kind, _, name = rule.partition(":")
        if kind not in KINDS or not name:
            raise ValueError(f"expected source-kind:name ({', '.join(KINDS)}) like {EXAMPLE}")
    return rules
