"""`torch.cpu.amp.autocast`: an older spelling."""

from __future__ import annotations

import warnings

from gradviz import amp
from gradviz.core.dtype import bfloat16, dtype


def _deprecated(old: str, new: str) -> None:
    warnings.warn(
        f"`torch.cpu.amp.{old}` is deprecated. Please use `torch.amp.{new}` instead.", FutureWarning, stacklevel=3
    )


class autocast(amp.autocast):
    """`torch.amp.autocast("cpu", ...)`; warns that it is deprecated."""

    def __init__(self, enabled: bool = True, dtype: dtype = bfloat16, cache_enabled: bool = True) -> None:
        _deprecated("autocast(args...)", "autocast('cpu', args...)")
        super().__init__("cpu", enabled=enabled, dtype=dtype, cache_enabled=cache_enabled)
