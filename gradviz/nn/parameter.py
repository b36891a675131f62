"""Tensors that a Module knows by name: parameters are trained, buffers are only kept (torch.nn.parameter)."""

from __future__ import annotations

from typing import Any, ClassVar

from gradviz.core.device import CPU
from gradviz.core.dtype import get_default_dtype
from gradviz.core.errors import noted
from gradviz.core.op import FUNCTIONS
from gradviz.core.tensor import Tensor

new = object.__new__


def _share(cls: type[Tensor], data: Tensor | None) -> Any:
    """A tensor of class `cls` on the memory of `data`, outside any graph; empty for None."""
    if data is None:
        data = Tensor._of(CPU.xp.empty(0, dtype=get_default_dtype().numpy))
    elif not isinstance(data, Tensor):
        data = data.detach()
    made = new(cls)
    made._array, made.device, made._edge, made._needs = data._array, data.device, None, False
    return made


class Parameter(Tensor):
    """A tensor that becomes a parameter of the Module it is assigned to.

    It shares the memory of `data` and wants a gradient even if it is made inside `no_grad`.
    https://docs.pytorch.org/docs/2.13/generated/torch.nn.parameter.Parameter.html
    """

    def __new__(cls, data: Tensor | None = None, requires_grad: bool = True) -> Any:
        made = _share(cls, data)
        kind = made.dtype
        if requires_grad and not (kind.is_floating_point or kind.is_complex):
            raise noted(
                RuntimeError(
                    "Only Tensors of floating point and complex dtype can require gradients\n"
                    f"The data is {kind!r} of shape {tuple(made.shape)}. Use data.float(), or requires_grad=False."
                )
            )
        made._needs = bool(requires_grad)
        return made

    def __init__(self, data: Tensor | None = None, requires_grad: bool = True) -> None:
        """All is done in `__new__`."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        if id(self) not in memo:
            copied = Tensor._of(self._array.copy(), self.device)
            memo[id(self)] = type(self)(copied, self.requires_grad)
        return memo[id(self)]

    def __repr__(self) -> str:
        return "Parameter containing:\n" + super().__repr__()


class _BufferMeta(type):
    def __instancecheck__(cls, instance: Any) -> bool:
        marked = cls is Buffer and isinstance(instance, Tensor) and getattr(instance, "_is_buffer", False)
        return marked or super().__instancecheck__(instance)


class Buffer(Tensor, metaclass=_BufferMeta):
    """A tensor that becomes a buffer of the Module it is assigned to: state that is saved but not trained.

    With `persistent=False` it is left out of the `state_dict`. As in PyTorch it is a plain Tensor with a mark, so that
    operations take their shortest path. https://docs.pytorch.org/docs/2.13/generated/torch.nn.parameter.Buffer.html
    """

    persistent: bool

    def __new__(cls, data: Tensor | None = None, *, persistent: bool = True) -> Any:
        made = _share(Tensor, data)
        made._needs = data is not None and data.requires_grad
        made.persistent, made._is_buffer = persistent, True
        return made


# -- waiting for a shape -------------------------------------------------------------------------------------------
_memory = Tensor.__dict__["_array"]  # the slot itself, under the property below that refuses it
_FIRST = "Call `forward` to initialize the parameters before "


class UninitializedTensorMixin:
    """A parameter or buffer of a lazy module before the first call, which tells its shape: it has a type and a device.

    Only these can be changed; everything else raises. Operations ask every tensor for its array, so one refusal does.
    """

    cls_to_become: ClassVar[type[Any]]
    __init__: Any
    device: Any
    requires_grad: Any

    def materialize(self, shape: Any, device: Any = None, dtype: Any = None) -> None:
        """Take memory of the given shape (not filled) and become an ordinary parameter or buffer."""
        shape = (shape,) if isinstance(shape, int) else tuple(shape)
        made = FUNCTIONS["empty"](shape, device=device or self.device, dtype=dtype or self.dtype)
        self.__class__ = self.cls_to_become
        self.data = made

    @property
    def _array(self) -> Any:
        raise noted(
            ValueError(
                "Attempted to use an uninitialized parameter in an operation. This error happens when you are using a "
                "`LazyModule` or explicitly manipulating `torch.nn.parameter.UninitializedParameter` objects. When "
                "using LazyModules Call `forward` with a dummy batch to initialize the parameters before calling torch "
                "functions\nIts shape follows from the first input: call the module once, then make the optimiser."
            )
        )

    @_array.setter
    def _array(self, array: Any) -> None:
        _memory.__set__(self, array)

    @property
    def data(self) -> Tensor:
        """An empty tensor of the type and on the device that it will have."""
        return Tensor._of(_memory.__get__(self), self.device)

    @data.setter
    def data(self, value: Tensor) -> None:
        self._array, self.device = value._array, value.device

    @property
    def dtype(self) -> Any:
        """The type that its elements will have."""
        return self.data.dtype

    def is_floating_point(self) -> bool:
        """Whether its elements will be real numbers."""
        return bool(self.dtype.is_floating_point)

    def is_complex(self) -> bool:
        """Whether its elements will be complex numbers."""
        return bool(self.dtype.is_complex)

    @property
    def shape(self) -> Any:
        """There is none yet."""
        raise RuntimeError(
            "Can't access the shape of an uninitialized parameter or buffer. This error usually happens in "
            "`load_state_dict` when trying to load an uninitialized parameter into an initialized one. "
            f"{_FIRST}accessing their attributes."
        )

    def share_memory_(self) -> None:
        """There is no memory yet."""
        raise RuntimeError(
            f"Can't share memory on an uninitialized parameter or buffer. {_FIRST}calling `module.share_memory()`."
        )

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.requires_grad, self.device, self.dtype)
        return memo[id(self)]

    def __reduce_ex__(self, protocol: Any) -> Any:
        return type(self), (self.requires_grad, self.device, self.dtype)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class UninitializedParameter(UninitializedTensorMixin, Parameter):
    """A parameter whose shape is not known yet.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.parameter.UninitializedParameter.html
    """

    cls_to_become = Parameter

    def __new__(cls, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> Any:
        made = _share(cls, FUNCTIONS["empty"](0, device=device, dtype=dtype))
        made._needs = bool(requires_grad)
        return made

    def __init__(self, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> None:
        """All is done in `__new__`."""


class UninitializedBuffer(UninitializedTensorMixin, Tensor):
    """A buffer whose shape is not known yet.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.parameter.UninitializedBuffer.html
    """

    cls_to_become = Tensor

    def __new__(
        cls, requires_grad: bool = False, device: Any = None, dtype: Any = None, persistent: bool = True
    ) -> Any:  # fmt: skip
        made = _share(cls, FUNCTIONS["empty"](0, device=device, dtype=dtype))
        made._needs, made.persistent, made._is_buffer = bool(requires_grad), persistent, True
        return made

    def __init__(
        self, requires_grad: bool = False, device: Any = None, dtype: Any = None, persistent: bool = True
    ) -> None:  # fmt: skip
        """All is done in `__new__`."""


def is_lazy(param: Any) -> bool:
    """Whether the parameter or buffer still waits for its shape."""
    return isinstance(param, UninitializedTensorMixin)
