"""Hang the op tables on Tensor: methods, operators, in-place twins. Run once, after all tables are imported."""

from __future__ import annotations

from typing import Any

from ..dispatch import make_operator
from ..inplace import make_inplace
from ..op import FUNCTIONS, INPLACE, METHODS, OPS, RECORDED
from ..operands import OPERANDS
from ..tensor import Tensor

# What only changes how the memory is seen, not what is in it.
RESHAPING = {"squeeze", "unsqueeze", "transpose", "t"}

OPERATORS = {
    "__add__": "add", "__radd__": "add", "__sub__": "sub", "__rsub__": "rsub", "__mul__": "mul", "__rmul__": "mul",
    "__truediv__": "div", "__neg__": "neg", "__abs__": "abs", "__pow__": "pow", "__floordiv__": "floor_divide",
    "__mod__": "remainder", "__matmul__": "matmul", "__invert__": "bitwise_not", "__and__": "bitwise_and",
    "__rand__": "bitwise_and", "__or__": "bitwise_or", "__ror__": "bitwise_or", "__xor__": "bitwise_xor",
    "__rxor__": "bitwise_xor", "__lshift__": "bitwise_left_shift", "__rshift__": "bitwise_right_shift",
    "__eq__": "eq", "__ne__": "ne", "__lt__": "lt", "__le__": "le", "__gt__": "gt", "__ge__": "ge",
}  # fmt: skip
INPLACE_OPERATORS = {
    "__iadd__": "add_", "__isub__": "sub_", "__imul__": "mul_", "__itruediv__": "div_", "__ipow__": "pow_",
    "__ifloordiv__": "floor_divide_", "__imod__": "remainder_", "__iand__": "bitwise_and_", "__ior__": "bitwise_or_",
}  # fmt: skip


def attach() -> None:
    """Give Tensor everything the tables registered."""
    for name, method in METHODS.items():
        setattr(Tensor, name, method)
    for name in INPLACE:
        if name + "_" not in METHODS:
            METHODS[name + "_"] = make_inplace(name + "_", FUNCTIONS[name])
            setattr(Tensor, name + "_", METHODS[name + "_"])
    for name in RESHAPING:
        setattr(Tensor, name + "_", _reshaping(name))
    for operator, name in OPERATORS.items():
        if name in OPS and OPS[name].simple_call:
            setattr(Tensor, operator, make_operator(OPS[name]))
        elif name in FUNCTIONS:
            setattr(Tensor, operator, _operator(FUNCTIONS[name]))
    for operator, name in INPLACE_OPERATORS.items():
        if hasattr(Tensor, name):
            setattr(Tensor, operator, getattr(Tensor, name))
    Tensor.__eq__ = _comparison(FUNCTIONS["eq"], False)  # type: ignore[method-assign]
    Tensor.__ne__ = _comparison(FUNCTIONS["ne"], True)  # type: ignore[method-assign]
    for name, make in PROPERTIES.items():
        setattr(Tensor, name, property(make))
    for operator, reflected in REFLECTED.items():
        setattr(Tensor, operator, reflected)


def _operator(function: Any) -> Any:
    """A function as the method behind an operator: what it cannot combine it leaves to the other operand."""

    def call(self: Tensor, *other: Any) -> Any:
        if other and not isinstance(other[0], OPERANDS):
            return NotImplemented
        return function(self, *other)

    call.__name__ = function.__name__
    return call


def _comparison(compare: Any, unlike: bool) -> Any:
    """`==` with something that is no number, array or tensor is plain inequality, as in PyTorch."""

    def call(self: Tensor, other: Any) -> Any:
        if other is None or isinstance(other, (str, bytes, dict, set, list, tuple)):
            return unlike
        return compare(self, other)

    return call


def _reshaping(name: str) -> Any:
    def inplace(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        seen = FUNCTIONS[name](self, *args, **kwargs)
        self._array, self._edge, self._needs = seen._array, seen._edge, seen._needs
        return self

    inplace.__name__ = name + "_"
    inplace.__doc__ = f"`{name}`, changing how this tensor itself sees its memory."
    return inplace


def _rdiv(self: Tensor, other: Any) -> Any:
    return FUNCTIONS["mul"](FUNCTIONS["reciprocal"](self), other)


def _rpow(self: Tensor, other: Any) -> Any:
    return FUNCTIONS["pow"](other, self)


def _rmatmul(self: Tensor, other: Any) -> Any:
    return FUNCTIONS["matmul"](other, self)


def _turned(self: Tensor) -> Any:
    return FUNCTIONS["permute"](self, *reversed(range(self.ndim)))


REFLECTED = {"__rtruediv__": _rdiv, "__rdiv__": _rdiv, "__rpow__": _rpow, "__rmatmul__": _rmatmul}
PROPERTIES = {
    "T": _turned,
    "mT": lambda self: FUNCTIONS["transpose"](self, -2, -1),
    "real": lambda self: RECORDED.real(self) if self.is_complex() else self,
}
