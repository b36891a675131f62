"""Arithmetic on sizes, in the words of traced programs: `torch.sym_max` and its like."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from ..op import FUNCTIONS


def _symbolic(name: str, call: Callable[..., Any], doc: str) -> None:
    def found(*args: Any) -> Any:
        return call(*args)

    found.__name__, found.__doc__ = name, f"{doc}: as Python computes it, since nothing is traced."
    FUNCTIONS[name] = found


_symbolic("sym_float", float, "A number as a float")
_symbolic("sym_int", int, "A number cut to an integer")
_symbolic("sym_max", lambda a, b: type(a + b)(max(a, b)), "The larger number")
_symbolic("sym_min", lambda a, b: type(a + b)(min(a, b)), "The smaller number")
_symbolic("sym_not", operator.not_, "The opposite")
_symbolic("sym_ite", lambda b, t, f: t if b else f, "One of two values")
_symbolic("sym_sum", sum, "The sum of a list of numbers")
_symbolic("sym_sqrt", lambda a: a**0.5, "The square root")
