"""`torch.cuda.amp.autocast`, `custom_fwd` and `custom_bwd`: older spellings."""

from __future__ import annotations

from typing import Any

from gradviz import amp
from gradviz.amp.deprecated import deprecated
from gradviz.core.dtype import dtype, float16


class autocast(amp.autocast):
    """`torch.amp.autocast("cuda", ...)`; warns that it is deprecated."""

    def __init__(self, enabled: bool = True, dtype: dtype = float16, cache_enabled: bool = True) -> None:
        deprecated("cuda", "autocast(args...)", "autocast('cuda', args...)")
        super().__init__("cuda", enabled=enabled, dtype=dtype, cache_enabled=cache_enabled)


def custom_fwd(fwd: Any = None, *, cast_inputs: dtype | None = None) -> Any:
    """`torch.amp.custom_fwd(..., device_type="cuda")`; warns that it is deprecated."""
    deprecated("cuda", "custom_fwd(args...)", "custom_fwd(args..., device_type='cuda')")
    return amp.custom_fwd(fwd, device_type="cuda", cast_inputs=cast_inputs)


def custom_bwd(bwd: Any) -> Any:
    """`torch.amp.custom_bwd(..., device_type="cuda")`; warns that it is deprecated."""
    deprecated("cuda", "custom_bwd(args...)", "custom_bwd(args..., device_type='cuda')")
    return amp.custom_bwd(bwd, device_type="cuda")
