"""What a writer's calls accept as numbers, as NumPy arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.core.dtype import bfloat16, float16
from gradviz.core.tensor import Tensor


def make_np(x: Any) -> Any:
    """The values of a tensor of any device, a NumPy array as it is, or a number as an array of one.

    bfloat16, which NumPy has not, becomes float16. Raises NotImplementedError for anything else.
    """
    if isinstance(x, np.ndarray):
        return x
    if np.isscalar(x):
        return np.array([x])
    if isinstance(x, Tensor):
        if x.device.type == "meta":
            raise NotImplementedError("a tensor on the meta device has no values to log")
        return (x.to(float16) if x.dtype is bfloat16 else x).detach().cpu().numpy()
    raise NotImplementedError(f"Got {type(x)}, but numpy array or torch tensor are expected.")
