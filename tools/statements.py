"""The rules a model's SQL must pass before PostgreSQL sees it: one SELECT, listed relations, functions and types.

Nothing passes that makes long values from short ones (`||`, string_agg, repeat, arrays): a cell stays small.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pgparse

from pilothouse.errors import BadInputError
from tools.grammar import FORM, Node, walk, words

MAX_SQL_CHARS = 5_000
SCHEMA = "reporting"

# pgparse ships no types: these two lines are the border.
_parse_tree: Callable[[str], list[dict[str, Any]]] = pgparse.parse  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] -- untyped library
_SyntaxError: type[Exception] = pgparse.PGQueryError  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] -- untyped library


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


RELATIONS: Mapping[str, Sequence[str]] = {
    "trades": (
        *("id", "pair", "is_open", "is_short", "enter_tag", "exit_reason", "strategy", "amount", "stake_amount"),
        *("open_rate", "close_rate", "profit_ratio", "profit_abs", "opened_at", "closed_at"),
    ),
    "orders": (
        *("id", "trade_id", "pair", "side", "order_type", "status", "price", "average_price", "filled", "cost"),
        *("ordered_at", "filled_at"),
    ),
    "spend": (
        *("id", "called_at", "caller", "run_id", "node", "route", "asked_model", "served_model", "provider"),
        *("status", "prompt_tokens", "completion_tokens", "cost_usd", "latency_ms"),
        *("cached_tokens", "reasoning_tokens", "attempts", "ended_at", "reserved_usd"),
    ),
    "runs": ("id", "caller", "model", "status", "cost_usd", "created_at", "started_at", "ended_at", "error_code"),
}
AGGREGATES = _words("""
    count sum avg min max bool_and bool_or every stddev stddev_pop stddev_samp variance var_pop var_samp corr
    percentile_cont percentile_disc mode""")
WINDOWS = _words("""
    row_number rank dense_rank percent_rank cume_dist ntile lag lead first_value last_value nth_value""")
MATHS = _words("abs ceil ceiling floor round trunc sign sqrt exp ln log mod width_bucket")
DATES = _words("now date_trunc date_part extract age date_bin make_date make_interval to_timestamp timezone to_char")
TEXTS = _words("""
    lower upper initcap length char_length left right substring substr trim btrim ltrim rtrim
    split_part position strpos starts_with""")
FUNCTIONS = AGGREGATES | WINDOWS | MATHS | DATES | TEXTS
TYPES = _words("""
    text varchar int2 int4 int8 numeric float4 float8 bool date time timetz timestamp timestamptz interval uuid""")
OPERATORS = _words("+ - * / % = <> < > <= >= ~~ !~~ ~~* !~~*") | {"BETWEEN", "NOT BETWEEN"}
OPERATOR_FORMS = _words("""
    AEXPR_OP AEXPR_OP_ANY AEXPR_OP_ALL AEXPR_DISTINCT AEXPR_NOT_DISTINCT AEXPR_NULLIF AEXPR_IN AEXPR_LIKE AEXPR_ILIKE
    AEXPR_BETWEEN AEXPR_NOT_BETWEEN""")
SUBQUERY_FORMS = _words("EXISTS_SUBLINK ANY_SUBLINK ALL_SUBLINK EXPR_SUBLINK")
INSTANTS = _words("""
    SVFOP_CURRENT_DATE SVFOP_CURRENT_TIME SVFOP_CURRENT_TIME_N SVFOP_CURRENT_TIMESTAMP SVFOP_CURRENT_TIMESTAMP_N
    SVFOP_LOCALTIME SVFOP_LOCALTIME_N SVFOP_LOCALTIMESTAMP SVFOP_LOCALTIMESTAMP_N""")
SYSTEM_COLUMNS = _words("ctid xmin xmax cmin cmax tableoid oid")
# What PostgreSQL calls a column that was given no name.
UNNAMED = FUNCTIONS | TYPES | _words("case coalesce greatest least nullif exists column1 column2 column3")
# `row.function` is another spelling of `function(row)`; these take any row, and one of them even writes.
ROW_FUNCTIONS = _words("""
    any_out any_value anycompatible_out anycompatiblenonarray_out anyelement_out anynonarray_out array_agg concat
    hash_record json_agg json_agg_strict json_build_array json_build_object jsonb_agg jsonb_agg_strict
    jsonb_build_array jsonb_build_object num_nonnulls num_nulls pg_collation_for pg_column_compression
    pg_column_size pg_column_toast_chunk_id pg_restore_attribute_stats pg_restore_relation_stats pg_typeof
    quote_literal quote_nullable record_out record_send row_to_json to_json to_jsonb""")
COLUMNS = frozenset(column for columns in RELATIONS.values() for column in columns)

READABLE = ", ".join(f"{SCHEMA}.{name}" for name in RELATIONS)


def check(sql: str) -> None:
    """Raise `BadInputError`, with what is allowed instead, unless `sql` is one statement that may run."""
    nodes = list(walk(_parse(sql)))
    named = {name for node in nodes for name in _names_given(node)}
    for node in nodes:
        RULES.get(node.kind, _no_rule)(node)
        if node.kind == "ColumnRef":
            _check_column(words(node.body["fields"]), named)


def _parse(sql: str) -> Node:
    if len(sql) > MAX_SQL_CHARS:
        raise BadInputError(f"the query has {len(sql)} characters; at most {MAX_SQL_CHARS} are allowed")
    if any(each == "\0" or "\ud800" <= each <= "\udfff" for each in sql):
        raise BadInputError("the query holds a character that SQL text cannot hold", hint=FORM)
    try:
        tree = _parse_tree(sql)
    except _SyntaxError as error:
        raise BadInputError(f"PostgreSQL cannot read this: {error.args[0]}", hint=FORM) from error
    except RecursionError as error:
        raise BadInputError("the query is nested too deeply", hint=FORM) from error
    if len(tree) != 1:
        raise BadInputError(f"exactly one SELECT is allowed, {len(tree)} statements came", hint=FORM)
    kind, body = next(iter(tree[0]["stmt"].items()))
    return Node(kind, body)


def _names_given(node: Node) -> Sequence[str]:
    if node.kind == "ResTarget":
        return [node.body["name"]] if "name" in node.body else []
    return words(node.body.get("colnames", node.body.get("aliascolnames", ())))


def _no_rule(_: Node) -> None:
    """A kind whose fields say it all."""


def _check_relation(node: Node) -> None:
    schema, name = node.body.get("schemaname", ""), node.body["relname"]
    if not schema and name in node.scope:
        return
    if schema not in ("", SCHEMA) or name not in RELATIONS:
        read = f"{schema}.{name}".lstrip(".")
        raise BadInputError(f"{read} may not be read", hint=f"there is {READABLE}; nothing else")


def _check_function(node: Node) -> None:
    *schema, name = words(node.body["funcname"])
    if schema not in ([], ["pg_catalog"]) or name not in FUNCTIONS:
        raise BadInputError(f"function {'.'.join([*schema, name])} is not allowed", hint=_list("functions", FUNCTIONS))
    pattern = node.body.get("args", [])[1:2]
    if name == "to_char" and not (pattern and "A_Const" in pattern[0]):
        raise BadInputError("to_char needs its pattern written out", hint="such as to_char(opened_at, 'YYYY-MM-DD')")


def _check_type(node: Node) -> None:
    *schema, name = words(node.body["names"])
    if schema not in ([], ["pg_catalog"]) or name not in TYPES:
        raise BadInputError(f"type {'.'.join([*schema, name])} is not allowed", hint=_list("types", TYPES))


def _check_expression(node: Node) -> None:
    if node.body["kind"] not in OPERATOR_FORMS:
        raise BadInputError(f"{node.body['kind']} is not allowed", hint=_list("operators", OPERATORS))
    _check_operator(words(node.body["name"]))


def _check_operator(name: Sequence[str]) -> None:
    if len(name) != 1 or name[0] not in OPERATORS:
        raise BadInputError(f"operator {'.'.join(name)} is not allowed", hint=_list("operators", OPERATORS))


def _check_subquery(node: Node) -> None:
    if node.body["subLinkType"] not in SUBQUERY_FORMS:
        raise BadInputError(f"{node.body['subLinkType']} is not allowed", hint=FORM)
    if "operName" in node.body:
        _check_operator(words(node.body["operName"]))


def _check_value_function(node: Node) -> None:
    if node.body["op"] not in INSTANTS:
        raise BadInputError(f"{node.body['op'].removeprefix('SVFOP_').lower()} is not allowed", hint=FORM)


def _check_column(path: Sequence[str], named: set[str]) -> None:
    if SYSTEM_COLUMNS & set(path):
        raise BadInputError(f"system column {path[-1]} may not be read", hint=_columns())
    if len(path) > 3 or (len(path) == 3 and path[0] != SCHEMA):  # noqa: PLR2004 -- schema.relation.column
        raise BadInputError(f"{'.'.join(path)} is not a column that may be read", hint=_columns())
    if len(path) > 1 and path[-1] not in {"*"} | COLUMNS | UNNAMED | (named - ROW_FUNCTIONS):
        raise BadInputError(f"column {'.'.join(path)} does not exist", hint=_columns())


def _columns() -> str:
    return "columns: " + "; ".join(f"{SCHEMA}.{name} ({', '.join(columns)})" for name, columns in RELATIONS.items())


def _list(what: str, names: frozenset[str]) -> str:
    return f"{what} that are: {' '.join(sorted(names))}"


RULES: Mapping[str, Callable[[Node], None]] = {
    "RangeVar": _check_relation,
    "FuncCall": _check_function,
    "TypeName": _check_type,
    "A_Expr": _check_expression,
    "SubLink": _check_subquery,
    "SQLValueFunction": _check_value_function,
}
