"""Hang the op tables on Tensor: methods, operators, in-place twins. Run once, after all tables are imported."""

from __future__ import annotations

from typing import Any

from numpy import ndarray

from .. import events
from ..autocast import uncast
from ..clock import tick, wrote
from ..dispatch import make_operator
from ..inplace import check_write, make_inplace
from ..op import FUNCTIONS, INPLACE, METHODS, OPS
from ..operands import OPERANDS
from ..tensor import Tensor
from .shapes.transpose import TURNED

# What only changes how the memory is seen, not what is in it.
RESHAPING = {"squeeze", "unsqueeze", "transpose", "swapaxes", "swapdims", "t", "as_strided"}

OPERATORS = {
    "__add__": "add", "__radd__": "add", "__sub__": "sub", "__rsub__": "rsub", "__mul__": "mul", "__rmul__": "mul",
    "__truediv__": "div", "__neg__": "neg", "__abs__": "abs", "__pow__": "pow", "__floordiv__": "floor_divide",
    "__mod__": "remainder", "__matmul__": "matmul", "__invert__": "bitwise_not", "__and__": "bitwise_and",
    "__rand__": "bitwise_and", "__or__": "bitwise_or", "__ror__": "bitwise_or", "__xor__": "bitwise_xor",
    "__rxor__": "bitwise_xor", "__lshift__": "bitwise_left_shift", "__rshift__": "bitwise_right_shift",
    "__eq__": "eq", "__ne__": "ne", "__lt__": "lt", "__le__": "le", "__gt__": "gt", "__ge__": "ge",
    "__pos__": "positive", "__div__": "div",
}  # fmt: skip
OF_ONE = {"__neg__", "__abs__", "__invert__", "__pos__"}
INPLACE_OPERATORS = {
    "__iadd__": "add_", "__isub__": "sub_", "__imul__": "mul_", "__itruediv__": "div_", "__ipow__": "pow_",
    "__ifloordiv__": "floor_divide_", "__imod__": "remainder_", "__iand__": "bitwise_and_", "__ior__": "bitwise_or_",
    "__ixor__": "bitwise_xor_", "__ilshift__": "bitwise_left_shift_", "__irshift__": "bitwise_right_shift_",
    "__idiv__": "div_",
}  # fmt: skip

# In-place methods that PyTorch has as functions too.
IN_PLACE_FUNCTIONS = """
    abs acos acosh addmv arccos arccosh arcsin arcsinh arctan arctanh as_strided asin asinh atan atanh ceil clamp
    clamp_max clamp_min clip conj_physical cos cosh deg2rad detach erf erfc exp2 exp expm1 fill fix floor frac gcd
    i0 index_put lcm ldexp log10 log1p log2 log logit nan_to_num neg negative rad2deg reciprocal relu resize_as
    round rsqrt sigmoid sin sinc sinh sqrt square tan tanh trunc xlogy zero
""".split()  # noqa: SIM905


def attach() -> None:
    """Give Tensor everything the tables registered."""
    for name, method in METHODS.items():
        setattr(Tensor, name, method)
    for name in INPLACE:
        if name + "_" not in METHODS:
            METHODS[name + "_"] = make_inplace(name + "_", uncast(FUNCTIONS[name]))
            setattr(Tensor, name + "_", METHODS[name + "_"])
    for name in RESHAPING:
        setattr(Tensor, name + "_", _reshaping(name))
    for name in IN_PLACE_FUNCTIONS:
        if hasattr(Tensor, name + "_"):
            FUNCTIONS.setdefault(name + "_", getattr(Tensor, name + "_"))
    for operator, name in OPERATORS.items():
        if name in OPS and OPS[name].simple_call:
            setattr(Tensor, operator, make_operator(OPS[name]))
        elif operator in OF_ONE:
            setattr(Tensor, operator, FUNCTIONS[name])
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

    def call(self: Tensor, other: Any) -> Any:
        if type(other) is Tensor or isinstance(other, OPERANDS):
            return function(self, other)
        return NotImplemented

    call.__name__ = function.__name__
    return call


def _comparison(compare: Any, unlike: bool) -> Any:
    """`==` with something that is no number, array or tensor is plain inequality, as in PyTorch."""

    def call(self: Tensor, other: Any) -> Any:
        if other is None or isinstance(other, (str, bytes, dict, set, list, tuple)):
            return unlike
        if isinstance(other, ndarray):
            other = FUNCTIONS["from_numpy"](other)
        return compare(self, other)

    return call


def _reshaping(name: str) -> Any:
    def inplace(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        check_write(self, name + "_", repeats=True)
        try:
            seen = FUNCTIONS[name](self, *args, **kwargs)
        except RuntimeError as error:
            error.args = (str(error).replace(f"{name}(", f"{name}_(", 1),)
            raise
        if seen._edge is not None:  # PyTorch counts the in-place spellings' nodes after the others
            node = seen._edge.node
            shown = node.name()
            later = 3 if name == "squeeze" else 1
            node.__class__ = node.op.named_node(f"{shown[:-1]}{int(shown[-1]) + later}")
        self._array, self._edge, self._needs = seen._array, seen._edge, seen._needs
        wrote(self)
        if self._edge is not None:
            self._edge.node.seq = tick()
        if events.watching:
            events.emit(events.Inplace(FUNCTIONS[name], self, (), {}, seen))
        return self

    inplace.__name__ = name + "_"
    inplace.__doc__ = f"`{name}`, changing how this tensor itself sees its memory."
    return inplace


def _rdiv(self: Tensor, other: Any) -> Any:
    return FUNCTIONS["mul"](FUNCTIONS["reciprocal"](self), other)


def _turned_round(name: str) -> Any:
    """A function as the method behind a reflected operator: `other ** self` is `pow(other, self)`."""

    def call(self: Tensor, other: Any) -> Any:
        return FUNCTIONS[name](other, self) if isinstance(other, OPERANDS) else NotImplemented

    return call


REFLECTED = {"__rtruediv__": _rdiv, "__rdiv__": _rdiv} | {
    operator: _turned_round(name)
    for operator, name in (
        ("__rpow__", "pow"), ("__rmatmul__", "matmul"), ("__rmod__", "remainder"), ("__rfloordiv__", "floor_divide"),
        ("__rlshift__", "bitwise_left_shift"), ("__rrshift__", "bitwise_right_shift"),
    )
}  # fmt: skip
PROPERTIES = {
    **TURNED,
    "real": lambda self: FUNCTIONS["real"](self),
    "imag": lambda self: FUNCTIONS["imag"](self),
}
