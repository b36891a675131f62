"""Memory shared with other libraries and with files: `asarray`, `frombuffer`, `from_dlpack`, `from_file`."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ...device import as_device
from ...dtype import from_numpy, get_default_dtype
from ...errors import noted, scalar_type
from ...op import FUNCTIONS, function
from ...tensor import Tensor
from .factory import leaf, only_defaults, read_dtype

READ_ONLY = (
    "The given buffer is not writable, and PyTorch does not support non-writable tensors. Here writing to this tensor "
    "raises ValueError. Copy the buffer to make it writable."
)


@function(method=False)
def frombuffer(
    buffer: Any, *, dtype: Any, count: int = -1, offset: int = 0, requires_grad: bool = False
) -> Tensor:  # fmt: skip
    """A 1-d tensor over the memory of an object with a buffer (bytes, bytearray, array.array, mmap)."""
    kind = read_dtype("frombuffer", dtype)
    try:
        seen = memoryview(buffer)
    except TypeError:
        raise ValueError("object does not implement Python buffer protocol.") from None
    size, item = seen.nbytes, kind.itemsize
    if size == 0 or count == 0:
        raise ValueError(f"both buffer length ({size}) and count ({count}) must not be 0")
    if not 0 <= offset < size:
        raise ValueError(
            f"offset ({offset} bytes) must be non-negative and no greater than buffer length ({size} bytes) minus 1"
        )
    if count < 0 and (size - offset) % item:
        raise ValueError(
            f"buffer length ({size - offset} bytes) after offset ({offset} bytes) must be a multiple of element size "
            f"({item})"
        )
    n = (size - offset) // item if count < 0 else count
    if offset + n * item > size:
        raise ValueError(
            f"requested buffer length ({n} * {item} bytes) after offset ({offset} bytes) must not be greater than "
            f"actual buffer length ({size} bytes)"
        )
    if seen.readonly:
        warnings.warn(READ_ONLY, UserWarning, stacklevel=2)
    bytes_ = np.frombuffer(buffer, np.uint8, n * item, offset)
    return leaf(bytes_.view(kind.numpy), as_device("cpu"), requires_grad)


@function(method=False)
def asarray(
    obj: Any, *, dtype: Any = None, device: Any = None, copy: bool | None = None, requires_grad: bool | None = None
) -> Tensor:  # fmt: skip
    """A tensor of the data: sharing its memory if it can (`copy=None`), never (True), or else an error (False)."""
    kind = None if dtype is None else read_dtype("asarray", dtype)
    shared = _shared(obj, kind)
    if shared is None:
        if copy is False:
            raise noted(ValueError("can't alias arbitrary sequence into a tensor.\nLeave copy=False out."))
        made: Tensor = FUNCTIONS["tensor"](obj, dtype=kind, device=device)
        return _wanting(made, bool(requires_grad))
    place = shared.device if device is None else as_device(device)
    same_type, same_place = kind in (None, shared.dtype), place is shared.device
    if copy is False and not same_type:
        want = scalar_type(kind)
        raise noted(
            ValueError(f"can't alias tensor with dtype '{scalar_type(shared.dtype)}' into dtype '{want}'.\nCopy it.")
        )
    if copy is False and not same_place:
        raise noted(ValueError(f"can't alias tensor from device '{shared.device}' to '{place}'.\nCopy it."))
    wanted = (shared.requires_grad if isinstance(obj, Tensor) else False) if requires_grad is None else requires_grad
    out = shared.to(device=place, dtype=shared.dtype if kind is None else kind)
    if copy and out._array is shared._array:
        out = out.clone()
    if isinstance(obj, Tensor) and not wanted:
        return out.detach() if out._needs else out  # type: ignore[no-any-return]
    return _wanting(out, wanted)


def _shared(obj: Any, kind: Any) -> Tensor | None:
    """What has memory already, as a tensor over that memory; None for lists and numbers."""
    if isinstance(obj, Tensor):
        return obj
    if isinstance(obj, (np.ndarray, np.generic)):
        found: Tensor = FUNCTIONS["as_tensor"](obj)
        return found
    if hasattr(obj, "__dlpack__"):
        return from_dlpack(obj)
    if isinstance(obj, str):
        return None
    try:
        memoryview(obj)
    except TypeError:
        return None
    return frombuffer(obj, dtype=get_default_dtype() if kind is None else kind)


def _wanting(x: Tensor, requires_grad: bool) -> Tensor:
    return x.requires_grad_() if requires_grad and not x._needs else x


class _Exporter:
    """A DLPack capsule as an object that gives it out."""

    def __init__(self, capsule: Any) -> None:
        self.capsule = capsule

    def __dlpack__(self, **options: Any) -> Any:
        return self.capsule

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0


@function(method=False)
def from_dlpack(ext_tensor: Any, *, device: Any = None, copy: bool | None = None) -> Tensor:
    """A tensor over the memory of another library's array (anything with `__dlpack__`, or a DLPack capsule)."""
    if isinstance(ext_tensor, Tensor):
        if ext_tensor._needs:
            raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
        mine = ext_tensor.detach()
        return mine.clone() if copy else mine
    if not hasattr(ext_tensor, "__dlpack__"):
        if type(ext_tensor).__name__ != "PyCapsule":
            raise noted(
                RuntimeError(
                    "from_dlpack received an invalid capsule. Note that DLTensor capsules can be consumed only once, "
                    "so you might have already constructed a tensor from it once.\n"
                    f"Give an array with __dlpack__, or what to_dlpack returned; got {type(ext_tensor).__name__}."
                )
            )
        ext_tensor = _Exporter(ext_tensor)
    kind, index = ext_tensor.__dlpack_device__()
    place = as_device("cpu") if kind == 1 else as_device("cuda", index)
    array = place.xp.from_dlpack(ext_tensor)
    from_numpy(array.dtype)
    made = Tensor._of(array.copy() if copy else array, place)
    return made if device is None else made.to(as_device(device))


@function(method=False)
def from_file(
    filename: str, shared: bool | None = None, size: int | None = 0, *, dtype: Any = None, layout: Any = None,
    device: Any = None, pin_memory: bool = False, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """A 1-d tensor over the bytes of a file; `shared=True` writes changes back to it."""
    only_defaults("from_file", layout=layout, pin_memory=pin_memory)
    kind = read_dtype("from_file", dtype)
    array = np.memmap(filename, kind.numpy, "r+" if shared else "c", shape=(size or 0,))
    made = leaf(np.asarray(array), as_device("cpu"), requires_grad)
    return made if device is None else made.to(device)
