"""The tools as a model sees them: OpenAI's function schema, made from each tool's argument model."""

from collections.abc import Sequence
from typing import Any

from tools.registry import Tool


def tool_schemas(tools: Sequence[Tool]) -> list[dict[str, Any]]:
    """One function schema a tool."""
    return [{"type": "function", "function": _function(tool)} for tool in tools]


def _function(tool: Tool) -> dict[str, Any]:
    schema = tool.arguments.model_json_schema()
    parameters = {key: value for key, value in schema.items() if key not in ("title", "description")}
    return {"name": tool.name, "description": tool.description, "parameters": parameters}
