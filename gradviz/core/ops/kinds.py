"""Element types: what is computed in a wider type, and what PyTorch refuses."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ..checks import refuse
from ..dtype import get_default_dtype, result_dtype
from ..errors import no_kernel, noted
from ..op import Op
from ..tensor import Tensor
from .helpers import is_number


def result_of(*values: Any) -> Any:
    """The dtype PyTorch computes in for these tensors and numbers."""
    tensors = [(v.dtype, v.ndim) for v in values if isinstance(v, Tensor)]
    return result_dtype(tensors, [v for v in values if is_number(v)])


def floated(x: Tensor) -> Tensor:
    """Whole numbers and booleans in the default floating type; other tensors as they are."""
    return x if x.dtype.category > 1 else x.to(get_default_dtype())


def widened(f: Callable[..., Any], *arrays: Any) -> Any:
    """`f` of these arrays; for half precision it is computed in single precision and rounded once, as in PyTorch."""
    if halves(arrays[0]):
        return f(*(a.astype("f4") if hasattr(a, "astype") else a for a in arrays)).astype(arrays[0].dtype)
    return f(*arrays)


def underived(text: str, kind: type[Exception] = RuntimeError) -> Callable[[Any], Any]:
    """The gradient rule of an input that PyTorch has none for: the error that its backward raises."""

    def rule(g: Any) -> Any:
        raise noted(kind(text))

    return rule


def no_derivative(name: str) -> Callable[[Any], Any]:
    """The rule of what PyTorch's table of derivatives says is not implemented."""
    return underived(f"the derivative for '{name}' is not implemented.", NotImplementedError)


def undifferentiable(name: str) -> dict[str, Any]:
    """The node and the rules of an operation of two tensors that PyTorch records but cannot differentiate."""
    rule = underived(f"derivative for aten::{name} is not implemented")
    return {"node": "NotImplemented", "a": rule, "b": rule}


REAL, FLOATING, WHOLE, COUNTED = "biufV", "fV", "iu", "biu"


def only(kinds: str, x: Any, kernel: str) -> Any:
    """An array of one of these kinds of numbers, or PyTorch's refusal."""
    if x.dtype.kind not in kinds:
        raise no_kernel(kernel, x)
    return x


def require_floating(x: Any, kernel: str) -> None:
    """PyTorch's error for integers and booleans where a kernel needs numbers with fractions."""
    if x.dtype.kind in "biu":
        raise no_kernel(kernel, x)


def is_complex(x: Any) -> bool:
    """Whether an array, or a Tensor in its place, is complex: for rules that differ."""
    return x.is_complex() if isinstance(x, Tensor) else x.dtype.kind == "c"


def signs(x: Any) -> Any:
    """1 where positive, -1 where negative, 0 at zero and where there is no number."""
    return x.copy() if x.dtype.kind == "b" else ((x > 0).astype(x.dtype) - (x < 0)).astype(x.dtype, copy=False)


def renamed(inplace: Callable[..., Tensor], op: Op, name: str) -> Callable[..., Tensor]:
    """An in-place twin whose node has a name of its own, as some have in PyTorch."""

    @functools.wraps(inplace)
    def call(self: Tensor, *args: Any, **settings: Any) -> Tensor:
        made = inplace(self, *args, **settings)
        if made._edge is not None and made._edge.node.op is op:
            made._edge.node.__class__ = op.named_node(name)
        return made

    return call


def halves(x: Any) -> bool:
    """Whether these are half-precision numbers."""
    return x.dtype.itemsize == 2 and x.dtype.kind in "fV"


def floating(x: Any) -> Any:
    """The type of floating numbers; for others the widest, which says that it was not theirs."""
    return x.dtype if x.dtype.kind in "fV" else "f8"


def special(name: str, kernel: str, *, half: bool = True) -> Callable[..., Any]:
    """The forward of a function of SciPy's `special`, or of its twin on the device, for real numbers.

    `half` says whether PyTorch's kernel of this name takes half precision.
    """

    def forward(sp: Any, x: Any) -> Any:
        if x.dtype.kind == "c" or (not half and halves(x)):
            raise no_kernel(kernel, x)
        return widened(getattr(sp.special, name), x)

    return forward


def whole_divisor(xp: Any, b: Any) -> Any:
    """A divisor; among whole numbers zero is an error."""
    if getattr(b, "dtype", None) is not None and b.dtype.kind in "iu":
        refuse(xp, b == 0, lambda: RuntimeError("ZeroDivisionError"))
    return b
