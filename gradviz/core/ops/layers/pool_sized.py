"""The public adaptive pooling functions: as many windows as asked for, over lines, pictures and volumes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...autocast import listed
from ...errors import no_kernel
from ...op import OPS, function
from ...tensor import Tensor
from .pool import check_image, check_line, one_integer_each
from .pool_adaptive import mean_table
from .sliding_windows import Dims, integers, per_dim


def _sizes(input: Tensor, output_size: Any, dims: int) -> Dims:
    """The output's sizes; None keeps that side as it is."""
    if isinstance(output_size, int):
        return (output_size,) * dims
    given = tuple(output_size) if isinstance(output_size, (tuple, list)) else (output_size,) * dims
    if given and input.ndim <= len(given):
        raise ValueError(f"Input dimension should be at least {len(given) + 1}")
    kept = input.shape[-len(given) :] if given else ()
    asked = tuple(n if want is None else want for want, n in zip(given, kept, strict=True))
    return integers("adaptive_pool", "output_size", asked)


def _check_places(name: str, input: Tensor, dims: int, colon: str, first: int) -> None:
    """PyTorch's errors for the wrong number of dimensions, and for one from `first` on that is empty."""
    if input.ndim - dims not in (1, 2):
        text = f"{name}(): Expected {dims + 1}D or {dims + 2}D tensor, but got{colon} {list(input.shape)}"
        check_image(name, input, dims, text)
    for dim in range(first, input.ndim):
        if input.shape[dim] == 0:
            raise RuntimeError(
                f"{name}(): Expected input to have non-zero size for non-batch dimensions, but input has sizes "
                f"{list(input.shape)} with dimension {dim} being empty"
            )


def _adaptive_avg_pool(dims: int) -> Callable[..., Tensor]:
    name = f"adaptive_avg_pool{dims}d"
    call = OPS[name].call

    def pool(input: Tensor, output_size: Any) -> Tensor:
        sizes = _sizes(input, output_size, dims)
        if len(sizes) != dims:
            raise RuntimeError(f"{name}: output_size must be {dims}")
        if min(sizes) < 0:
            shown = ", ".join(map(str, sizes[:2])) + "".join(f",{n}" for n in sizes[2:])
            raise RuntimeError(
                f"{name}: elements of output_size must be greater than or equal to 0 but received {{{shown}}}"
            )
        _check_places(name, input, dims, "", input.ndim - dims)
        if set(sizes) == {1}:
            return input.mean(tuple(range(-1, -dims - 1, -1)), keepdim=True)  # type: ignore[no-any-return]
        if input.dtype.category != 2:
            raise no_kernel(name, input)
        tables = tuple(mean_table(n, count) for n, count in zip(input.shape[-dims:], sizes, strict=True))
        made: Tensor = call(input, tables=tables)
        return made

    pool.__name__ = pool.__qualname__ = name
    pool.__doc__ = "The means of as many windows as `output_size` says; None keeps that side as it is."
    return pool


def _adaptive_max_pool(dims: int) -> Any:
    name = f"adaptive_max_pool{dims}d"
    the_op = OPS[name]

    def both(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
        sizes = _sizes(input, output_size, dims)
        if len(sizes) != dims:
            raise RuntimeError(f"{name}(): internal error: output_size.size() must be {dims}")
        _check_places(name, input, dims, ":", 1)
        if min(sizes) < 0:
            made = [*input.shape[:-dims], *sizes]
            raise RuntimeError(f"Trying to create tensor with negative dimension {min(sizes)}: {made}")
        if input.dtype.category != 2:
            raise no_kernel(name, input)
        out, aux = the_op.with_aux(input, sizes=sizes)
        return out, aux["indices"]

    def pool(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
        found = both(input, output_size)
        return found if return_indices else found[0]

    for made, spelling in ((both, f"{name}_with_indices"), (pool, name)):
        made.__name__ = made.__qualname__ = spelling
        made.__doc__ = "The largest numbers of as many windows as `output_size` says, perhaps with where they were."
    return listed(pool), both


adaptive_avg_pool2d, adaptive_avg_pool3d = _adaptive_avg_pool(2), listed(_adaptive_avg_pool(3))
(adaptive_max_pool2d, adaptive_max_pool2d_with_indices), (adaptive_max_pool3d, adaptive_max_pool3d_with_indices) = (
    _adaptive_max_pool(2),
    _adaptive_max_pool(3),
)


@function(method=False)
def adaptive_avg_pool1d(input: Tensor, output_size: Any) -> Tensor:
    """The means of `output_size` windows of a line."""
    check_line("adaptive_avg_pool1d", input)
    (size,) = per_dim("adaptive_avg_pool1d", "output_size", output_size, 1, one_integer_each)
    return adaptive_avg_pool2d(input.unsqueeze(-2), (1, size)).squeeze(-2)  # type: ignore[no-any-return]


def adaptive_max_pool1d_with_indices(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """The largest numbers of `output_size` windows of a line, and where they were."""
    check_line("adaptive_max_pool1d", input)
    (size,) = per_dim("adaptive_max_pool1d", "output_size", output_size, 1, one_integer_each)
    return tuple(t.squeeze(-2) for t in adaptive_max_pool2d(input.unsqueeze(-2), (1, size), True))


def adaptive_max_pool1d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """The largest numbers of `output_size` windows of a line; with `return_indices` also where they were."""
    found = adaptive_max_pool1d_with_indices(input, output_size)
    return found if return_indices else found[0]


@function(method=False, name="adaptive_max_pool1d")
def _adaptive_max_pool1d(input: Tensor, output_size: Any) -> Any:
    return adaptive_max_pool1d_with_indices(input, output_size)
