"""Being told where the host waits for a GPU (torch.cuda.set_sync_debug_mode)."""

from __future__ import annotations

from ..gpu import late
from ..gpu.backend import unusable, why_not

MODES = {"default": 0, "warn": 1, "error": 2}


def set_sync_debug_mode(debug_mode: int | str) -> None:
    """What happens where numbers are fetched from a GPU: nothing (0, "default"), a warning (1, "warn") or an error.

    https://docs.pytorch.org/docs/2.13/generated/torch.cuda.set_sync_debug_mode.html
    """
    if why_not():
        raise unusable()
    if isinstance(debug_mode, str):
        if debug_mode not in MODES:
            raise RuntimeError("invalid value of debug_mode, expected one of `default`, `warn`, `error`")
        debug_mode = MODES[debug_mode]
    if debug_mode not in MODES.values():
        raise RuntimeError("invalid value of debug_mode, expected one of 0,1,2")
    late.Told.mode = debug_mode


def get_sync_debug_mode() -> int:
    """What was set: 0, 1 or 2."""
    if why_not():
        raise unusable()
    return late.Told.mode
