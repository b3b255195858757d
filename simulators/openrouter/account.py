"""GET /key and /generation: what OpenRouter tells about a key and about a finished call."""

from typing import Any

from simulators.openrouter.billing import Bill, Billing
from simulators.openrouter.errors import RefusedError
from simulators.openrouter.pricing import PROVIDER


def key(billing: Billing) -> dict[str, Any]:
    """The answer of GET /key: no limit, and what was used so far."""
    used = float(billing.total_usd)
    return {
        "data": {
            "label": "sk-or-v1-twin",
            "limit": None,
            "limit_reset": None,
            "limit_remaining": None,
            "include_byok_in_limit": False,
            "usage": used,
            "usage_daily": used,
            "usage_weekly": used,
            "usage_monthly": used,
            "byok_usage": 0,
            "byok_usage_daily": 0,
            "byok_usage_weekly": 0,
            "byok_usage_monthly": 0,
            "is_free_tier": False,
            "is_management_key": False,
            "free_model_daily_requests": {"used": 0, "limit": 1000, "remaining": 1000},
        }
    }


def generation(billing: Billing, generation_id: str) -> dict[str, Any]:
    """The answer of GET /generation?id=."""
    bill = billing.find(generation_id)
    if bill is None:
        raise RefusedError(404, f"Generation {generation_id} not found", metadata={"error_type": "not_found"})
    return {"data": _statistics(bill)}


def _statistics(bill: Bill) -> dict[str, Any]:
    cost = float(bill.cost_usd)
    return {
        "id": bill.generation_id,
        "upstream_id": None,
        "total_cost": cost,
        "usage": cost,
        "cache_discount": None,
        "upstream_inference_cost": None,
        "created_at": bill.at.isoformat(),
        "model": bill.model,
        "app_id": None,
        "streamed": bill.streamed,
        "cancelled": bill.cancelled,
        "provider_name": PROVIDER,
        "latency": bill.duration_ms,
        "moderation_latency": None,
        "generation_time": bill.duration_ms,
        "finish_reason": bill.finish_reason,
        "native_finish_reason": bill.finish_reason,
        "tokens_prompt": bill.prompt_tokens,
        "tokens_completion": bill.completion_tokens,
        "native_tokens_prompt": bill.prompt_tokens,
        "native_tokens_completion": bill.completion_tokens,
        "native_tokens_reasoning": 0,
        "native_tokens_cached": 0,
        "num_media_prompt": None,
        "num_media_completion": None,
        "num_search_results": None,
        "origin": "",
        "is_byok": False,
    }
