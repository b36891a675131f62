"""A Module as a tree: its children, parameters and buffers by name, and what is done to all of them at once."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any, Self

from gradviz.core import errors, events
from gradviz.core.errors import noted
from gradviz.core.mode import no_grad
from gradviz.core.op import FUNCTIONS
from gradviz.core.tensor import Tensor
from gradviz.utils.gradients import zero_grad

from ..parameter import Parameter, is_lazy


def typename(value: Any) -> str:
    """How error texts name the type of a value: `torch.FloatTensor`, `int`, `my_module.MyClass`."""
    if isinstance(value, Tensor):
        return errors.type_name(value, value._array)
    kind = value if isinstance(value, type) else type(value)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    return "torch." + name.removeprefix("gradviz.") if name.startswith("gradviz.") else name


class Tree:
    """The walking half of Module."""

    training: bool
    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _non_persistent_buffers_set: set[str]
    _modules: dict[str, Any]

    def _get_name(self) -> str:
        return type(self).__name__

    # -- by name ---------------------------------------------------------------------------------------------------
    def get_submodule(self, target: str) -> Any:
        """The module at a dotted path such as "net.0.conv"; itself for "". AttributeError where the path breaks."""
        found: Any = self
        for name in target.split(".") if target else ():
            if not hasattr(found, name):
                raise AttributeError(f"{found._get_name()} has no attribute `{name}`")
            found = getattr(found, name)
            if not isinstance(found, Tree):
                raise AttributeError(f"`{name}` is not an nn.Module")
        return found

    def _get_leaf(self, target: str) -> tuple[Any, str, Any]:
        path, _, name = target.rpartition(".")
        owner = self.get_submodule(path)
        if not hasattr(owner, name):
            raise AttributeError(f"{owner._get_name()} has no attribute `{name}`")
        return owner, name, getattr(owner, name)

    def get_parameter(self, target: str) -> Parameter:
        """The parameter at a dotted path."""
        _, name, found = self._get_leaf(target)
        if not isinstance(found, Parameter):
            raise AttributeError(f"`{name}` is not an nn.Parameter")
        return found

    def get_buffer(self, target: str) -> Tensor:
        """The buffer at a dotted path."""
        owner, name, found = self._get_leaf(target)
        if name not in owner._buffers:
            raise AttributeError(f"`{name}` is not a buffer")
        return found  # type: ignore[no-any-return]

    def set_submodule(self, target: str, module: Any, strict: bool = False) -> None:
        """Put `module` at a dotted path; with `strict` something must already be there."""
        if target == "":
            raise ValueError("Cannot set the submodule without a target name!")
        path, _, name = target.rpartition(".")
        owner = self.get_submodule(path)
        if strict and not hasattr(owner, name):
            raise AttributeError(f"{owner._get_name()} has no attribute `{name}`")
        if hasattr(owner, name) and not isinstance(getattr(owner, name), Tree):
            raise AttributeError(f"`{name}` is not an nn.Module")
        if not isinstance(module, Tree):
            raise ValueError(f"`module` is not an nn.Module, found {type(module)}")
        setattr(owner, name, module)

    # -- one after another -----------------------------------------------------------------------------------------
    def named_modules(
        self, memo: set[Any] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Any]]:
        """Every module of the tree with its dotted path, itself first with the path ""; each once."""
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, module in self._modules.items():
            if module is not None:
                yield from module.named_modules(memo, f"{prefix}.{name}" if prefix else name, remove_duplicate)

    def modules(self, remove_duplicate: bool = True) -> Iterator[Any]:
        """Every module of the tree, itself first."""
        for _, module in self.named_modules(remove_duplicate=remove_duplicate):
            yield module

    def named_children(self) -> Iterator[tuple[str, Any]]:
        """The modules directly inside this one, each once."""
        seen = set()
        for name, module in self._modules.items():
            if module is not None and module not in seen:
                seen.add(module)
                yield name, module

    def children(self) -> Iterator[Any]:
        """The modules directly inside this one."""
        for _, module in self.named_children():
            yield module

    def _named_members(
        self, get: Callable[[Any], Any], prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Any]]:
        seen: set[Any] = set()
        owners = self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate) if recurse else [(prefix, self)]
        for path, owner in owners:
            for name, member in get(owner):
                if member is None or member in seen:
                    continue
                if remove_duplicate:
                    seen.add(member)
                yield (f"{path}.{name}" if path else name), member

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """Every parameter with its dotted path; a shared one once, under its first name."""
        yield from self._named_members(lambda m: m._parameters.items(), prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """Every parameter: what one hands to an optimiser."""
        for _, parameter in self.named_parameters(recurse=recurse):
            yield parameter

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """Every buffer with its dotted path."""
        yield from self._named_members(lambda m: m._buffers.items(), prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """Every buffer."""
        for _, buffer in self.named_buffers(recurse=recurse):
            yield buffer

    # -- all at once -----------------------------------------------------------------------------------------------
    def apply(self, fn: Callable[[Any], Any]) -> Self:
        """Call `fn` on every module of the tree, children before parents; returns the module."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def train(self, mode: bool = True) -> Self:
        """Set training mode (or evaluation mode) here and below; dropout and batch norm behave differently in them."""
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self) -> Self:
        """Set evaluation mode: `train(False)`."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Say whether all parameters want gradients; False freezes the module."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or with `set_to_none=False` fill them with zeros."""
        zero_grad(self.parameters(), set_to_none)
        if events.watching:
            events.emit(events.ZeroGrad(self))

    # -- moving and converting -------------------------------------------------------------------------------------
    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Replace the memory of every parameter, gradient and buffer by what `fn` makes of it."""
        if recurse:
            for module in self.children():
                module._apply(fn)
        with no_grad():
            for parameter in self._parameters.values():
                if parameter is not None:
                    gradient = parameter.grad
                    parameter.data = fn(parameter.data)
                    if gradient is not None:
                        gradient.data = fn(gradient.data)
            for name, buffer in self._buffers.items():
                if is_lazy(buffer):
                    buffer.data = fn(buffer.data)  # type: ignore[union-attr]
                elif buffer is not None:
                    self._buffers[name] = fn(buffer)
        return self

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Move all parameters and buffers: `to(device)`, `to(dtype)`, `to(device, dtype)`, `to(tensor)`.

        Integer buffers keep their type. Raises TypeError for a dtype that is not floating.
        """
        from gradviz.core.dtype import dtype as dtype_type

        wanted = kwargs.pop("dtype", None)
        rest = []
        for arg in args:
            if isinstance(arg, dtype_type):
                wanted = arg
            elif isinstance(arg, Tensor):
                wanted, kwargs["device"] = arg.dtype, arg.device
            else:
                rest.append(arg)
        if wanted is not None and not (wanted.is_floating_point or wanted.is_complex):
            raise noted(
                TypeError(
                    "nn.Module.to only accepts floating point or complex "
                    f"dtypes, but got desired dtype={wanted}\nTo convert a tensor to integers, call its own to()."
                )
            )
        if wanted is not None and wanted.is_complex:
            warnings.warn(
                "Complex modules are a new feature under active development whose design may change, and some modules "
                "might not work as expected when using complex tensors as parameters or buffers.",
                stacklevel=2,
            )
        kwargs.setdefault("device", rest.pop(0) if rest else None)
        layout = kwargs.pop("memory_format", None)

        def convert(t: Tensor) -> Tensor:
            keep = {} if layout is None or t.ndim not in (4, 5) else {"memory_format": layout}
            kind = wanted if t.is_floating_point() or t.is_complex() else None
            return t.to(*rest, dtype=kind, **kwargs, **keep)  # type: ignore[no-any-return]

        return self._apply(convert)

    def _floating_to(self, name: str) -> Self:
        return self._apply(lambda t: getattr(t, name)() if t.is_floating_point() else t)

    def float(self) -> Self:
        """All floating parameters and buffers as float32."""
        return self._floating_to("float")

    def double(self) -> Self:
        """All floating parameters and buffers as float64."""
        return self._floating_to("double")

    def half(self) -> Self:
        """All floating parameters and buffers as float16."""
        return self._floating_to("half")

    def bfloat16(self) -> Self:
        """All floating parameters and buffers as bfloat16."""
        return self._floating_to("bfloat16")

    def type(self, dst_type: Any) -> Self:
        """All parameters and buffers as `dst_type`."""
        return self._apply(lambda t: t.type(dst_type))

    def cpu(self) -> Self:
        """All parameters and buffers in host memory."""
        return self._apply(lambda t: t.cpu())

    def cuda(self, device: Any = None) -> Self:
        """All parameters and buffers on a CUDA device."""
        return self._apply(lambda t: t.cuda(device))

    def to_empty(self, *, device: Any, recurse: bool = True) -> Self:
        """Move to a device without copying the values."""
        return self._apply(lambda t: FUNCTIONS["empty_like"](t, device=device), recurse)

    def share_memory(self) -> Self:
        raise NotImplementedError("share_memory() is not supported: tensors live in the memory of one process")
