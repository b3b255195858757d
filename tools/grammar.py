"""What a statement may be made of: the node kinds of PostgreSQL's own parse tree that pass, each with its fields.

A kind or a field that is not listed is refused, so `SELECT INTO`, row locks, table functions, recursion and
whatever a later grammar adds stay out without being named here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from pilothouse.errors import BadInputError

PLAIN = ""  # a number, a word, a position: nothing to walk into
TAGGED = "*"  # nodes that carry their kind: {"ColumnRef": {...}}
# Any other value is the kind of a node that is written without its tag.

KINDS: dict[str, dict[str, str]] = {
    "A_Const": dict.fromkeys(("ival", "fval", "sval", "boolval", "isnull"), PLAIN),
    "A_Expr": {"kind": PLAIN, "name": TAGGED, "lexpr": TAGGED, "rexpr": TAGGED},
    "A_Star": {},
    "Alias": {"aliasname": PLAIN, "colnames": TAGGED},
    "BoolExpr": {"boolop": PLAIN, "args": TAGGED},
    "BooleanTest": {"booltesttype": PLAIN, "arg": TAGGED},
    "CaseExpr": {"arg": TAGGED, "args": TAGGED, "defresult": TAGGED},
    "CaseWhen": {"expr": TAGGED, "result": TAGGED},
    "CoalesceExpr": {"args": TAGGED},
    "ColumnRef": {"fields": TAGGED},
    "CommonTableExpr": {"ctename": PLAIN, "aliascolnames": TAGGED, "ctematerialized": PLAIN, "ctequery": TAGGED},
    "FuncCall": {
        "funcname": TAGGED,
        "args": TAGGED,
        "agg_order": TAGGED,
        "agg_filter": TAGGED,
        "over": "WindowDef",
        **dict.fromkeys(("agg_within_group", "agg_star", "agg_distinct", "funcformat"), PLAIN),
    },
    "JoinExpr": {
        "jointype": PLAIN,
        "isNatural": PLAIN,
        "larg": TAGGED,
        "rarg": TAGGED,
        "usingClause": TAGGED,
        "quals": TAGGED,
        "alias": "Alias",
    },
    "List": {"items": TAGGED},
    "MinMaxExpr": {"op": PLAIN, "args": TAGGED},
    "NullTest": {"nulltesttype": PLAIN, "arg": TAGGED},
    "RangeSubselect": {"lateral": PLAIN, "subquery": TAGGED, "alias": "Alias"},
    "RangeVar": {"schemaname": PLAIN, "relname": PLAIN, "inh": PLAIN, "relpersistence": PLAIN, "alias": "Alias"},
    "ResTarget": {"name": PLAIN, "val": TAGGED},
    "SQLValueFunction": {"op": PLAIN, "typmod": PLAIN},
    "SelectStmt": {
        **dict.fromkeys(("limitOption", "op", "all"), PLAIN),
        **dict.fromkeys(("distinctClause", "targetList", "fromClause", "whereClause", "groupClause"), TAGGED),
        **dict.fromkeys(("havingClause", "windowClause", "valuesLists", "sortClause"), TAGGED),
        **dict.fromkeys(("limitOffset", "limitCount"), TAGGED),
        "withClause": "WithClause",
        "larg": "SelectStmt",
        "rarg": "SelectStmt",
    },
    "SortBy": {"node": TAGGED, "sortby_dir": PLAIN, "sortby_nulls": PLAIN},
    "String": {"sval": PLAIN},
    "SubLink": {"subLinkType": PLAIN, "testexpr": TAGGED, "operName": TAGGED, "subselect": TAGGED},
    "TypeCast": {"arg": TAGGED, "typeName": "TypeName"},
    "TypeName": {"names": TAGGED, "typmods": TAGGED, "typemod": PLAIN},
    "WindowDef": {
        **dict.fromkeys(("name", "refname", "frameOptions"), PLAIN),
        **dict.fromkeys(("partitionClause", "orderClause", "startOffset", "endOffset"), TAGGED),
    },
    "WithClause": {"ctes": TAGGED},
}

FORM = "write one plain SELECT: joins, subqueries, WITH, GROUP BY, windows, ORDER BY and LIMIT are fine"


@dataclass(frozen=True)
class Node:
    """One node of the tree, and the names of the CTEs that a bare relation may mean at this place."""

    kind: str
    body: dict[str, Any]
    scope: frozenset[str] = frozenset()


def walk(root: Node) -> Iterator[Node]:
    """Every node below and with `root`; raises at the first kind or field that is not listed."""
    pending = [root]
    while pending:
        node = pending.pop()
        if node.kind not in KINDS:
            raise BadInputError(f"{node.kind} is not allowed in a query", hint=FORM)
        yield node
        pending.extend(_children(node))


def words(nodes: Any) -> list[str]:
    """The names in a list of String nodes; a star is '*'."""
    return [cast("str", each["String"]["sval"]) if "String" in each else "*" for each in nodes]


def _children(node: Node) -> Iterator[Node]:
    for field, value in node.body.items():
        shape = _shape(node.kind, field)
        if shape == PLAIN:
            continue
        scope = _scope(node, field)
        for each in cast("list[Any]", value if isinstance(value, list) else [value]):
            child = Node(shape, each, scope) if shape != TAGGED else _untag(node.kind, each, scope)
            if child is not None:
                yield child
            if node.kind == "WithClause":  # a CTE sees those before it, never itself or a later one
                scope |= {each["CommonTableExpr"]["ctename"]}


def _shape(kind: str, field: str) -> str:
    if field.endswith("location"):
        return PLAIN
    if field not in KINDS[kind]:
        raise BadInputError(f"{kind} with {field} is not allowed in a query", hint=FORM)
    return KINDS[kind][field]


def _scope(node: Node, field: str) -> frozenset[str]:
    """A SELECT's own CTEs are visible in all of it but in the WITH clause, which hands them out one by one."""
    if node.kind != "SelectStmt" or field == "withClause":
        return node.scope
    ctes = node.body.get("withClause", {}).get("ctes", ())
    return node.scope | {each["CommonTableExpr"]["ctename"] for each in ctes}


def _untag(parent: str, tagged: dict[str, Any], scope: frozenset[str]) -> Node | None:
    if not tagged and parent == "SelectStmt":  # a bare DISTINCT is a list with one empty node
        return None
    if len(tagged) != 1:
        raise BadInputError(f"{parent} holds something unreadable", hint=FORM)
    kind, body = next(iter(tagged.items()))
    return Node(kind, body, scope)
