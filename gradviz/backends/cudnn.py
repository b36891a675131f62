"""NVIDIA's library for neural networks, which computes the convolutions of cuda devices (torch.backends.cudnn).

Where it is not installed, or `enabled` is False, our own kernels and cuBLAS do (gradviz/gpu/gemm.py), and obey
`torch.backends.cuda.matmul`, as PyTorch's do then. `benchmark` tries all algorithms of a new shape, `deterministic`
takes only those that are repeatable, `allow_tf32` and `conv.fp32_precision` let float32 be multiplied in TF32. Those of
`rnn` are kept: recurrent layers are matrix products here, and obey `torch.backends.cuda.matmul`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..core import precision
from ..gpu import switches
from .switched import Fp32Precision, Switched, become, plain, set_all
from .switched import fp32_precision as _place

enabled: bool
benchmark: bool
deterministic: bool
allow_tf32: bool
fp32_precision: str
depthwise_kernel: str
benchmark_limit: int | None = None
conv, rnn = Fp32Precision("cuda", "conv"), Fp32Precision("cuda", "rnn")
_enabled, _benchmark, _deterministic = True, False, False


def is_available() -> bool:
    """Whether it is installed, and there is a GPU to use it on."""
    from ..gpu.backend import why_not
    from ..gpu.cudnn_library import find

    return not why_not() and find()[0] is not None


def version() -> int | None:
    """Its version, such as 90100, or None."""
    from ..gpu.cudnn_library import find

    library = find()[0] if is_available() else None
    return None if library is None else library.version


class _Cudnn(Switched):
    enabled = plain("enabled", "set_enabled_cudnn")
    benchmark = plain("benchmark", "set_benchmark_cudnn")
    deterministic = plain("deterministic", "set_deterministic_cudnn")
    fp32_precision = _place("cuda", "all")

    @property
    def allow_tf32(self) -> bool:
        return precision.cudnn_allows_tf32()

    @allow_tf32.setter
    def allow_tf32(self, value: Any) -> None:
        if not isinstance(value, bool):  # PyTorch names another of its functions here
            raise RuntimeError(f"set_allow_tf32_cublas expects a bool, but got {type(value).__name__}")
        precision.allow_cudnn_tf32(value)

    @property
    def depthwise_kernel(self) -> str:
        """Which kernels convolve channel by channel: as cuDNN advises ("auto")."""
        return "auto"

    @depthwise_kernel.setter
    def depthwise_kernel(self, value: str) -> None:
        if value not in ("auto", "cudnn", "native"):
            raise RuntimeError(f"Unknown cuDNN depthwise kernel mode: {value}. Expected one of: auto, cudnn, native")
        if value != "auto":
            raise NotImplementedError(f"torch.backends.cudnn.depthwise_kernel = {value!r} is not supported")


become(__name__, _Cudnn)
_module: Any = sys.modules[__name__]
_ORDER = (
    "enabled", "benchmark", "benchmark_limit", "deterministic", "allow_tf32", "fp32_precision", "depthwise_kernel",
)  # fmt: skip


def set_flags(
    _enabled: bool | None = None, _benchmark: bool | None = None, _benchmark_limit: int | None = None,
    _deterministic: bool | None = None, _allow_tf32: bool | None = None, _fp32_precision: str | None = "none",
    _depthwise_kernel: str | None = None,
) -> tuple[Any, ...]:  # fmt: skip
    """Set those switches that are not None, and return what all of them were, in this order."""
    return set_all(_module, _ORDER, dict(locals()))


@contextmanager
def flags(
    enabled: bool = False, benchmark: bool = False, benchmark_limit: int | None = 10, deterministic: bool = False,
    allow_tf32: bool = True, fp32_precision: str = "none", depthwise_kernel: str = "auto",
) -> Iterator[None]:  # fmt: skip
    """The switches set to these values until the end of the `with` block."""
    before = set_flags(enabled, benchmark, benchmark_limit, deterministic, allow_tf32, fp32_precision, depthwise_kernel)
    try:
        yield
    finally:
        set_flags(*before)
        _module.benchmark_limit = before[2]


switches.use(_module)
