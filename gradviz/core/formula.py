"""The mathematics of an op as text, read from the very source that is executed."""

from __future__ import annotations

import ast
import functools
import re
from typing import Any


@functools.cache
def _calls(filename: str) -> dict[str, dict[str, ast.AST]]:
    """For every `op("name", ...)` of a file: its forward and rules as syntax trees."""
    with open(filename, encoding="utf-8") as file:
        tree = ast.parse(file.read())
    found: dict[str, dict[str, ast.AST]] = {}
    decorated: dict[str, str] = {}
    for item in ast.walk(tree):
        if isinstance(item, ast.Call) and isinstance(item.func, ast.Name) and item.func.id == "op" and item.args:
            name = item.args[0]
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                parts = found.setdefault(name.value, {})
                if len(item.args) > 1:
                    parts["forward"] = item.args[1]
                parts.update({k.arg: k.value for k in item.keywords if k.arg and isinstance(k.value, ast.Lambda)})
        if isinstance(item, ast.FunctionDef):
            for mark in item.decorator_list:
                if isinstance(mark, ast.Call) and getattr(mark.func, "id", "") == "op":
                    name = mark.args[0]
                    if isinstance(name, ast.Constant):
                        decorated[item.name] = str(name.value)
                if isinstance(mark, ast.Attribute) and mark.attr == "rule" and isinstance(mark.value, ast.Name):
                    owner = decorated.get(mark.value.id, mark.value.id)
                    found.setdefault(owner, {})[item.name.rstrip("_")] = item
    return found


def _text(tree: ast.AST | None) -> str:
    """The expression a lambda or a one-line function returns, without namespace prefixes."""
    if isinstance(tree, ast.Lambda):
        shown = ast.unparse(tree.body)
    elif isinstance(tree, ast.FunctionDef):
        last = tree.body[-1]
        shown = ast.unparse(last.value) if isinstance(last, ast.Return) and last.value is not None else ""
    else:
        return ""
    shown = re.sub(r"\b(?:F|xp)\.", "", shown)
    return re.sub(r"\bF, ", "", shown)


@functools.cache
def formulas(op: Any) -> tuple[str, dict[str, str]]:
    """`("a * b", {"a": "g * b", "b": "g * a"})` for an op of the table; inputs' names for a user's Function."""
    code = getattr(getattr(op, "forward", None), "__code__", None)
    if not hasattr(op, "inputs") or code is None:
        return f"{getattr(op, '__name__', 'function')}(...)", {}
    try:
        parts = _calls(code.co_filename).get(op.name, {})
    except OSError:
        parts = {}
    forward = _text(parts.get("forward")) or f"{op.name}({', '.join(op.inputs)})"
    rules = {x: _text(parts.get(x)) or f"gradient of {op.name} in {x}" for x in op.rules}
    return forward, rules
