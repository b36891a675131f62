"""The formulas that a learner may write into a picture: numbers, a few names and functions, and nothing that can run.

    Formula("grad * 3 * x ** 2").value(grad=1.0, x=np.array([1.0, 2.0]), out=...)

Python's own grammar, read by `ast` and walked; whatever is not in the tables below is refused, by name and place. The
page reads the same language (frontend/src/formula.ts); tests/widgets/test_rule_editor.py holds the two together.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

LONGEST = 200  # characters
CONSTANTS = {"pi": np.pi, "e": np.e}
OPERATORS: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.Pow: np.power,
}
COMPARISONS: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
    ast.Eq: np.equal,
    ast.NotEq: np.not_equal,
}
FUNCTIONS: dict[str, tuple[int, Callable[..., Any]]] = {
    "sin": (1, np.sin),
    "cos": (1, np.cos),
    "tan": (1, np.tan),
    "exp": (1, np.exp),
    "log": (1, np.log),
    "sqrt": (1, np.sqrt),
    "abs": (1, np.abs),
    "sign": (1, np.sign),
    "tanh": (1, np.tanh),
    "sigmoid": (1, lambda x: 1 / (1 + np.exp(-x))),
    "relu": (1, lambda x: np.maximum(x, 0.0)),
    "maximum": (2, np.maximum),
    "minimum": (2, np.minimum),
    "where": (3, lambda c, a, b: np.where(np.asarray(c) != 0, a, b)),
}
# what Python's grammar would take and the page's would not: 0x10, 1_000, 1j, strings and their like
FOREIGN = re.compile(r"\d+[xXoObBjJ_]|[^\w\s.+\-*/()<>=!,]")


class Formula:
    """A formula in some names, ready to be computed.

    Raises ValueError for what is not in the language, saying what and where.
    """

    def __init__(self, text: str, names: tuple[str, ...] = ("grad", "x", "out")) -> None:
        self.text, self.names = text, names
        foreign = FOREIGN.search(text)
        if len(text) > LONGEST:
            raise ValueError(f"the formula has {len(text)} characters; at most {LONGEST} are read")
        if foreign:
            raise ValueError(f"{foreign.group()!r} at character {foreign.start() + 1} is not part of a formula")
        try:
            self._tree = ast.parse(text.strip(), mode="eval").body
        except SyntaxError as error:
            raise ValueError(f"not a formula: {error.msg} at character {error.offset or 1}") from None
        self.value(**dict.fromkeys(names, np.float64(1.0)))  # refuses what is not in the tables

    def value(self, **values: Any) -> Any:
        """The formula's value; the names may be arrays. Division by 0 gives inf or NaN, and nothing is warned about."""
        with np.errstate(all="ignore"):
            return np.asarray(self._walk(self._tree, values), dtype=np.float64)

    def _walk(self, node: ast.AST, values: Mapping[str, Any]) -> Any:
        match node:
            case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
                return np.float64(value)
            case ast.Name(id=name):
                return self._name(name, values)
            case ast.UnaryOp(op=ast.USub(), operand=inner):
                return -self._walk(inner, values)
            case ast.UnaryOp(op=ast.UAdd(), operand=inner):
                return self._walk(inner, values)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
                return OPERATORS[type(op)](self._walk(left, values), self._walk(right, values))
            case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in COMPARISONS:
                return COMPARISONS[type(op)](self._walk(left, values), self._walk(right, values)).astype(np.float64)
            case ast.Call(func=func, args=args, keywords=[]):
                return self._call(func, args, values)
        raise ValueError(f"{ast.unparse(node)!r:.60} cannot be used in a formula")

    def _name(self, name: str, values: Mapping[str, Any]) -> Any:
        if name in values:
            return values[name]
        if name in CONSTANTS:
            return np.float64(CONSTANTS[name])
        known = ", ".join([*self.names, *CONSTANTS])
        raise ValueError(f"{name!r} is not known here; the names are {known}")

    def _call(self, func: ast.AST, args: list[ast.expr], values: Mapping[str, Any]) -> Any:
        match func:
            case ast.Name(id=name) | ast.Attribute(value=ast.Name(id="torch"), attr=name) if name in FUNCTIONS:
                count, call = FUNCTIONS[name]
                if len(args) != count:
                    raise ValueError(f"{name} takes {count} argument{'s' * (count > 1)}, got {len(args)}")
                return call(*(self._walk(arg, values) for arg in args))
        raise ValueError(f"{ast.unparse(func)!r:.60} is not a function here; there are {', '.join(FUNCTIONS)}")
