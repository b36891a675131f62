"""`torch.cpu.amp.autocast`: an older spelling."""

from __future__ import annotations

from gradviz import amp
from gradviz.amp.deprecated import deprecated
from gradviz.core.dtype import bfloat16, dtype


class autocast(amp.autocast):
    """`torch.amp.autocast("cpu", ...)`; warns that it is deprecated."""

    def __init__(self, enabled: bool = True, dtype: dtype = bfloat16, cache_enabled: bool = True) -> None:
        deprecated("cpu", "autocast(args...)", "autocast('cpu', args...)")
        super().__init__("cpu", enabled=enabled, dtype=dtype, cache_enabled=cache_enabled)
