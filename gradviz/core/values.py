"""A tensor's values leaving it: as Python numbers, NumPy arrays and DLPack capsules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import errors
from .copies import PRIVATE as PRIVATE
from .copies import Copies
from .device import CPU, Device
from .errors import noted
from .mode import grad_mode

if TYPE_CHECKING:
    from .dtype import dtype


class Values(Copies):
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
        if self._needs and not force and grad_mode.get():
            raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
        if self.device is not CPU:
            if not force:
                raise TypeError(
                    f"can't convert {self.device} device type tensor to numpy. "
                    "Use Tensor.cpu() to copy the tensor to host memory first."
                )
            return self.device.to_numpy(self._array)
        if self.dtype.name == "bfloat16":
            raise noted(TypeError("Got unsupported ScalarType BFloat16\nNumPy has no such type: x.float().numpy()."))
        return self._array

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        import numpy as np

        array = self.numpy()
        return np.array(array, dtype=dtype, copy=copy if copy is not None else (None if dtype is None else True))

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
        from .tensor import Tensor

        # What NumPy's functions answer with yes or no comes back as numbers, as in PyTorch.
        return Tensor._of(array.astype("uint8") if array.dtype == bool else array, CPU)

    def __dlpack__(self, **kwargs: Any) -> Any:
        if self._needs:
            raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
        if self.dtype.name == "bfloat16":
            raise BufferError("Can't export bfloat16 tensors: NumPy has no such type, use tensor.float()")
        return self._array.__dlpack__(**kwargs)

    @property
    def __cuda_array_interface__(self) -> Any:
        """Address, shape and type of a cuda tensor's memory, for other libraries (Numba's interface, version 3)."""
        if self.device.type != "cuda":
            raise AttributeError(
                f"Can't get __cuda_array_interface__ on non-CUDA tensor type: {errors.type_name(self, self._array)} "
                "If CUDA data is required use tensor.cuda() to copy tensor to device memory."
            )
        if self._needs:
            raise RuntimeError(
                "Can't get __cuda_array_interface__ on Variable that requires grad. If gradients aren't required, use "
                "var.detach() to get Variable that doesn't require grad."
            )
        return self._array.__cuda_array_interface__

    def __dlpack_device__(self) -> Any:
        return self._array.__dlpack_device__()

    def _number(self, kind: str) -> Any:
        if self._array.size != 1:
            raise (
                errors.bool_of_many(self._array.shape) if kind == "bool" else errors.number_of_many(self._array.shape)
            )
        return self.item()

    def _real_number(self, kind: str, c_name: str) -> Any:
        """Its one element, if it is a real number."""
        value = self._number(kind)
        if isinstance(value, complex):
            if value.imag:
                raise noted(
                    RuntimeError(
                        f"value cannot be converted to type {c_name} without overflow\n"
                        f"{value} is not a real number: take x.real first."
                    )
                )
            return value.real
        return value

    def __bool__(self) -> bool:
        return bool(self._number("bool"))

    def __int__(self) -> int:
        return int(self._real_number("int", "int64_t"))

    def __index__(self) -> int:
        if self.dtype.category > 1 or self._array.size != 1:
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self.item())

    def __float__(self) -> float:
        return float(self._real_number("float", "double"))

    def __complex__(self) -> complex:
        if self._array.size != 1:
            raise ValueError("only one element tensors can be converted to Python scalars")
        return complex(self.item())

    def __contains__(self, element: Any) -> bool:
        from .tensor import Tensor

        if not isinstance(element, (Tensor, bool, int, float, complex)):
            raise noted(
                RuntimeError(
                    f"Tensor.__contains__ only supports Tensor or scalar, but you passed in a {type(element)}.\n"
                    "A tensor holds numbers only."
                )
            )
        return bool((self == element).any())  # type: ignore[attr-defined]

    def __reversed__(self) -> Any:
        return self if self._array.ndim == 0 else self.flip(0)  # type: ignore[attr-defined]
