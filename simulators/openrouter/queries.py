"""Questions that the database answers, and the statement for each."""

import re

SQL = re.compile(r"\b(?:select\b[^?]*?\bfrom\b|with\s+\w+\s+as\s*\()[\s\S]*", re.IGNORECASE)
QUESTION = re.compile(
    r"\b(?:query|database|sql)\b[^.?!\n]*"
    r"|\bhow much (?:\w+ )?(?:did|have|do|has|does|am)\b[^.?!\n]*\b(?:spend|spent|spending|pay|paid|cost)\b[^.?!\n]*"
    r"|\bwhat (?:did|do|have|has|am)\b[^.?!\n]*\b(?:spend|spent|spending|pay|paid)\b[^.?!\n]*"
    r"|\bwhat (?:did|do|does|have|has) (?:it|this|that|(?:the|my) \w+)\b[^.?!\n]*\bcosts?\b[^.?!\n]*"
    r"|\bhow many trades\b[^.?!\n]*"
    r"|\b(?:my|model|total) (?:spend|spending|costs?)\b[^.?!\n]*"
    r"|\b(?:recent|last|latest|failed|how many|list|show)\b[^.?!\n]*\bruns\b[^.?!\n]*",
    re.IGNORECASE,
)
SPEND_BY_MODEL = (
    "SELECT asked_model, count(*) AS calls, sum(cost_usd) AS cost_usd "
    "FROM reporting.spend GROUP BY asked_model ORDER BY cost_usd DESC"
)
SPEND_BY_DAY = (
    "SELECT called_at::date AS day, count(*) AS calls, sum(cost_usd) AS cost_usd "
    "FROM reporting.spend GROUP BY called_at::date ORDER BY day DESC LIMIT 7"
)
COUNT_TRADES = (
    "SELECT count(*) AS trades, count(*) FILTER (WHERE is_open) AS open, "
    "count(*) FILTER (WHERE NOT is_open) AS closed FROM reporting.trades"
)
LAST_RUNS = "SELECT id, status, model, cost_usd, created_at FROM reporting.runs ORDER BY created_at DESC LIMIT 10"
LAST_TRADES = (
    "SELECT pair, is_open, stake_amount, profit_abs, opened_at, closed_at "
    "FROM reporting.trades ORDER BY opened_at DESC LIMIT 10"
)


STATEMENTS = (
    (re.compile(r"\bhow many\b.*\btrades?\b|\b(?:count|number of)\b.*\btrades?\b", re.IGNORECASE), COUNT_TRADES),
    (re.compile(r"\btrades?\b", re.IGNORECASE), LAST_TRADES),
    (re.compile(r"\bruns?\b", re.IGNORECASE), LAST_RUNS),
    (re.compile(r"\b(?:days?|today|yesterday|week|daily)\b", re.IGNORECASE), SPEND_BY_DAY),
)


def stated(match: re.Match[str]) -> str:
    """The statement a person wrote out."""
    return match[0].strip().strip("`").rstrip("; \n")


def chosen(words: str) -> str:
    """The statement that fits the words; spending by model if nothing does."""
    return next((statement for about, statement in STATEMENTS if about.search(words)), SPEND_BY_MODEL)
