"""The mutation operators: from the syntax tree of a file to the edits that are tried.

Not mutated: docstrings, annotations, type aliases, protocols, log calls, and texts that only people read.
"""

import ast
import copy
import re
from collections.abc import Callable
from typing import Final

from tools.mutants.mutation import Edit
from tools.mutants.sql import is_sql, sql_edits

COMPARISONS: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
ARITHMETIC: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult, ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr, ast.LShift: ast.RShift, ast.RShift: ast.LShift,
}  # fmt: skip
_PAIRS: Final = (
    ("retire", "release"), ("append", "appendleft"), ("popleft", "pop"), ("add", "discard"), ("min", "max"), ("any", "all"), ("set", "clear"),
    ("wait", "gather"), ("startswith", "endswith"), ("removeprefix", "removesuffix"), ("partition", "rpartition"), ("fetchrow", "fetch"),
    ("lower", "upper"), ("set_result", "cancel"), ("ack", "nack"),
)  # fmt: skip
SWAPPED: Final = {one: other for pair in _PAIRS for one, other in (pair, pair[::-1])}
KEYWORD: Final = re.compile(r"[\w.:/+=-]+")
"""Text that programs compare: header names, states, keys. Sentences are for people."""


class Finder(ast.NodeVisitor):
    """Collects the edits of one file."""

    def __init__(self, source: bytes) -> None:
        self._source = source
        self._lines = [0, *(position + 1 for position, byte in enumerate(source) if byte == 10)]
        self._scope: list[str] = []
        self.edits: list[Edit] = []

    def _add(self, node: ast.expr | ast.stmt, operator: str, after: str) -> None:
        assert node.end_lineno is not None  # what is parsed has positions
        assert node.end_col_offset is not None
        start = self._lines[node.lineno - 1] + node.col_offset
        end = self._lines[node.end_lineno - 1] + node.end_col_offset
        self.edits.append(Edit(scope=".".join(self._scope), operator=operator, start=start, end=end, after=after))

    def _named(self, node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef, *inside: ast.AST) -> None:
        self._scope.append(node.name)
        for child in inside:
            self.visit(child)
        self._body(node.body)
        self._scope.pop()

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        if not any(getattr(base, "id", getattr(getattr(base, "value", None), "id", "")) == "Protocol" for base in node.bases):
            self._named(node)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._named(node, *node.args.defaults, *(default for default in node.args.kw_defaults if default is not None))

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815 -- the name that `ast` calls

    def visit_Module(self, node: ast.Module) -> None:
        self._body(node.body)

    def _body(self, body: list[ast.stmt]) -> None:
        for position, statement in enumerate(body):
            if not (position == 0 and _is_text(statement)):
                self.visit(statement)

    def visit_Import(self, node: ast.AST) -> None:
        """Imports, aliases and `__slots__` are not behaviour."""

    visit_ImportFrom = visit_TypeAlias = visit_Import  # noqa: N815 -- the name that `ast` calls

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self._removed(node)
        if node.value is not None:
            self.visit(node.value)

    def visit_Assign(self, node: ast.Assign) -> None:
        if not any(getattr(target, "id", "") in ("__slots__", "__all__", "logger") for target in node.targets):
            self._removed(node)
            self.visit(node.value)

    def _removed(self, node: ast.Assign | ast.AnnAssign) -> None:
        """An assignment to an attribute or an item; without one to a name, the next line fails anyway."""
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if node.value is not None and all(isinstance(target, ast.Attribute | ast.Subscript) for target in targets):
            self._add(node, "remove assignment", "pass")

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._add(node, "remove assignment", "pass")
        self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        if _is_text(node) or _logs(node.value):
            return
        if isinstance(node.value, ast.Await):
            self._add(node, "remove awaited call", "pass")
        elif isinstance(node.value, ast.Call):
            self._add(node, "remove call", "pass")
        self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> None:
        self._add(node, "remove raise", "pass")

    def visit_Return(self, node: ast.Return) -> None:
        if node.value is None:
            self._add(node, "remove return", "pass")
        else:
            self.visit(node.value)

    def visit_Break(self, node: ast.Break | ast.Continue | ast.Delete) -> None:
        self._add(node, "remove statement", "pass")

    visit_Continue = visit_Delete = visit_Break  # noqa: N815 -- the name that `ast` calls

    def visit_If(self, node: ast.If) -> None:
        if getattr(node.test, "id", "") == "TYPE_CHECKING":
            return
        self._add(node.test, "force condition", "True")
        self._add(node.test, "force condition", "False")
        self.visit(node.test)
        for child in (*node.body, *node.orelse):
            self.visit(child)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self._add(node.test, "force condition", "True")
        self._add(node.test, "force condition", "False")
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        for condition in node.ifs:
            self._add(condition, "drop filter", "True")
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        for position, operator in enumerate(node.ops):

            def swap(copied: ast.expr, position: int = position, operator: ast.cmpop = operator) -> None:
                assert isinstance(copied, ast.Compare)  # of `node`
                copied.ops[position] = COMPARISONS[type(operator)]()

            self._replaced(node, "comparison", swap)
        self.generic_visit(node)

    def _replaced(self, node: ast.expr, operator: str, change: Callable[[ast.expr], None]) -> None:
        copied = copy.deepcopy(node)
        change(copied)
        self._add(node, operator, f"({ast.unparse(copied)})")

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        self._add(node, "boolean operator", f"({ast.unparse(ast.BoolOp(other, node.values))})")
        for position in range(len(node.values)):
            rest = [value for at, value in enumerate(node.values) if at != position]
            kept = rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)
            self._add(node, "drop condition", f"({ast.unparse(kept)})")
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not):
            self._add(node, "drop not", f"({ast.unparse(node.operand)})")
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if isinstance(node.op, ast.BitOr):
            self._add(node, "drop operand", f"({ast.unparse(node.left)})")
            self._add(node, "drop operand", f"({ast.unparse(node.right)})")
        elif type(node.op) in ARITHMETIC and not _text_in(node):
            self._add(node, "arithmetic", f"({ast.unparse(ast.BinOp(node.left, ARITHMETIC[type(node.op)](), node.right))})")
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        if _logs(node):
            return
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in SWAPPED:
            whole = ast.unparse(node.func)
            self._add(node.func, "swap method", whole.removesuffix(name) + SWAPPED[name])
        self.generic_visit(node)

    def visit_Dict(self, node: ast.Dict) -> None:
        for position in range(len(node.keys) if len(node.keys) > 1 else 0):
            keys, values = node.keys[:], node.values[:]
            del keys[position], values[position]
            self._add(node, "remove row", ast.unparse(ast.Dict(keys, values)))
        self.generic_visit(node)

    def visit_Tuple(self, node: ast.Tuple | ast.List | ast.Set) -> None:
        """Rows of a table at module level; elsewhere a missing element breaks the unpacking."""
        if not self._scope and len(node.elts) > 1:
            for position in range(len(node.elts)):
                copied = copy.deepcopy(node)
                del copied.elts[position]
                self._add(node, "remove row", ast.unparse(copied))
        for element in node.elts:
            for child in element.elts if isinstance(element, ast.Tuple) else [element]:  # the rows themselves keep their width
                self.visit(child)

    visit_List = visit_Set = visit_Tuple  # noqa: N815 -- the name that `ast` calls

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if isinstance(node.type, ast.Tuple):
            for position in range(len(node.type.elts)):
                kept = [element for at, element in enumerate(node.type.elts) if at != position]
                self._add(node.type, "catch less", ast.unparse(ast.Tuple(kept, ast.Load())))
        for child in node.body:
            self.visit(child)

    def visit_Constant(self, node: ast.Constant) -> None:
        value = node.value
        if isinstance(value, bool):
            self._add(node, "constant", str(not value))
        elif isinstance(value, int):
            self._add(node, "constant", str(value + 1))
            if value > 0:
                self._add(node, "constant", str(value - 1))
        elif isinstance(value, float):
            self._add(node, "constant", repr(value * 2 + 1))
        elif isinstance(value, str) and is_sql(value):
            self._sql(node)
        elif isinstance(value, str) and KEYWORD.fullmatch(value):
            self._add(node, "constant", repr(value + "x"))
        elif isinstance(value, bytes) and value:
            self._add(node, "constant", repr(value + b"x"))

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        if is_sql("".join(part.value for part in node.values if isinstance(part, ast.Constant) and isinstance(part.value, str))):
            self._sql(node)
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                self.visit(part.value)

    def _sql(self, node: ast.Constant | ast.JoinedStr) -> None:
        written = ast.get_source_segment(self._source.decode(), node)
        assert written is not None  # what is parsed has positions
        for after in sql_edits(written):
            self._add(node, "SQL", after)


def edits(source: bytes) -> list[Edit]:
    """Everything that may be changed in `source`."""
    finder = Finder(source)
    finder.visit(ast.parse(source))
    return finder.edits


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _logs(node: ast.expr) -> bool:
    call = node.value if isinstance(node, ast.Await) else node
    return isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and getattr(call.func.value, "id", "") == "logger"


def _text_in(node: ast.BinOp) -> bool:
    return any(isinstance(side, ast.JoinedStr) or isinstance(getattr(side, "value", None), str | bytes) for side in (node.left, node.right))
