"""Dimensions in another order, as views."""

from __future__ import annotations

import warnings
from typing import Any

from ...errors import noted
from ...op import FUNCTIONS, function
from ...tensor import Tensor
from ..helpers import one_dim, sizes, spread
from .views import _detached, _permute, _t, _transpose


@function
@spread("dims")
def permute(input: Tensor, *dims: Any) -> Tensor:
    """Dimensions in another order."""
    if not dims:
        raise TypeError('permute() missing 1 required positional arguments: "dims"')
    given = sizes(dims)
    if len(given) != input.ndim:
        raise RuntimeError(
            "permute(sparse_coo): number of dimensions in the tensor input does not match the length of the desired "
            f"ordering of dimensions i.e. input.dim() = {input.ndim} is not equal to len(dims) = {len(given)}"
        )
    order = tuple(one_dim(d, input.ndim) for d in given)
    if len(set(order)) != len(order):
        raise RuntimeError("permute(): duplicate dims are not allowed.")
    return _permute.call(input, dims=order)


@function(aliases=("swapaxes", "swapdims"))
def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """Two dimensions exchanged."""
    ndim = input._array.ndim
    return _transpose.call(input, dim0=one_dim(dim0, ndim), dim1=one_dim(dim1, ndim))


@function
def t(input: Tensor) -> Tensor:
    """A matrix transposed."""
    if input._array.ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {input.ndim}D")
    return _t.call(input)


@function
def adjoint(input: Tensor) -> Tensor:
    """The last two dimensions exchanged, and complex numbers conjugated."""
    return _conjugated(_matrices_turned(input, "adjoint()"))


def _conjugated(x: Tensor) -> Tensor:
    made: Tensor = FUNCTIONS["conj"](x) if x.is_complex() else x
    return made


def _matrices_turned(x: Tensor, name: str) -> Tensor:
    if x.ndim == 1:
        raise RuntimeError(f"tensor.{name} is only supported on matrices or batches of matrices. Got 1-D tensor.")
    if not x.ndim:
        _no_dimensions(name if name == "adjoint()" else f"Tensor.{name}")
    return transpose(x, -2, -1) if x.ndim else _detached.call(x)


def _no_dimensions(name: str) -> None:
    same = "This function is the identity in these cases." if name[-1] == "T" else "Consider using x.conj()."
    warnings.warn(f"{name} is deprecated on 0-D tensors. {same}", UserWarning, stacklevel=4)


def _reversed(x: Tensor) -> Tensor:
    if not x.ndim:
        _no_dimensions("Tensor.T")
    elif x.ndim != 2:
        warnings.warn(
            "The use of `x.T` on tensors of dimension other than 2 to reverse their shape is deprecated and it will "
            "throw an error in a future release. Consider `x.mT` to transpose batches of matrices or "
            "`x.permute(*torch.arange(x.ndim - 1, -1, -1))` to reverse the dimensions of a tensor.",
            UserWarning,
            stacklevel=3,
        )
    return _permute.call(x, dims=tuple(reversed(range(x.ndim))))


def _hermitian(x: Tensor) -> Tensor:
    if x.ndim not in (0, 2):
        more = " For batches of matrices, consider using tensor.mH" if x.ndim > 2 else ""
        raise RuntimeError(f"tensor.H is only supported on matrices (2-D tensors). Got {x.ndim}-D tensor.{more}")
    return _conjugated(_matrices_turned(x, "H"))


# What a tensor shows as attributes.
TURNED = {
    "T": _reversed,
    "H": _hermitian,
    "mT": lambda x: _matrices_turned(x, "mT"),
    "mH": lambda x: _conjugated(_matrices_turned(x, "mH")),
}


@function(aliases=("moveaxis",))
def movedim(input: Tensor, source: Any, destination: Any) -> Tensor:
    """Dimensions moved from `source` to `destination`, the others keeping their order."""
    if isinstance(source, (tuple, list)) is not isinstance(destination, (tuple, list)):
        raise noted(
            TypeError(
                "movedim() received an invalid combination of arguments\nGive two ints, or two sequences of ints."
            )
        )
    given = [tuple(d) if isinstance(d, (tuple, list)) else (d,) for d in (source, destination)]
    if len(given[0]) != len(given[1]):
        raise RuntimeError(
            f"movedim: Invalid source or destination dims: source ({list(given[0])} dims) should contain the same "
            f"number of dims as destination ({list(given[1])} dims)"
        )
    src, dst = (tuple(one_dim(d, input.ndim) for d in dims) for dims in given)
    for name, dims, asked in (("source", src, given[0]), ("destination", dst, given[1])):
        if len(set(dims)) != len(dims):
            raise RuntimeError(f"movedim: repeated dim in `{name}` ({list(asked)})")
    if not input.ndim:
        return _detached.call(input)
    rest = iter(i for i in range(input.ndim) if i not in src)
    placed = dict(zip(dst, src, strict=True))
    return permute(input, *(placed[i] if i in placed else next(rest) for i in range(input.ndim)))
