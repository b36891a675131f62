"""Tensor: an array on a device, perhaps a place in a graph, perhaps a gradient. No mathematics is here.

Operations are hung on the class by the op table (`gradviz.core.ops`).
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from gradviz.core.errors import noted

from . import errors, events
from .clock import Cell, cell_of
from .device import CPU, Device
from .dtype import as_dtype, dtype, from_numpy
from .handle import RemovableHandle as Handle
from .memory_format import CONTIGUOUS, Layout, is_laid_out, strided
from .node import Node, accumulator, add_hook
from .size import Size
from .storage import contiguous_strides, storage_offset, strides_of
from .values import Values

new = object.__new__


class _Defaults:
    """What few tensors have: kept on the instance only where it differs from these."""

    __slots__ = ()
    _grad: Any = None
    _cell: Cell | None = None
    _base: Any = None
    _views: Any = None  # weak references to the tensors that are views of this one's memory
    _multi = False  # one of several views made by one operation
    _accumulator: Any = None
    _hooks: Any = None
    _post_hooks: Any = None
    _retains = False
    _inference = False  # made inside `inference_mode`
    name: str | None = None


class Tensor(Values, _Defaults):
    """A multi-dimensional array that can record what is done to it.

    Made by `torch.tensor`, `torch.zeros` and their like. https://docs.pytorch.org/docs/2.13/tensors.html
    """

    __slots__ = ("__dict__", "__weakref__", "_array", "_edge", "_needs", "device")
    __array_priority__ = 1000
    _array: Any
    _edge: Any
    _needs: bool
    device: Device
    _run_backward: Any  # gradient.py puts its function here: an import at each call would cost as much as an operation

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...
        def __add__(self, other: Any) -> Tensor: ...
        def __radd__(self, other: Any) -> Tensor: ...
        def __sub__(self, other: Any) -> Tensor: ...
        def __rsub__(self, other: Any) -> Tensor: ...
        def __mul__(self, other: Any) -> Tensor: ...
        def __rmul__(self, other: Any) -> Tensor: ...
        def __truediv__(self, other: Any) -> Tensor: ...
        def __rtruediv__(self, other: Any) -> Tensor: ...
        def __pow__(self, other: Any) -> Tensor: ...
        def __matmul__(self, other: Any) -> Tensor: ...
        def __neg__(self) -> Tensor: ...
        def __getitem__(self, index: Any) -> Tensor: ...
        def __setitem__(self, index: Any, value: Any) -> None: ...
        def __lt__(self, other: Any) -> Tensor: ...
        def __le__(self, other: Any) -> Tensor: ...
        def __gt__(self, other: Any) -> Tensor: ...
        def __ge__(self, other: Any) -> Tensor: ...

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        from .legacy import make

        return make(cls, args, kwargs)

    @staticmethod
    def _make_subclass(cls: type, data: Tensor, require_grad: bool = False) -> Any:
        from .legacy import make_subclass

        return make_subclass(cls, data, require_grad)

    # -- how the library makes tensors ---------------------------------------------------------------------------
    @staticmethod
    def _of(array: Any, device: Device = CPU, requires_grad: bool = False) -> Tensor:
        """Wrap an array of the device's library, sharing its memory: a leaf."""
        made: Tensor = new(Tensor)
        made._array, made.device, made._edge, made._needs = array, device, None, requires_grad
        return made

    @staticmethod
    def _made(array: Any, device: Device, edge: Any) -> Tensor:
        """Wrap the result of a recorded operation; `edge` may be None."""
        made: Tensor = new(Tensor)
        made._array, made.device, made._edge, made._needs = array, device, edge, edge is not None
        return made

    def _alias(self) -> Tensor:
        """Another Tensor for the same memory and the same place in the graph."""
        made = Tensor._made(self._array, self.device, self._edge)
        made._needs = self._needs
        if self._base is not None:
            made._base = self._base
        elif self._cell is not None:
            made._cell = self._cell
        return made

    # -- what it is --------------------------------------------------------------------------------------------
    @property
    def shape(self) -> Size:
        """The sizes of its dimensions."""
        return tuple.__new__(Size, self._array.shape)

    @property
    def dtype(self) -> dtype:
        """The type of its elements."""
        return from_numpy(self._array.dtype)

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        found: int = self._array.ndim
        return found

    def dim(self) -> int:
        """The number of dimensions."""
        return self.ndim

    ndimension = dim

    def size(self, dim: int | None = None) -> Any:
        """The sizes of its dimensions, or of one of them."""
        if dim is None:
            return self.shape
        if not -self.ndim <= dim < self.ndim:
            raise noted(IndexError(errors.dim_range(dim, self.ndim)))
        return self._array.shape[dim]

    def numel(self) -> int:
        """The number of elements."""
        return int(self._array.size)

    nelement = numel

    def element_size(self) -> int:
        """Bytes per element."""
        return int(self._array.dtype.itemsize)

    @property
    def itemsize(self) -> int:
        return self.element_size()

    @property
    def nbytes(self) -> int:
        return int(self._array.nbytes)

    def stride(self, dim: int | None = None) -> Any:
        """The number of elements to step over per index in each dimension."""
        array = self._array
        strides = strides_of(array) if array.size else contiguous_strides(array.shape)
        if dim is None:
            return strides
        if not -len(strides) <= dim < len(strides):
            raise noted(IndexError(errors.dim_range(dim, len(strides))))
        return strides[dim]

    def storage_offset(self) -> int:
        """How many elements of the memory lie before the first one of this tensor."""
        return storage_offset(self._array)

    def is_contiguous(self, memory_format: Any = CONTIGUOUS) -> bool:
        """Whether the elements lie in memory in the order of the format (rows first), without gaps."""
        return is_laid_out(self._array, memory_format)

    def is_floating_point(self) -> bool:
        return self.dtype.is_floating_point

    def is_complex(self) -> bool:
        return self.dtype.is_complex

    def is_signed(self) -> bool:
        return self.dtype.is_signed

    @property
    def is_cuda(self) -> bool:
        return self.device.type == "cuda"

    @property
    def is_cpu(self) -> bool:
        return self.device.type == "cpu"

    @property
    def layout(self) -> Layout:
        return strided

    def get_device(self) -> int:
        return -1 if self.device.index is None else self.device.index

    def data_ptr(self) -> int:
        """The address of the first element: equal for tensors that start at the same memory."""
        return int(self.device.address(self._array))

    def __len__(self) -> int:
        if self.ndim == 0:
            raise TypeError("len() of a 0-d tensor")
        return int(self._array.shape[0])

    def __hash__(self) -> int:
        return id(self)

    def __iter__(self) -> Iterator[Tensor]:
        if self.ndim == 0:
            raise TypeError("iteration over a 0-d tensor")
        return iter(self.unbind(0))

    def __repr__(self) -> str:
        from .printing import tensor_str

        return tensor_str(self)

    def __format__(self, spec: str) -> str:
        if self.ndim == 0 and type(self) is Tensor:
            return format(self.item(), spec)
        return object.__format__(self, spec)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self.__dict__})

    # -- its place in a graph ----------------------------------------------------------------------------------
    @property
    def requires_grad(self) -> bool:
        """Whether gradients are wanted for this tensor."""
        return self._needs

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self._want_grad(value, "floating point and complex")

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Say whether gradients are wanted for this leaf; returns the tensor itself."""
        self._want_grad(requires_grad, "floating point")
        return self

    def _want_grad(self, value: bool, kinds: str) -> None:
        if self._edge is not None:
            if not value:
                raise noted(RuntimeError(errors.NON_LEAF_REQUIRES_GRAD))
            return
        if value and not (self.dtype.is_floating_point or self.dtype.is_complex):
            raise noted(RuntimeError(errors.integer_requires_grad(self.dtype, kinds)))
        if value and self._inference:
            from .mode import inference

            if not inference.get():
                raise RuntimeError(
                    "Setting requires_grad=True on inference tensor outside InferenceMode is not allowed."
                )
        self._needs = bool(value)

    def is_inference(self) -> bool:
        """Whether it was made inside `inference_mode`."""
        return self._inference

    @property
    def grad_fn(self) -> Node | None:
        """The node of the operation that made this tensor; None for a leaf."""
        edge = self._edge
        if edge is not None and edge.node.folded:
            from .fold import open_tensor

            open_tensor(self)
            edge = self._edge
        return None if edge is None else edge.node

    @property
    def output_nr(self) -> int:
        return 0 if self.grad_fn is None else int(self._edge.nr)

    @property
    def is_leaf(self) -> bool:
        """Whether it was made by the user rather than by a recorded operation."""
        return self._edge is None

    @property
    def grad(self) -> Any:
        """The gradient accumulated so far, or None."""
        if self._grad is None and self._edge is not None and not self._retains and self._needs:
            errors.warn_non_leaf_grad()
        return self._grad

    @grad.setter
    def grad(self, value: Any) -> None:
        if value is not None:
            if not isinstance(value, Tensor):
                raise TypeError(
                    f"assigned grad expected to be a Tensor or None but got grad of type {type(value).__name__}"
                )
            if value.dtype is not self.dtype:
                raise noted(RuntimeError(errors.grad_dtype(self, value)))
            if value._array.shape != self._array.shape:
                raise noted(RuntimeError(errors.grad_shape(self, value)))
            if value.device is not self.device:
                raise noted(RuntimeError(errors.grad_device(self, value)))
        self._grad = value

    @grad.deleter
    def grad(self) -> None:
        self._grad = None

    def retain_grad(self) -> None:
        """Keep the gradient of this non-leaf in `.grad` too."""
        if not self._needs:
            raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
        if self._edge is None or self._retains:
            return
        self._retains = True
        node = self._edge.node
        node.more().retained[self._edge.nr] = weakref.ref(self)

    @property
    def retains_grad(self) -> bool:
        """Whether a non-leaf keeps its gradient."""
        return self._retains and self._edge is not None

    def register_hook(self, hook: Any) -> Handle:
        """Call `hook(grad)` whenever the gradient of this tensor has been computed; what it returns replaces it.

        Returns a handle whose `remove()` takes the hook away. Raises RuntimeError without requires_grad.
        """
        if not self._needs:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        if self._edge is None:
            return add_hook(self, "_hooks", hook)
        hooks = self._edge.node.more().tensor_hooks
        slot = _Slot(hooks.get(self._edge.nr))
        handle = add_hook(slot, "hooks", hook)
        hooks[self._edge.nr] = slot.hooks
        return handle

    def register_post_accumulate_grad_hook(self, hook: Any) -> Handle:
        """Call `hook(param)` after a gradient was added into this leaf's `.grad`."""
        if self._edge is not None:
            raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors")
        if not self._needs:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        return add_hook(self, "_post_hooks", hook)

    def backward(
        self, gradient: Any = None, retain_graph: bool | None = None, create_graph: bool = False, inputs: Any = None
    ) -> None:
        """Compute the gradients of this tensor with respect to the leaves of its graph and add them into `.grad`.

        `gradient` weighs the elements of a tensor that is not a single number.
        https://docs.pytorch.org/docs/2.13/generated/torch.Tensor.backward.html
        """
        self._run_backward(self, gradient, retain_graph, create_graph, inputs=inputs)

    def detach(self) -> Tensor:
        """The same memory outside the graph."""
        made = Tensor._of(self._array, self.device)
        made._cell = cell_of(self)
        if events.watching:
            events.emit(events.Detached(self, made))
        return made

    def detach_(self) -> Tensor:
        """Take this tensor itself out of its graph."""
        if self._base is not None:
            raise RuntimeError(
                "Can't detach views in-place. Use detach() instead. If you are using DistributedDataParallel (DDP) for "
                "training, and gradient_as_bucket_view is set as True, gradients are views of DDP buckets, and hence "
                "detach_() cannot be called on these gradients. To fix this error, please refer to the "
                "Optimizer.zero_grad() function in torch/optim/optimizer.py as the solution."
            )
        if self._edge is not None:
            cell_of(self)  # what made it may have kept it, and will want to know of writes
        self._edge, self._needs = None, False
        return self

    @property
    def data(self) -> Tensor:
        """The same memory, outside the graph, with writes that the graph does not notice."""
        return Tensor._of(self._array, self.device)

    @data.setter
    def data(self, value: Tensor) -> None:
        new = value._array
        if self._accumulator is not None and (
            value.device is not self.device or new.dtype != self._array.dtype or new.shape != self._array.shape
        ):
            self._accumulator = None  # one that an older graph still holds is for the older memory
        self._array, self.device = new, value.device

    @property
    def _version(self) -> int:
        if self._inference:
            raise RuntimeError("Inference tensors do not track version counter.")
        base = self._base if self._base is not None else self
        return 0 if base._cell is None else int(base._cell.version)

    def _is_view(self) -> bool:
        return self._base is not None


class _Slot:
    """A place for a dict of hooks, so that `add_hook` can make one where there is none."""

    def __init__(self, hooks: Any) -> None:
        self.hooks = hooks


def is_tensor(obj: object) -> bool:
    """Whether `obj` is a Tensor."""
    return isinstance(obj, Tensor)


__all__ = ["Tensor", "accumulator", "as_dtype", "is_tensor"]
