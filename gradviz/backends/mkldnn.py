"""Intel's library for neural networks, oneDNN, which is not used here (torch.backends.mkldnn).

Its switches are kept: NumPy multiplies float32 exactly, whatever less they permit.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..core import precision
from .switched import Fp32Precision, Switched, become, plain, set_all
from .switched import fp32_precision as _place

enabled: bool
deterministic: bool
allow_tf32: bool | None
fp32_precision: str
matmul, conv, rnn = (Fp32Precision("mkldnn", op) for op in ("matmul", "conv", "rnn"))
_enabled, _deterministic = False, False


def is_available() -> bool:
    """Whether it is in use: never."""
    return False


class _Mkldnn(Switched):
    enabled = plain("enabled", "set_enabled_mkldnn")
    deterministic = plain("deterministic", "set_deterministic_mkldnn")
    # In PyTorch 2.13 setting it sets what holds for all backends.
    fp32_precision = _place("mkldnn", "all", sets=("generic", "all"))

    @property
    def allow_tf32(self) -> None:
        """Nothing: it is about Intel's GPUs."""

    @allow_tf32.setter
    def allow_tf32(self, value: Any) -> None:
        warnings.warn(
            "TF32 acceleration on top of oneDNN is available for Intel GPUs. The current Torch version does not have "
            "Intel GPU Support.",
            stacklevel=2,
        )


become(__name__, _Mkldnn)
_module: Any = sys.modules[__name__]


def set_flags(
    _enabled: bool | None = None, _deterministic: bool | None = None, _allow_tf32: bool | None = None,
    _fp32_precision: str | None = "none",
) -> tuple[Any, ...]:  # fmt: skip
    """Set those switches that are not None, and return what all of them were, in this order."""
    before = set_all(_module, ("enabled", "deterministic", "allow_tf32"), dict(locals()))
    own = precision.get("mkldnn", "all")
    if _fp32_precision is not None:
        precision.put("mkldnn", "all", _fp32_precision)
    return (*before, own)


@contextmanager
def flags(
    enabled: bool = False, deterministic: bool = False, allow_tf32: bool | None = True, fp32_precision: str = "none"
) -> Iterator[None]:
    """The switches set to these values until the end of the `with` block."""
    before = set_flags(enabled, deterministic, allow_tf32, fp32_precision)
    try:
        yield
    finally:
        set_flags(*before)
