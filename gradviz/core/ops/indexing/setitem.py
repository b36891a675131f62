"""Writing into existing memory: `x[index] = value`, `copy_`, `fill_`, `zero_`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import errors
from ...errors import noted
from ...inplace import adopt, check_overlap, check_write, make_inplace, note_old, overwrote
from ...mode import grad_mode
from ...op import method, op
from ...tensor import Tensor
from ...views import CopySlices
from ..shapes.convert import moved
from ..shapes.reshape import expand, view
from .getitem import _bounds, _check_bounds, _is_basic, _mask_text, _raw, _spelled_out, getitem, locate

# -- what a write is, out of place ---------------------------------------------------------------------------------
_put = op("index_put_values", lambda xp, x, value, *, index: _written(xp, x, value, index), public=False,
          node="IndexPutBackward0", x=lambda F, g, *, index: F.index_zero(g, index=index),
          value=lambda F, g, *, index: F.index(g, index=index))  # fmt: skip
_zero_part = op("index_zero", lambda xp, x, *, index: _written(xp, x, 0, index), public=False,
                x=lambda F, g, *, index: F.index_zero(g, index=index))  # fmt: skip
_copied = op("copy", lambda xp, x, src: _like(xp, src, x), node="CopyBackwards", public=False,
             x=lambda F, g: F.zero(g), src=lambda g: g)  # fmt: skip
_zeroed = op("zero", lambda xp, x: xp.zeros_like(x), x=lambda F, g: F.zero(g), public=False)
_filled = op("fill", lambda xp, x, value: _like(xp, value, x), x=lambda F, g: F.zero(g), node="FillBackward3",
             number_node="FillBackward2", public=False, value=lambda g: g)  # fmt: skip

# -- a write through a view, seen from the memory's owner; `place` says where the view lies -------------------------
copy_slices = op("copy_slices", lambda xp, x, value, *, place: _placed(xp, x, value, place), node="CopySlices",
                 public=False,
                 x=lambda F, g, *, place: F.zero_slices(g, place=place),
                 value=lambda F, g, *, place: F.as_strided_view(g, place=place))  # fmt: skip
_zero_slices = op("zero_slices", lambda xp, x, *, place: _placed(xp, x, 0, place), public=False,
                  x=lambda F, g, *, place: F.zero_slices(g, place=place))  # fmt: skip
_seen = op("as_strided_view", lambda x, *, place: x.reshape(-1)[place.at], node="AsStridedBackward0", public=False,
           x=lambda F, g, *, x_shape, place: F.unseen(g, shape=x_shape, place=place))  # fmt: skip
_unseen = op("unseen", lambda xp, x, *, shape, place: _gathered(xp, x, shape, place), public=False,
             x=lambda F, g, *, place: F.as_strided_view(g, place=place))  # fmt: skip
CopySlices.function = copy_slices


def _written(xp: Any, x: Any, value: Any, index: Any) -> Any:
    out = xp.array(x)
    out[index] = value
    return out


def _like(xp: Any, value: Any, x: Any) -> Any:
    """A copy of `value` with x's shape and type."""
    out = xp.empty_like(x)
    out[...] = value.real if getattr(value, "dtype", x.dtype).kind == "c" and x.dtype.kind != "c" else value
    return out


def _placed(xp: Any, x: Any, value: Any, place: Any) -> Any:
    out = xp.array(x, order="C")
    out.reshape(-1)[place.at] = value
    return out


def _gathered(xp: Any, x: Any, shape: Any, place: Any) -> Any:
    """Zeros of a base with a view's values added in: a view that repeats rows adds them up."""
    out = xp.zeros(shape, dtype=x.dtype)
    xp.add.at(out.reshape(-1), place.at, x)
    return out


# -- x[index] = value ----------------------------------------------------------------------------------------------
@method(name="__setitem__")
def setitem(self: Tensor, index: Any, value: Any) -> None:
    """`x[index] = value`, recorded where a gradient will be wanted."""
    parts = _spelled_out(index, self._array.ndim)
    if isinstance(value, np.ndarray):
        value = Tensor._of(self.device.wrap(value.astype(self._array.dtype)), self.device)
    if isinstance(value, Tensor) and value.device is not self.device:
        value = moved(value, self.device)
    recording = grad_mode.get() and (self._needs or (isinstance(value, Tensor) and value._needs))
    if not recording and all(_is_basic(part) for part in parts):
        _plain_write(self, parts, value)
        return
    seen, picks = locate(self, parts)
    if picks is None:  # as PyTorch does it: a copy into the view
        copy_(seen, _broadcast(value, seen._array.shape) if isinstance(value, Tensor) else value)
    else:
        _put_into(seen, picks, value, recording)


def _plain_write(x: Tensor, parts: tuple[Any, ...], value: Any) -> None:
    """Ints, slices and None, with no gradient to think of: the array writes by itself."""
    raw = tuple(_raw(p) for p in parts)
    _check_bounds(x.device.xp, raw, x._array.shape)
    for part in raw:
        if isinstance(part, slice):
            _bounds(part, 1)
    check_write(x, "x[index] = value")
    if isinstance(value, Tensor) and (value._base is not None or value is x):
        value = _broadcast(value, x._array[raw].shape)
        check_overlap(getitem(x, parts), (value,))
    try:
        x._array[raw] = _real_for(x, value._array) if isinstance(value, Tensor) else value
    except IndexError:
        locate(x, parts)  # which says what is wrong as PyTorch does
        raise
    except ValueError as error:
        if isinstance(value, Tensor):
            _broadcast(value, x._array[raw].shape)
        raise _write_error(x, raw, value, error) from None
    overwrote(x, "index_put_", (x, value), {"index": raw}, op=_put)


def _put_into(x: Tensor, picks: tuple[Any, ...], value: Any, recording: bool) -> None:
    """Write where lists of indices and masks point, one PyTorch operation of its own."""
    if isinstance(value, Tensor) and value.dtype is not x.dtype:
        raise noted(RuntimeError(errors.index_put_types(x.dtype, value.dtype)))
    check_write(x, "index_put_", repeats=True)
    if not isinstance(value, Tensor):
        value = Tensor._of(x.device.wrap(np.asarray(value, x._array.dtype)), x.device)
    check_overlap(x, (value,), exact=False)
    try:
        if recording:
            old = note_old(x, x._alias())
            adopt(x, _put.call(old, value, index=picks), "index_put_", (old, value), _put, {"index": picks})
        else:
            x._array[picks] = value._array
            overwrote(x, "index_put_", (x, value), {"index": picks}, op=_put)
    except (RuntimeError, ValueError, IndexError) as error:
        raise _write_error(x, picks, value, error) from None


def _real_for(target: Tensor, array: Any) -> Any:
    """An array as it is written into a target: of complex numbers, a real target takes the real part."""
    return array.real if array.dtype.kind == "c" and target._array.dtype.kind != "c" else array


def _broadcast(value: Tensor, shape: tuple[int, ...]) -> Tensor:
    """A value as large as the part it is written into; leading dimensions of size 1 do not count."""
    have = value._array.shape
    if have == shape:
        return value
    first = next((i for i, n in enumerate(have) if n != 1), len(have))
    made: Tensor = expand(view(value, have[first:]), shape)
    return made


def _write_error(x: Tensor, raw: Any, value: Any, error: Exception) -> Exception:
    got = getattr(getattr(value, "_array", None), "shape", None)
    if got is None or not ("broadcast" in str(error) or "must match the size" in str(error)):
        mask = _mask_text(raw, x._array.shape)
        return IndexError(mask or str(error)) if isinstance(error, IndexError) else error
    want = x._array[raw].shape
    if all(_is_basic(part) for part in raw):
        text = errors.cannot_expand(value, want)
        return noted(RuntimeError(f"{text}\nx[index] has room for {list(want)}; give it that, or one number."))
    return noted(
        RuntimeError(
            f"shape mismatch: value tensor of shape {list(got)} cannot be broadcast to indexing result of shape "
            f"{list(want)}"
        )
    )


# -- the whole tensor ----------------------------------------------------------------------------------------------
_zero_recorded = make_inplace("zero_", _zeroed.call, _zeroed, repeats=True)
_fill_recorded = make_inplace("fill_", _filled.call, _filled, repeats=True)


@method
def copy_(self: Tensor, src: Any, non_blocking: bool = False) -> Tensor:
    """Write `src`'s values, broadcast and converted, into this tensor's memory."""
    check_write(self, "copy_")
    value = src if isinstance(src, Tensor) else Tensor._of(self.device.wrap(np.asarray(src)), self.device)
    if value.device is not self.device:
        value = moved(value, self.device)
    check_overlap(self, (value,))
    _check_room(self, value)
    if grad_mode.get() and (self._needs or value._needs):
        old = note_old(self, self._alias())
        made: Tensor = adopt(self, _copied.call(old, value), "copy_", (old, value), _copied, {})
        return made
    self._array[...] = _real_for(self, value._array)
    written: Tensor = overwrote(self, "copy_", (self, value), op=_copied)
    return written


def _check_room(target: Tensor, value: Tensor) -> None:
    """RuntimeError where a value of this shape cannot be broadcast into the target."""
    want, got = target._array.shape, value._array.shape
    if got == want:
        return
    text = errors.broadcast("copy_", want, got)
    if text.startswith("The size"):
        raise noted(RuntimeError(text))
    if np.broadcast_shapes(want, got) != want:
        whole = list(np.broadcast_shapes(want, got))
        raise noted(
            RuntimeError(
                f"output with shape {list(want)} doesn't match the broadcast shape {whole}\n"
                "copy_ writes into its tensor, which cannot grow."
            )
        )


@method
def zero_(self: Tensor) -> Tensor:
    """Set every element to zero, in place."""
    if self._needs and grad_mode.get():
        made: Tensor = _zero_recorded(self)
        return made
    return _overwrite(self, 0, "zero_")


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
    return _overwrite(self, value, "fill_")


def _overwrite(x: Tensor, value: Any, name: str) -> Tensor:
    check_write(x, name, repeats=not isinstance(value, Tensor))
    x._array[...] = value._array if isinstance(value, Tensor) else value
    inputs, op = ((x,), _zeroed) if name == "zero_" else ((x, value), _filled)
    made: Tensor = overwrote(x, name, inputs, op=op)
    return made


@method
def fill_diagonal_(self: Tensor, fill_value: Any, wrap: bool = False) -> Tensor:
    """Set the main diagonal to one value, in place; `wrap` starts it again below a tall matrix's end."""
    shape = self._array.shape
    if len(shape) < 2:
        raise RuntimeError("dimensions must larger than 1")
    if len(shape) > 2 and len(set(shape)) > 1:
        raise RuntimeError("all dimensions of input must be of equal length")
    check_write(self, "fill_diagonal_")
    rows = np.arange(min(shape))
    if wrap and len(shape) == 2:
        rows = np.arange(0, shape[0] * shape[1], shape[1] + 1)
        at: tuple[Any, ...] = tuple(self.device.wrap(i) for i in np.divmod(rows, shape[1]))
    else:
        at = (self.device.wrap(rows),) * len(shape)
    if self._needs and grad_mode.get():
        value = Tensor._of(self.device.wrap(np.asarray(fill_value, self._array.dtype)), self.device)
        old = note_old(self, self._alias())
        adopt(self, _put.call(old, value, index=at), "fill_diagonal_", (old, value), _put, {"index": at})
        return self
    self._array[at] = fill_value
    made: Tensor = overwrote(self, "fill_diagonal_")
    return made
