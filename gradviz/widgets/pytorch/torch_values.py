"""Tensors of PyTorch as the numbers of a record."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.core.device import CPU
from gradviz.core.operands import BFLOAT16
from gradviz.core.summary import summary

WRAPPED = ("torch.float64", "torch.int64", "torch.bool", "torch.complex128")  # what PyTorch makes of Python numbers


def array_of(tensor: Any) -> Any:
    """A tensor's values as an array of NumPy; None for what has no dense values."""
    try:
        held = tensor.detach()
        if str(held.dtype) == "torch.bfloat16":
            return held.float().cpu().numpy().astype(BFLOAT16)
        return held.resolve_conj().resolve_neg().cpu().numpy()
    except (RuntimeError, TypeError, NotImplementedError, AttributeError):
        return None


def value_of(given: Any) -> dict[str, Any] | None:
    """The VALUE of a record, of a tensor or an array."""
    array = given if given is None or isinstance(given, np.ndarray) else array_of(given)
    return None if array is None else summary(np.array(array), CPU)


def dtype_name(dtype: Any) -> str:
    """`float32`."""
    return str(dtype).removeprefix("torch.")


def number_in(tensor: Any, dtype: Any) -> Any:
    """The Python number that PyTorch wrapped in a tensor to keep it; None if the tensor was one before."""
    if tensor.dim() or tensor.requires_grad or str(tensor.dtype) not in WRAPPED or str(tensor.dtype) == str(dtype):
        return None
    return tensor.item()
