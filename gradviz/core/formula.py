"""The mathematics of an op as text, read from the very source that is executed."""

from __future__ import annotations

import ast
import functools
import inspect
import re
from typing import Any

from .spoken import ELEMENTS, MATRICES, REDUCTIONS, SPECIAL
from .spoken_layers import ACTIVATIONS, INDICES, LOSSES, SHAPES, WINDOWS


@functools.cache
def _calls(filename: str) -> dict[str, dict[str, ast.AST]]:
    """For every `op("name", ...)` of a file: its forward and rules as syntax trees."""
    from pathlib import Path

    tree = ast.parse(Path(filename).read_text(encoding="utf-8"))
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
    shown = re.sub(r"\b(?:F|xp|math)\.", "", shown)
    return re.sub(r"\bF, ", "", shown)


SPOKEN: dict[str, tuple[str, ...]] = {
    **ELEMENTS, **SPECIAL, **REDUCTIONS, **MATRICES, **SHAPES, **INDICES, **ACTIVATIONS, **LOSSES, **WINDOWS,
}  # fmt: skip
READABLE = 44


# Python that is no mathematics: helpers, keywords, other attributes than a transpose, words in quotes.
_CODE = re.compile(r"\b_|\w=[^=]|\bxp\b|\bsp\b|\bF\b|\blambda\b|\bself\b|\.(?!T\b|mT\b|\d)[a-zA-Z]|['\"{]|\bwhere\(")


def _readable(text: str) -> bool:
    """Whether executed text reads as mathematics: short, and without the library's own words."""
    return bool(text) and len(text) <= READABLE and not _CODE.search(text)


@functools.cache
def formulas(op: Any) -> tuple[str, dict[str, str]]:
    """`("a * b", {"a": "g * b", "b": "g * a"})` for an op of the table; a name alone for a user's Function."""
    code = getattr(getattr(op, "forward", None), "__code__", None)
    if not hasattr(op, "inputs") or code is None:
        name = str(getattr(op, "name", None) or getattr(op, "__name__", "function"))
        return OTHERS.get(name, f"{name}({', '.join(inputs_of(op)) or '...'})"), {}
    said = dict(zip(("forward", *op.inputs), SPOKEN.get(op.name, ()), strict=False))
    parts = {} if said.get("forward") and all(said.get(x) for x in op.rules) else _executed(code.co_filename, op.name)

    def shown(part: str) -> str:
        executed = _text(parts.get(part))
        return said.get(part) or (executed if _readable(executed) else "")

    plain = f"{op.name.lstrip('_').removeprefix('linalg_').removeprefix('special_')}({', '.join(op.inputs)})"
    return shown("forward") or plain, {x: shown(x) or f"the gradient of {op.name} in {x}" for x in op.rules}


@functools.cache
def inputs_of(op: Any) -> tuple[str, ...]:
    """What the inputs of an op, or of a user's Function, are called; nothing where they only have numbers."""
    if hasattr(op, "inputs"):
        return () if op.variadic else tuple(op.inputs)
    if not hasattr(op, "setup_context"):  # detach, or a write
        return ("x",)
    own = next(kind for kind in op.__mro__ if "setup_context" in vars(kind))
    apart = own.__module__ != f"{__package__}.function"  # forward is then given no ctx
    names = list(inspect.signature(op.forward).parameters.values())[0 if apart else 1 :]
    plain = all(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in names)
    return tuple(p.name for p in names) if plain else ()


def _executed(filename: str, name: str) -> dict[str, ast.AST]:
    try:
        return _calls(filename).get(name, {})
    except OSError:  # no source is kept where this runs
        return {}


# What is recorded and is no op.
OTHERS = {"detach": "x, outside the graph", "written": "what is in memory now"}
