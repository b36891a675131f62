"""Sharing memory with other array libraries (torch.utils.dlpack)."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from gradviz.core.ops.creation.exchange import from_dlpack
from gradviz.core.tensor import Tensor

__all__ = ["DLDeviceType", "from_dlpack", "to_dlpack"]


class DLDeviceType(IntEnum):
    """The kinds of device that the DLPack standard numbers."""

    kDLCPU = 1  # noqa: N815
    kDLCUDA = 2  # noqa: N815


def to_dlpack(tensor: Tensor) -> Any:
    """A DLPack capsule over the tensor's memory, which may be read once: `from_dlpack(to_dlpack(x))`."""
    return tensor.__dlpack__()
