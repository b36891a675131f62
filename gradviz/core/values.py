"""A tensor's values leaving it: as Python numbers, NumPy arrays, copies and pickles; and the old constructor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import errors
from .device import CPU, Device
from .errors import noted
from .size import Size

if TYPE_CHECKING:
    from .dtype import dtype
    from .tensor import Tensor

new = object.__new__
# Entries of a tensor's __dict__ that belong to one graph and are not copied with it.
_PRIVATE = frozenset(("_cell", "_base", "_accumulator", "_hooks", "_post_hooks", "_retains", "_grad"))


class Values:
    """The part of Tensor that hands its values out."""

    __slots__ = ()
    _array: Any
    _edge: Any
    _needs: bool
    device: Device

    if TYPE_CHECKING:

        @property
        def dtype(self) -> dtype: ...

    # -- out to Python and NumPy ---------------------------------------------------------------------------------
    def item(self) -> Any:
        """Its one element as a Python number."""
        array = self._array
        if array.size != 1:
            raise noted(RuntimeError(errors.item_of_many(array.shape)))
        value = self.device.to_numpy(array).item()
        return float(value) if self.dtype.is_floating_point else value

    def tolist(self) -> Any:
        """Its elements as nested lists of Python numbers."""
        host = self.device.to_numpy(self._array)
        return (host.astype("float32") if self.dtype.name == "bfloat16" else host).tolist()

    def numpy(self, *, force: bool = False) -> Any:
        """A NumPy array that shares this CPU tensor's memory; `force=True` detaches and copies as needed."""
        if self._needs and not force:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
        if self.device is not CPU:
            if not force:
                raise TypeError(
                    f"can't convert {self.device} device type tensor to numpy. "
                    "Use Tensor.cpu() to copy the tensor to host memory first."
                )
            return self.device.to_numpy(self._array)
        if self.dtype.name == "bfloat16":
            raise TypeError("Got unsupported ScalarType BFloat16. Use tensor.float().numpy().")
        return self._array

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        import numpy as np

        array = self.numpy()
        return np.array(array, dtype=dtype, copy=copy if copy is not None else (None if dtype is None else True))

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
        from .tensor import Tensor

        return Tensor._of(array, CPU)

    def __dlpack__(self, **kwargs: Any) -> Any:
        if self._needs:
            raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
        return self._array.__dlpack__(**kwargs)

    def __dlpack_device__(self) -> Any:
        return self._array.__dlpack_device__()

    def _number(self, kind: str) -> Any:
        if self._array.size != 1:
            raise (
                errors.bool_of_many(self._array.shape) if kind == "bool" else errors.number_of_many(self._array.shape)
            )
        return self.item()

    def __bool__(self) -> bool:
        return bool(self._number("bool"))

    def __int__(self) -> int:
        return int(self._number("int"))

    def __index__(self) -> int:
        if self.dtype.category > 1 or self._array.size != 1:
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self.item())

    def __float__(self) -> float:
        return float(self._number("float"))

    def __complex__(self) -> complex:
        return complex(self._number("complex"))

    # -- copies ------------------------------------------------------------------------------------------------
    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        if id(self) in memo:
            found: Tensor = memo[id(self)]
            return found
        if self._edge is not None:
            raise noted(RuntimeError(errors.DEEPCOPY_NON_LEAF))
        import copy

        made: Any = new(type(self))
        made._array, made.device, made._edge, made._needs = self._array.copy(), self.device, None, self._needs
        memo[id(self)] = made
        for key, value in self.__dict__.items():
            if key == "_grad" or not key.startswith("_") or key not in _PRIVATE:
                made.__dict__[key] = copy.deepcopy(value, memo)
        return made

    def __reduce_ex__(self, protocol: Any) -> Any:
        if self._edge is not None:
            raise noted(
                RuntimeError(
                    "Only Tensors created explicitly by the user (graph leaves) support pickling at the moment.\n"
                    "Pickle tensor.detach() instead."
                )
            )
        extra = {k: v for k, v in self.__dict__.items() if k not in _PRIVATE}
        return _rebuild, (type(self), self.device.to_numpy(self._array), self.device, self._needs, extra)


def _rebuild(kind: type, array: Any, device: Device, needs: bool, extra: dict[str, Any]) -> Tensor:
    """Undo the pickling of a tensor."""
    made: Tensor = new(kind)
    made._array, made.device, made._edge, made._needs = device.wrap(array), device, None, needs
    made.__dict__.update(extra)
    return made


def legacy(*args: Any, **kwargs: Any) -> Tensor:
    """`torch.Tensor(2, 3)` is uninitialised, `torch.Tensor([1, 2])` holds floats: the old constructor."""
    import numpy as np

    from .device import as_device
    from .dtype import get_default_dtype
    from .tensor import Tensor

    device = kwargs.pop("device", None)
    if kwargs:
        raise TypeError(f"new() received an invalid combination of arguments: unexpected keywords {sorted(kwargs)}")
    target = get_default_dtype().numpy
    if len(args) == 1 and isinstance(args[0], Tensor):
        return args[0].detach()
    if len(args) == 1 and not isinstance(args[0], int):
        size = isinstance(args[0], Size)
        array = np.empty(args[0], target) if size else np.array(args[0], dtype=target)
    else:
        array = np.empty(args, target)
    where = as_device(device)
    return Tensor._of(where.wrap(array), where)
