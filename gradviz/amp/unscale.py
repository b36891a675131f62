"""The two steps of GradScaler that touch arrays, written so that no device is waited for.

PyTorch has a kernel for each: `_amp_foreach_non_finite_check_and_unscale_` and `_amp_update_scale_`.
"""

from __future__ import annotations

from gradviz.core.clock import wrote
from gradviz.core.dtype import float32, float64
from gradviz.core.tensor import Tensor


def unscale_(grads: list[Tensor], found_inf: Tensor, inv_scale: Tensor) -> None:
    """Multiply gradients of one type on one device by `inv_scale`; `found_inf` becomes 1 if one is inf or NaN before.

    float16 gradients are multiplied in float32, as in PyTorch.
    """
    device, found, inverse = found_inf.device, found_inf._array, inv_scale._array
    xp = device.xp
    kernel = device.forwards.get("unscale")  # many at once, where the device has one
    if kernel is not None and kernel([grad._array for grad in grads], found, inverse):
        for grad in grads:
            wrote(grad)
        return
    for grad in grads:
        array = grad._array
        bad = xp.any(~xp.isfinite(array))
        xp.maximum(found, bad.astype(found.dtype), out=found)
        if array.dtype.itemsize == 2:
            array[...] = (array.astype(float32.numpy) * inverse).astype(array.dtype)
        else:
            array *= inverse.astype(array.dtype)
        wrote(grad)


def update_scale_(
    scale: Tensor, tracker: Tensor, found_inf: Tensor, growth: float, backoff: float, interval: int
) -> None:
    """Shrink the scale where something was found, else count one step more and at `interval` grow it.

    It does not grow beyond what float32 holds. The factors multiply in float64, as in PyTorch.
    """
    xp = scale.device.xp
    s, steps, found = scale._array, tracker._array, found_inf._array != 0
    wide = s.astype(float64.numpy)
    grown = (wide * growth).astype(float32.numpy)
    due = steps + 1 == interval
    kept = xp.where(due & xp.isfinite(grown), grown, s)
    s[...] = xp.where(found, (wide * backoff).astype(float32.numpy), kept)
    steps[...] = xp.where(found | due, 0, steps + 1).astype(steps.dtype)
    wrote(scale)
    wrote(tracker)
