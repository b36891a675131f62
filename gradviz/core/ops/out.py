"""`out=`: a function's result written into memory that the caller has.

The functions of the torch namespace get it here, in one place, around what the tables declare; methods do not take it.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import accelerator, errors
from ..autocast import uncast
from ..errors import noted
from ..inplace import check_overlap, check_write, overwrote
from ..mode import grad_mode
from ..op import FUNCTIONS, SPACES
from ..tensor import Tensor

# The functions of torch that take it; aliases come with the function they are another name of.
TAKES = """
    abs acos acosh add addbmm addcdiv addcmul addmm addmv addr all amax amin aminmax angle any arange argmax
    argmin asin asinh atan atan2 atanh baddbmm bernoulli bitwise_and bitwise_left_shift bitwise_not bitwise_or
    bitwise_right_shift bitwise_xor bmm bucketize cat ceil chain_matmul cholesky cholesky_inverse cholesky_solve
    clamp column_stack complex conj_physical copysign cos cosh cross cummax cummin cumprod cumsum deg2rad diag
    diff digamma div dot dstack empty eq erf erfc erfinv exp exp2 expm1 eye float_power floor floor_divide fmax
    fmin fmod frac frexp full gather gcd ge geqrf ger gt heaviside histc histogram hstack hypot i0 igamma
    igammac index_add index_copy index_select inner inverse isneginf isposinf kron kthvalue lcm ldexp le lerp
    lgamma linspace log log10 log1p log2 log_softmax logaddexp logaddexp2 logcumsumexp logical_and logical_not
    logical_or logical_xor logit logspace logsumexp lt lu lu_solve lu_unpack masked_select matmul matrix_power
    max maximum mean median min minimum mm mode msort mul multinomial mv mvlgamma nan_to_num nanmean nanmedian
    nanquantile nansum ne neg nextafter nonzero norm normal ones ormqr outer polar polygamma pow prod qr
    quantile rad2deg rand randint randn randperm range reciprocal remainder renorm round rsqrt scatter
    scatter_add scatter_reduce searchsorted sgn sigmoid sign signbit sin sinc sinh softmax sort sqrt square
    stack std std_mean sub sum svd take take_along_dim tan tanh tensordot topk triangular_solve tril triu trunc
    var var_mean vdot vstack where xlogy zeros
""".split()  # noqa: SIM905
SPACES_THAT_TAKE = ("linalg", "fft", "special")
# Of these PyTorch wants `out` in exactly the result's type.
EXACT = frozenset("matmul mm bmm mv addmm addmv baddbmm addbmm dot vdot inner gather aminmax".split())  # noqa: SIM905
# These may not write into what they read, not even element by element.
APART = frozenset("gather take cat masked_select kthvalue index_select".split())  # noqa: SIM905


def attach_out() -> None:
    """Let the functions named above take `out=`."""
    made: dict[int, Any] = {}

    def taking(name: str, function: Any) -> Any:
        if id(function) not in made:
            made[id(function)] = accelerator.door(takes_out(name, function), function, word="out")
        return made[id(function)]

    for name in TAKES:
        if name in FUNCTIONS:
            taking(name, FUNCTIONS[name])
    for name, function in FUNCTIONS.items():
        FUNCTIONS[name] = made.get(id(function), function)
    for space in SPACES_THAT_TAKE:
        for name, function in SPACES.get(space, {}).items():
            SPACES[space][name] = taking(f"{space}_{name}", function)


def takes_out(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with an `out` of its own."""

    @functools.wraps(function)
    def call(*args: Any, out: Any = None, **kwargs: Any) -> Any:
        if out is None:
            return function(*args, **kwargs)
        found = out if isinstance(out, (tuple, list)) else (out,)
        for x in found:
            if not isinstance(x, Tensor):
                raise TypeError(f"{name}(): argument 'out' must be Tensor, not {type(x).__name__}")
        tensors = [x for a in (*args, *kwargs.values(), *found) for x in (a if isinstance(a, (tuple, list)) else (a,))]
        if grad_mode.get() and any(isinstance(x, Tensor) and x._needs for x in tensors):
            raise noted(RuntimeError(errors.out_requires_grad(name)))
        if name in _DRAWN and kwargs.get("dtype") is None:
            kwargs["dtype"] = out.dtype
        for x in found:
            check_write(x, name)
            if name in APART and any(t is x for t in tensors[: -len(found)]):
                raise noted(RuntimeError(errors.PARTIAL_OVERLAP))
            check_overlap(x, tuple(t for t in tensors[: -len(found)] if isinstance(t, Tensor)), exact=name not in APART)
        result = uncast(function)(*args, **kwargs)
        if isinstance(result, Tensor):
            return into(name, out, result)
        filled = [into(name, target, value) for target, value in zip(found, result, strict=True)]
        return type(result)(filled)

    return call


def into(name: str, target: Tensor, value: Tensor) -> Tensor:
    """Write a result into `target`, which takes its shape where it has another."""
    have, want = value.dtype, target.dtype
    if have.category > want.category and not (name in _ANY_TYPE or have is want):
        kinds = f"{errors.scalar_type(have)} can't be cast to the desired output type {errors.scalar_type(want)}"
        raise RuntimeError(f"result type {kinds}")
    if name in ("complex", "polar") and have is not want:
        kinds = f"{errors.scalar_type(have)} but got scalar type {errors.scalar_type(want)}"
        raise RuntimeError(f"Expected object of scalar type {kinds} for argument 'out'")
    if name == "multinomial" and have is not want:
        raise noted(RuntimeError(f"multinomial expects Long tensor out, got: {errors.scalar_type(want)}\nIt counts."))
    if name in EXACT and have is not want:
        raise RuntimeError(
            f"Expected out tensor to have dtype {errors.c_name(have)}, but got {errors.c_name(want)} instead"
        )
    shape = value._array.shape
    if target._array.shape != shape:
        if target._array.size:
            warnings.warn(errors.out_resized(target._array.shape, shape), UserWarning, stacklevel=3)
        target._array = target.device.wrap(np.empty(shape, want.numpy))
    target._array[...] = value._array
    written: Tensor = overwrote(target, name)
    return written


_ANY_TYPE = frozenset(("sum", "zeros", "ones", "full", "arange", "bernoulli"))
# What is drawn depends on the type it is drawn in.
_DRAWN = frozenset(("rand", "randn", "randint", "randperm", "arange", "linspace", "logspace"))
