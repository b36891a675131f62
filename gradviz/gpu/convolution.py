"""The convolutions of a cuda device, by one of three engines.

    cudnn   NVIDIA's library, where it is installed: the fastest, with tensor cores
    gemm    our kernels and cuBLAS: needs nothing but CuPy
    naive   the op table's own forward, over CuPy's functions

The first that can do a convolution does it. `why(problem)` tells why the ones before it did not, and `use("gemm")`
insists on one. All three compute the same linear maps, so the rules of the op table hold whichever ran. Where an
operand lies with its channels last, cuDNN computes in that layout and its result lies so too, as in PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..core.device import Device
from ..core.op import override
from ..core.ops.layers.convolve import transposed_shape
from ..core.ops.layers.convolve_check import check_arrays
from . import cudnn, gemm
from .compiled import named
from .engines import Engines
from .layouts import channels_last
from .problem import Dims, Problem, out_shape

ENGINES = Engines("convolution", {"cudnn": cudnn, "gemm": gemm, "naive": None})
use, why = ENGINES.use, ENGINES.why


def register(device: Device) -> None:
    """Let a device's convolutions, their adjoints and transposed convolutions run by the engines."""
    for dims in (1, 2, 3):
        name = f"conv{dims}d"
        plain = {n: device.forwards[n + "!"] for n in (name, f"{name}_input", f"{name}_weight")}
        for made in (_convolve(device, name, plain), _spread(device, name, plain), _correlate(device, name, plain)):
            override(device, made.__name__, made)
        transposed = _transposed(device, dims)
        override(device, transposed.__name__, transposed)


def _last(a: Any, b: Any) -> bool:
    """Whether to compute with channels last: if an operand lies so, but not for float64, as in PyTorch."""
    return named(a.dtype) != "float64" and (channels_last(a) or channels_last(b))


def _convolve(device: Device, name: str, plain: dict[str, Any]) -> Callable[..., Any]:
    def convolve(x: Any, w: Any, bias: Any, *, stride: Dims, padding: Dims, dilation: Dims, groups: int) -> Any:
        check_arrays(name, x, w, bias, stride=stride, padding=padding, dilation=dilation, groups=groups)
        y_shape = out_shape(x.shape, w.shape, stride, padding, dilation)
        problem = Problem(x.shape, w.shape, y_shape, stride, padding, dilation, groups, named(x.dtype), _last(x, w))
        engine = ENGINES.chosen(problem)
        if engine is None:
            return plain[name](x, w, bias, stride=stride, padding=padding, dilation=dilation, groups=groups)
        return engine.forward(device, problem, x, w, bias), {"_rows": None}

    convolve.__name__ = name
    return convolve


def _spread(device: Device, name: str, plain: dict[str, Any]) -> Callable[..., Any]:
    name += "_input"

    def spread(y: Any, w: Any, *, shape: Dims, stride: Dims, padding: Dims, dilation: Dims, groups: int) -> Any:
        last = _last(y, w)
        problem = Problem(tuple(shape), w.shape, y.shape, stride, padding, dilation, groups, named(y.dtype), last)
        engine = ENGINES.chosen(problem)
        if engine is None:
            settings: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
            return plain[name](y, w, shape=shape, **settings)
        return engine.backward_data(device, problem, y, w)

    spread.__name__ = name
    return spread


def _correlate(device: Device, name: str, plain: dict[str, Any]) -> Callable[..., Any]:
    name += "_weight"

    def correlate(
        y: Any, x: Any, rows: Any, *, shape: Dims, stride: Dims, padding: Dims, dilation: Dims, groups: int
    ) -> Any:
        last = _last(y, x)
        problem = Problem(x.shape, tuple(shape), y.shape, stride, padding, dilation, groups, named(y.dtype), last)
        engine = ENGINES.chosen(problem)
        if engine is None:
            settings: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
            return plain[name](y, x, rows, shape=shape, **settings)
        return engine.backward_filter(device, problem, y, x)

    correlate.__name__ = name
    return correlate


def _transposed(device: Device, dims: int) -> Callable[..., Any]:
    def transposed(
        x: Any, w: Any, bias: Any, *, stride: Dims, padding: Dims, output_padding: Dims, dilation: Dims, groups: int
    ) -> Any:
        settings: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
        shape = transposed_shape(x, w, bias, output_padding=output_padding, **settings)
        out = device.forwards[f"conv{dims}d_input"](x, w, shape=shape, **settings)
        return out if bias is None else out + bias.reshape(-1, *(1,) * dims)

    transposed.__name__ = f"conv_transpose{dims}d"
    return transposed
