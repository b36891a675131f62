"""Writing into existing memory: `x[index] = value`, `copy_`, `fill_`, `zero_`."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.core.errors import noted

from .. import errors, events
from ..clock import wrote
from ..inplace import adopt, check_write, make_inplace
from ..mode import grad_mode
from ..op import method, op
from ..tensor import Tensor
from .convert import moved
from .index import _check_bounds, _is_basic, _mask_text, _on_device, _raw, _spelled_out
from .join import _cast
from .shape import clone, expand

_write = op("index_write", lambda xp, x, value, *, index: _written(x, value, index), public=False,
            node=lambda index: "CopySlices" if all(_is_basic(part) for part in index) else "IndexPutBackward0",
            x=lambda F, g, *, index: F.index_zero(g, index=index),
            value=lambda F, g, *, index: F.index(g, index=index))  # fmt: skip
_zero = op("index_zero", lambda x, *, index: _written(x, 0, index), public=False,
           x=lambda F, g, *, index: F.index_zero(g, index=index))  # fmt: skip


def _written(x: Any, value: Any, index: Any) -> Any:
    out = x.copy()
    out[index] = value
    return out


@method(name="__setitem__")
def setitem(self: Tensor, index: Any, value: Any) -> None:
    if self._needs and self._edge is None and grad_mode.get():
        raise noted(RuntimeError(errors.leaf_view_inplace(self)))
    check_write(self, "x[index] = value")
    parts = tuple(_raw(p) for p in _spelled_out(index, self._array.ndim))
    raw = _on_device(self, parts)
    _check_bounds(parts, self._array.shape)
    if isinstance(value, Tensor) and value.dtype is not self.dtype:
        value = value.to(self.dtype)
    if isinstance(value, np.ndarray):
        value = Tensor._of(self.device.wrap(value.astype(self._array.dtype)), self.device)
    recording = grad_mode.get() and (self._needs or (isinstance(value, Tensor) and value._needs))
    if recording:
        old = self._alias()
        result = _write.call(old, _fitted(self, raw, value), index=raw)
        adopt(self, result, "x[index] = value", (old, value), _write, {"index": raw})
        return
    try:
        self._array[raw] = value._array if isinstance(value, Tensor) else value
    except (ValueError, IndexError) as error:
        raise _write_error(self, raw, value, error) from None
    wrote(self)
    if events.watching:
        events.emit(events.Inplace(_write, self, (self, value), {"index": raw}))


def _fitted(x: Tensor, raw: Any, value: Any) -> Any:
    if isinstance(value, Tensor):
        target = x._array[raw].shape
        extra = value.ndim - len(target)
        if extra > 0 and all(n == 1 for n in value._array.shape[:extra]):
            return value.reshape(*value._array.shape[extra:])
    return value


def _write_error(x: Tensor, raw: Any, value: Any, error: Exception) -> Exception:
    got = getattr(getattr(value, "_array", None), "shape", None)
    if got is None or "broadcast" not in str(error):
        mask = _mask_text(raw, x._array.shape)
        return IndexError(mask or str(error)) if isinstance(error, IndexError) else error
    want = x._array[raw].shape
    if all(_is_basic(part) for part in raw):
        at = next(
            (i for i, (a, b) in enumerate(zip(got[::-1], want[::-1], strict=False)) if a not in (1, b)), len(want)
        )
        dim = max(len(want) - 1 - at, 0)
        return noted(
            RuntimeError(
                f"The expanded size of the tensor ({want[dim] if want else 1}) must match the existing size "
                f"({got[-1 - at] if at < len(got) else got[0]}) at non-singleton dimension {dim}.  Target sizes: "
                f"{list(want)}.  Tensor sizes: {list(got)}\n"
                f"x[index] has room for {list(want)}; give it that, or one number."
            )
        )
    return noted(
        RuntimeError(
            f"shape mismatch: value tensor of shape {list(got)} cannot be broadcast to indexing result of shape "
            f"{list(want)}"
        )
    )


@method
def copy_(self: Tensor, src: Tensor, non_blocking: bool = False) -> Tensor:
    """Write `src`'s values, broadcast and converted, into this tensor's memory."""
    check_write(self, "copy_")
    value = src if isinstance(src, Tensor) else Tensor._of(self.device.xp.asarray(src), self.device)
    if value.device is not self.device:
        value = moved(value, self.device)
    if value._array.shape != self._array.shape:
        value = expand(value, *self._array.shape)
    if value._needs and grad_mode.get():
        same = value if value.dtype is self.dtype else _cast(value, self.dtype)
        made: Tensor = adopt(self, clone(same), "copy_", (self, src), None, {})
        return made
    self._array[...] = value._array
    wrote(self)
    if grad_mode.get():
        self._edge, self._needs = None, False
    return self


_zeroed = op("zero", lambda xp, x: xp.zeros_like(x), x=lambda g: g * 0.0, public=False)
_filled = op("fill", lambda xp, x, value: xp.zeros_like(x) + value, x=lambda g: g * 0.0, node="FillBackward2",
             number_node="FillBackward0", public=False,
             value=lambda F, g: F.sum(g, dim=None, keepdim=False))  # fmt: skip
_zero_recorded = make_inplace("zero_", _zeroed.call, _zeroed)
_fill_recorded = make_inplace("fill_", _filled.call, _filled)


@method
def zero_(self: Tensor) -> Tensor:
    """Set every element to zero, in place."""
    if self._needs and grad_mode.get():
        made: Tensor = _zero_recorded(self)
        return made
    return _overwrite(self, 0)


@method
def fill_(self: Tensor, value: Any) -> Tensor:
    """Set every element to one value, in place."""
    if isinstance(value, Tensor) and value.ndim:
        raise noted(
            RuntimeError(
                f"fill_ only supports 0-dimension value tensor but got tensor with {value.ndim} dimensions.\n"
                "Use copy_ to write a tensor of many values."
            )
        )
    if grad_mode.get() and (self._needs or (isinstance(value, Tensor) and value._needs)):
        made: Tensor = _fill_recorded(self, value)
        return made
    return _overwrite(self, value)


def _overwrite(x: Tensor, value: Any) -> Tensor:
    x._array[...] = value._array if isinstance(value, Tensor) else value
    wrote(x)
    return x


@method
def fill_diagonal_(self: Tensor, fill_value: Any, wrap: bool = False) -> Tensor:
    """Set the main diagonal, in place."""
    check_write(self, "fill_diagonal_")
    n = min(self._array.shape)
    rows = self.device.xp.arange(n)
    self._array[(rows,) * self.ndim] = fill_value
    wrote(self)
    return self
