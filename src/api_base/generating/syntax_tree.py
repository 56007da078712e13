"""Changes of modules by their syntax tree: what a module has in another form is not added again."""

import ast
from collections.abc import Sequence
from typing import cast

import libcst as cst
from libcst import matchers as m

from api_base.core.errors import ConfigurationError
from api_base.generating.staging import Edit


def imported(module: str, name: str, alias: str | None = None) -> Edit:
    """Add `from module import name as alias`, behind the other imports: ruff sorts them."""
    line = f"from {module} import {name}" + (f" as {alias}" if alias else "")
    statement = cst.parse_statement(line)

    def edit(tree: cst.Module) -> cst.Module:
        if any(_imports(one, module, alias or name) for one in tree.body):
            return tree
        at = max((index + 1 for index, one in enumerate(tree.body) if _is_import(one)), default=_behind_docstring(tree))
        return tree.with_changes(body=[*tree.body[:at], statement, *tree.body[at:]])

    return edit


def appended(variable: str, element: str) -> Edit:
    """Add an element to the tuple or list that is assigned to `variable`."""

    def edit(tree: cst.Module) -> cst.Module:
        value = _assigned(tree, variable)
        if not isinstance(value, cst.Tuple | cst.List):
            raise ConfigurationError(
                f"{variable} is no tuple or list as it is written, so nothing can be added to it. Write {variable} = (…)."
            )
        return _replaced(tree, value, _with_element(value, element))

    return edit


def declared(variable: str, keyword: str, element: str) -> Edit:
    """Add an element to what the context that is assigned to `variable` brings under `keyword`: `handlers=lambda ports: [element]`."""

    def edit(tree: cst.Module) -> cst.Module:
        call = _call(tree, variable, keyword)
        argument = _argument(call, keyword)
        if argument is None:
            empty = "lambda ports: []" if keyword in ("handlers", "subscribers") else "()"
            return edit(_replaced(tree, call, _with_keyword(call, keyword, empty)))
        value = argument.value
        if isinstance(value, cst.Lambda):
            taken = [one.name.value for one in value.params.params]
            if taken != ["ports"]:
                raise ConfigurationError(f"{keyword} of {variable} takes {', '.join(map(repr, taken))}, not ports. Rename it.")
            value = value.body
        if not isinstance(value, cst.Tuple | cst.List):
            raise ConfigurationError(f"{keyword} of {variable} is no list as it is written. Add {element} to it.")
        return _replaced(tree, value, _with_element(value, element))

    return edit


def with_keyword(variable: str, keyword: str, value: str) -> Edit:
    """Give the context that is assigned to `variable` an argument that it does not have."""

    def edit(tree: cst.Module) -> cst.Module:
        call = _call(tree, variable, keyword)
        argument = _argument(call, keyword)
        if argument is None:
            return _replaced(tree, call, _with_keyword(call, keyword, value))
        if not _same(argument.value, cst.parse_expression(value)):
            raise ConfigurationError(f"{keyword} of {variable} is not {value}. Write {keyword}={value}, or add the code by hand.")
        return tree

    return edit


def before_return(function: str, inner: str, code: str) -> Edit:
    """Put the code of the function `inner` before the last statement of `function`, unless that has one of this name."""
    statement = cst.parse_statement(code)

    def edit(tree: cst.Module) -> cst.Module:
        found = next((one for one in tree.body if isinstance(one, cst.FunctionDef) and one.name.value == function), None)
        if found is None or not m.matches(found.body.body[-1], m.SimpleStatementLine(body=[m.Return()])):
            raise ConfigurationError(f"it has no function {function!r} that ends with return. Write one, as in docs/generate.md.")
        body = cast("Sequence[cst.BaseStatement]", found.body.body)
        if any(isinstance(one, cst.FunctionDef) and one.name.value == inner for one in body):
            return tree
        return _replaced(tree, found.body, found.body.with_changes(body=[*body[:-1], statement, body[-1]]))

    return edit


def appended_class(name: str, code: str) -> Edit:
    """Put the code of the class `name` before the first function, unless the module has one of this name."""
    statement = cst.parse_module(code).body

    def edit(tree: cst.Module) -> cst.Module:
        if any(isinstance(one, cst.ClassDef) and one.name.value == name for one in tree.body):
            return tree
        at = next((index for index, one in enumerate(tree.body) if isinstance(one, cst.FunctionDef)), len(tree.body))
        return tree.with_changes(body=[*tree.body[:at], *statement, *tree.body[at:]])

    return edit


def attributes_in(code: str, cls: str) -> dict[str, str]:
    """Return the annotations of a class as they are written, by attribute. Empty without such a class."""
    tree = cst.parse_module(code)
    found = next((one for one in tree.body if isinstance(one, cst.ClassDef) and one.name.value == cls), None)
    lines = [] if found is None else [part for one in found.body.body if isinstance(one, cst.SimpleStatementLine) for part in one.body]
    return {
        one.target.value: tree.code_for_node(one.annotation.annotation)
        for one in lines
        if isinstance(one, cst.AnnAssign) and isinstance(one.target, cst.Name)
    }


def _assigned(tree: cst.Module, variable: str) -> cst.BaseExpression | None:
    for line in tree.body:
        for part in line.body if isinstance(line, cst.SimpleStatementLine) else ():
            if isinstance(part, cst.AnnAssign) and m.matches(part.target, m.Name(variable)):
                return part.value
            if isinstance(part, cst.Assign) and any(m.matches(one.target, m.Name(variable)) for one in part.targets):
                return part.value
    return None


def _call(tree: cst.Module, variable: str, keyword: str) -> cst.Call:
    """Return the call that takes `keyword`: `Context(…)`, `NOTES.context(…)`, or the `replace(…)` around that if it has it already."""
    value = _assigned(tree, variable)
    inner = value.args[0].value if isinstance(value, cst.Call) and m.matches(value.func, m.Name("replace")) else value
    ready = isinstance(inner, cst.Call) and m.matches(inner.func, m.Attribute(attr=m.Name("context")))
    if not isinstance(value, cst.Call) or not isinstance(inner, cst.Call) or not (ready or m.matches(inner.func, m.Name("Context"))):
        raise ConfigurationError(f"{variable} is neither Context(…) nor what crud(…).context(…) returns, so nothing can be added to it.")
    return value if _argument(value, keyword) is not None else inner


def _argument(call: cst.Call, keyword: str) -> cst.Arg | None:
    return next((one for one in call.args if one.keyword is not None and one.keyword.value == keyword), None)


def _with_keyword(call: cst.Call, keyword: str, value: str) -> cst.Call:
    argument = cst.Arg(keyword=cst.Name(keyword), value=cst.parse_expression(value))
    return call.with_changes(args=[*call.args, argument])


def _with_element(value: cst.Tuple | cst.List, element: str) -> cst.Tuple | cst.List:
    new = cst.parse_expression(element)
    if any(_same(one.value, new) for one in value.elements):
        return value
    value, behind = _opened(value)
    elements: list[cst.BaseElement] = []
    for one in value.elements:
        last = one is value.elements[-1]
        comma = one.comma if isinstance(one.comma, cst.Comma) else cst.Comma()
        elements.append(one.with_changes(comma=comma.with_changes(whitespace_after=behind) if last and behind is not None else comma))
    return value.with_changes(elements=[*elements, cst.Element(value=new, comma=cst.Comma())])


def _opened(value: cst.Tuple | cst.List) -> tuple[cst.Tuple | cst.List, cst.ParenthesizedWhitespace | None]:
    """Return the list without the lines before its bracket, and those: they hold the comment of the last element."""
    plain = cst.SimpleWhitespace("")
    end = value.rbracket if isinstance(value, cst.List) else value.rpar[0] if value.rpar else None
    if end is None or not isinstance(behind := end.whitespace_before, cst.ParenthesizedWhitespace):
        return value, None
    closed = end.with_changes(whitespace_before=plain)
    return value.with_changes(rbracket=closed) if isinstance(value, cst.List) else value.with_changes(
        rpar=[closed, *value.rpar[1:]]
    ), behind


def _same(one: cst.BaseExpression, other: cst.BaseExpression) -> bool:
    """Return whether two expressions mean the same, however they are laid out."""
    first, second = (ast.dump(ast.parse(f"({cst.Module([]).code_for_node(node)}\n)", mode="eval")) for node in (one, other))
    return first == second


def _replaced(tree: cst.Module, old: cst.CSTNode, new: cst.CSTNode) -> cst.Module:
    return cast("cst.Module", tree if old is new else tree.deep_replace(old, new))


def _is_import(line: cst.CSTNode) -> bool:
    return m.matches(line, m.SimpleStatementLine(body=[m.ZeroOrMore(m.Import() | m.ImportFrom())]))


def _imports(line: cst.CSTNode, module: str, bound: str) -> bool:
    """Return whether a line imports `bound`, from `module`."""
    for one in m.findall(line, m.ImportFrom()) if _is_import(line) else ():
        assert isinstance(one, cst.ImportFrom)
        source = "" if one.module is None else cst.Module([]).code_for_node(one.module)
        names = () if isinstance(one.names, cst.ImportStar) else one.names
        if source == module and any((name.evaluated_alias or name.evaluated_name) == bound for name in names):
            return True
    return False


def _behind_docstring(tree: cst.Module) -> int:
    return 1 if tree.get_docstring() is not None else 0
