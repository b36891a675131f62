"""Functions that neither CuPy nor a kernel here has: worked out by SciPy on the host, copied there and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.device import CPU, Device
from ..core.op import override

OPS = ("special_airy_ai",)


def on_host(device: Device) -> None:
    """Let a device run these operations on the host."""
    for name in OPS:
        override(device, name, _through_host(device, CPU.forwards[name]))


def _through_host(device: Device, forward: Any) -> Any:
    def call(x: Any) -> Any:
        return device.wrap(np.asarray(forward(device.to_numpy(x))))

    return call
