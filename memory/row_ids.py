"""Ids of rows follow from the request: whatever a crash leaves behind, repeating it writes the same row."""

from uuid import UUID, uuid5

NAMESPACE = UUID("6f2f7f0e-6a43-4b52-9d55-3f0f3a1c8a11")


def row_id(scope: str, key: str, text: str) -> str:
    """The id under which this request of this user keeps this text."""
    return str(uuid5(NAMESPACE, f"{scope}\n{key}\n{text}"))
