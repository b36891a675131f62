"""The public pooling functions: reading arguments as PyTorch spells them, lines as pictures of height 1."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...autocast import hooked, listed
from ...errors import no_kernel, noted
from ...op import OPS, function
from ...tensor import Tensor
from .sliding_windows import WORDS, Dims, per_dims, pooled_size


def refuse(name: str, argument: str, count: int, values: Dims) -> Exception:
    """PyTorch's error for the wrong number of sizes."""
    if name == "avg_pool3d":
        either = "be omitted, a single int, or" if argument == "stride" else "be a single int, or"
    elif argument == "dilation":
        either = "be either a single int, or"
    else:
        either = "either be omitted, a single int, or" if argument == "stride" else "either be a single int, or"
    return RuntimeError(f"{name}: {argument} must {either} a tuple of {WORDS[count]} ints")


def one_integer_each(name: str, argument: str, count: int, values: Dims) -> Exception:
    """PyTorch's error for several sizes where a line has one."""
    return RuntimeError(f"{name}() argument '{argument}' should contain one int (got {len(values)})")


def _empty(stride: Any) -> bool:
    return stride is None or (isinstance(stride, (tuple, list)) and not stride)


def _read(name: str, dims: int, kernel_size: Any, stride: Any, wrong: Any = refuse, **others: Any) -> dict[str, Dims]:
    """Every size as one number per dimension; a stride that is not given is the window's size."""
    steps = kernel_size if _empty(stride) else stride
    return per_dims(name, dims, wrong, kernel_size=kernel_size, stride=steps, **others)


def check_image(name: str, input: Tensor, dims: int, text: str = "") -> None:
    """RuntimeError unless the input is one picture, or a batch of pictures, of this many dimensions."""
    if input.ndim - dims in (1, 2):
        return
    first = text or f"non-empty {dims + 1}D or {dims + 2}D (batch mode) tensor expected for input"
    raise noted(
        RuntimeError(
            f"{first}\n{name} got an input of size {list(input.shape)}. "
            f"It takes (channels, {dims} sizes), or a batch of those: add what is missing with .unsqueeze(0)."
        )
    )


def check_line(name: str, input: Tensor) -> None:
    """RuntimeError unless the input is (C, L) or (N, C, L)."""
    if input.ndim not in (2, 3):
        raise noted(
            RuntimeError(
                f"Expected 2 to 3 dimensions, but got {input.ndim}-dimensional tensor for argument #1 'self' (while "
                f"checking arguments for {name})\nA batch is (N, C, L), a single sample (C, L)."
            )
        )


# -- max -----------------------------------------------------------------------------------------------------------
def _max_pool(dims: int) -> Any:
    name = f"max_pool{dims}d"
    the_op = OPS[name]

    def pool(
        input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
        ceil_mode: bool = False, return_indices: bool = False,
    ) -> Any:  # fmt: skip
        settings = _read(name, dims, kernel_size, stride, padding=padding, dilation=dilation)
        shape = input._array.shape
        if len(shape) - dims not in (1, 2):
            check_image(name, input, dims)
        if 0 in shape[1 if len(shape) == dims + 2 else 0 :]:
            raise RuntimeError(_no_places(dims, input))
        if not return_indices:
            return the_op.call(input, ceil_mode=bool(ceil_mode), **settings)
        out, aux = the_op.with_aux(input, ceil_mode=bool(ceil_mode), **settings)
        return out, aux["indices"]

    pool.__name__ = pool.__qualname__ = name
    pool.__doc__ = "The largest number of every window; with `return_indices` also where it was, counted in its plane."
    return pool


def _no_places(dims: int, input: Tensor) -> str:
    shape = list(input.shape)
    if dims == 2:
        return f"Expected 3D or 4D (batch mode) tensor with optional 0 dim batch size for input, but got:{shape}"
    return (
        "max_pool3d_with_indices_out_cpu_template(): Expected input's non-batch dimensions to have positive length, "
        f"but input has a shape of {shape} and non-batch dimension 0 has length zero!"
    )


_planes, _volumes = _max_pool(2), _max_pool(3)


def _check_line(input: Tensor, kernel: int, stride: int, padding: int, dilation: int, ceil_mode: bool) -> None:
    """PyTorch's errors of max_pool1d, which has checks of its own."""
    shape = list(input.shape)
    if input.ndim not in (2, 3) or not all(shape[1 if input.ndim == 3 else 0 :]):
        raise noted(
            RuntimeError(
                f"max_pool1d: Expected 2D or 3D (batch mode) tensor with optional 0 dim batch size for input, but "
                f"got:{shape}\nA batch is (N, C, L), a single sample (C, L)."
            )
        )
    for what, value in (("kernel_size", kernel), ("stride", stride)):
        if value <= 0:
            raise RuntimeError(f"max_pool1d() {what} must be greater than zero, but got {value}")
    if padding < 0:
        raise RuntimeError(f"max_pool1d() padding must be non-negative, but got {padding}")
    if padding > kernel // 2:
        raise RuntimeError(
            f"max_pool1d() padding should be at most half of kernel size, but got padding={padding} and "
            f"kernel_size={kernel}"
        )
    if dilation <= 0:
        raise RuntimeError(f"max_pool1d() dilation must be greater than zero, but got {dilation}")
    size = pooled_size(shape[-1], kernel, stride, padding, dilation, ceil_mode)
    if size <= 0:
        raise RuntimeError(f"max_pool1d() Invalid computed output size: {size}")


def _refuse_line(name: str, argument: str, count: int, values: Dims) -> Exception:
    return RuntimeError(
        f"max_pool1d() {argument} must be an int, list of ints or tuple of ints of size 1 but got size {len(values)}"
    )


def max_pool1d_(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:  # fmt: skip
    """The largest number of every window of a line; with `return_indices` also where it was."""
    wrong = one_integer_each if return_indices else _refuse_line
    read = _read("max_pool1d", 1, kernel_size, stride, wrong, padding=padding, dilation=dilation)
    if return_indices:
        check_line("max_pool1d", input)
    else:
        kernel, step, border, spread = (v[0] for v in read.values())
        _check_line(input, kernel, step, border, spread, bool(ceil_mode))
        if input.dtype.category != 2:
            raise no_kernel("max_pool1d_impl", input)
    flat = {k: (0 if k == "padding" else 1, *v) for k, v in read.items()}
    found = _planes(input.unsqueeze(-2), **flat, ceil_mode=ceil_mode, return_indices=return_indices)
    return tuple(t.squeeze(-2) for t in found) if return_indices else found.squeeze(-2)


def max_pool3d_(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:  # fmt: skip
    """The largest number of every window of a volume; with `return_indices` also where it was."""
    pool = _volumes if return_indices else _values_of_volumes
    return pool(input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def _publish(dims: int, pool: Any) -> tuple[Any, Any]:
    """torch.max_pool1d and its like, and the twin that always gives the indices."""

    def plain(input: Tensor, kernel_size: Any, stride: Any = (), padding: Any = 0, dilation: Any = 1,
              ceil_mode: bool = False) -> Tensor:  # fmt: skip
        made: Tensor = pool(input, kernel_size, stride, padding, dilation, ceil_mode)
        return made

    def both(input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
             ceil_mode: bool = False, return_indices: bool = False) -> Any:  # fmt: skip
        return pool(input, kernel_size, stride, padding, dilation, ceil_mode, True)

    for made, name in ((plain, f"max_pool{dims}d"), (both, f"max_pool{dims}d_with_indices")):
        made.__name__ = made.__qualname__ = name
        made.__doc__ = pool.__doc__
    function(method=False)(plain)
    if dims == 1:
        function(method=False)(both)
    return pool, both


max_pool1d, max_pool1d_with_indices = _publish(1, max_pool1d_)
max_pool2d, max_pool2d_with_indices = _publish(2, _planes)
_values_of_volumes = hooked("max_pool3d", _volumes)
max_pool3d, max_pool3d_with_indices = _publish(3, max_pool3d_)


# -- mean ----------------------------------------------------------------------------------------------------------
def _avg_pool(dims: int) -> Callable[..., Tensor]:
    name = f"avg_pool{dims}d"
    call = OPS[name].call

    def pool(
        input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
        count_include_pad: bool = True, divisor_override: int | None = None,
    ) -> Tensor:  # fmt: skip
        settings = _read(name, dims, kernel_size, stride, padding=padding)
        if dims == 2 and input.ndim < 3:
            input.size(-3)
        check_image(name, input, dims)
        if input.ndim == dims + 2 and 0 in input.shape[1:]:
            check_image(name, input.flatten(), dims)
        made: Tensor = call(
            input, ceil_mode=bool(ceil_mode), count_include_pad=bool(count_include_pad),
            divisor_override=divisor_override, **settings,
        )  # fmt: skip
        return made

    pool.__name__ = pool.__qualname__ = name
    pool.__doc__ = "The mean of every window; `divisor_override` replaces what the sums are divided by."
    return pool


avg_pool2d, avg_pool3d = _avg_pool(2), listed(_avg_pool(3))


@function(method=False)
def avg_pool1d(
    input: Tensor, kernel_size: Any, stride: Any = (), padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:  # fmt: skip
    """The mean of every window of a line."""
    check_line("avg_pool1d", input)
    read = _read("avg_pool1d", 1, kernel_size, stride, one_integer_each, padding=padding)
    flat = {k: (0 if k == "padding" else 1, *v) for k, v in read.items()}
    out = avg_pool2d(input.unsqueeze(-2), **flat, ceil_mode=ceil_mode, count_include_pad=count_include_pad)
    return out.squeeze(-2)  # type: ignore[no-any-return]
