"""Copies of tensors: `copy.copy` shares the memory, `copy.deepcopy` and pickles own theirs.

What shares memory before shares memory after, if it is copied or pickled together: a view is written as a place in the
memory of its base.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from . import errors
from .device import CPU, Device
from .errors import noted
from .storage import address, strided, strides_of

if TYPE_CHECKING:
    from .tensor import Tensor

new = object.__new__
# Attributes that the library keeps on a tensor and that are not copied or saved with it; all others are the user's.
PRIVATE = frozenset(
    ("_cell", "_base", "_accumulator", "_hooks", "_post_hooks", "_retains", "_grad", "_views", "_multi")
)


class Copies:
    """The part of Tensor that makes copies of it."""

    __slots__ = ()
    _array: Any
    _base: Any
    _edge: Any
    _needs: bool
    device: Device

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        if id(self) in memo:
            return memo[id(self)]
        if self._edge is not None:
            raise noted(RuntimeError(errors.DEEPCOPY_NON_LEAF))
        whole, place = _memory(self)
        if id(whole) not in memo:
            memo[id(whole)] = whole.copy()
        made = _made(type(self), _seen(memo[id(whole)], place, self.device), self.device, self._needs)
        memo[id(self)] = made
        for key, value in self.__dict__.items():
            if key == "_grad" or key not in PRIVATE:
                made.__dict__[key] = copy.deepcopy(value, memo)
        return made

    def __reduce_ex__(self, protocol: Any) -> Any:
        whole, place = _memory(self)
        extra = {k: v for k, v in self.__dict__.items() if k not in PRIVATE}
        return _rebuild, (type(self), self.device.to_numpy(whole), place, self.device, self._needs, extra)


def _memory(x: Any) -> tuple[Any, Any]:
    """The array that a tensor's memory belongs to, and where in it the tensor lies; no place if it is all of it."""
    array, base = x._array, x._base
    if base is None or x.device is not CPU:
        return array, None
    whole = base._array
    if whole.dtype != array.dtype or not (whole.flags.c_contiguous or whole.flags.f_contiguous):
        return array, None
    return whole, (array.shape, strides_of(array), (address(array) - address(whole)) // array.dtype.itemsize)


def _seen(whole: Any, place: Any, device: Device) -> Any:
    """The part of the memory that a place says."""
    return whole if place is None else strided(device.xp, whole, *place)


def _made(kind: type, array: Any, device: Device, needs: bool) -> Any:
    made: Any = new(kind)
    made._array, made.device, made._edge, made._needs = array, device, None, needs
    return made


def _rebuild(kind: type, whole: Any, place: Any, device: Device, needs: bool, extra: dict[str, Any]) -> Tensor:
    """Undo the pickling of a tensor."""
    made: Tensor = _made(kind, device.wrap(_seen(whole, place, CPU)), device, needs)
    made.__dict__.update(extra)
    return made
