"""Prompts are files with strict variables: a missing or unknown one is an error."""

from functools import cache
from importlib import resources
from string import Template


def load(node: str, **variables: str) -> str:
    """The prompt of a node, filled in."""
    return _template(node).substitute(variables)


@cache
def _template(node: str) -> Template:
    return Template(resources.files(__name__).joinpath(f"{node}.md").read_text("utf-8"))
