"""What was wrong on a GPU, found out when the host waits for it anyway.

Looking at a value stops the host until the GPU has done all its work. So an index out of range does not raise where
it is used: a flag stays on the device, and who next fetches numbers (`.item()`, `.cpu()`, `synchronize`) gets the
error. CUDA's own errors come late in the same way; CUDA_LAUNCH_BLOCKING=1 makes both come at once.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from ..core.checks import defer
from ..core.device import Device

MANY = 256  # flags after which the host waits once, so that a loop that never looks at its loss does not gather them

Check = tuple[Any, Callable[[], Exception]]
_pending: dict[int, list[Check]] = {}


def check_later(device: Device, capturing: Callable[[], bool]) -> None:
    """Let a device's checks wait. Inside a capture there are none: the host could not ask."""
    pending = _pending.setdefault(device.index or 0, [])

    def later(flag: Any, error: Callable[[], Exception]) -> None:
        if capturing():
            return
        pending.append((flag, error))
        if len(pending) >= MANY or os.environ.get("CUDA_LAUNCH_BLOCKING") == "1":
            settle(device)

    defer(device.xp, later)


def settle(device: Device) -> None:
    """Raise the first error whose flag is set. The host waits for it, so this belongs where it waits anyway."""
    pending = _pending.get(device.index or 0)
    if not pending:
        return
    checks, pending[:] = list(pending), []
    device.enter()
    set_ = device.xp.concatenate([flag.reshape(1) for flag, _ in checks]).get().tolist()
    for is_set, (_, error) in zip(set_, checks, strict=True):
        if is_set:
            made = error()
            made.add_note(
                "It was found when numbers were fetched; the operation itself ran earlier. With the environment "
                "variable CUDA_LAUNCH_BLOCKING=1 it is raised where it happens."
            )
            raise made
