"""Module, the base class of layers and networks: it knows by name what is assigned to it, and calls its forward.

What a Module can do is spread over four files, each a class built on the one before:

    tree.py  Tree    children, parameters and buffers by name; train, to, zero_grad
    state.py State   state_dict and load_state_dict
    hooks.py Hooks   hooks around forward and backward
    here     Module  attributes, the call, the repr
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, ClassVar

from gradviz.core import events
from gradviz.core.errors import noted
from gradviz.core.mode import current_module
from gradviz.core.tensor import Tensor

from ..parameter import Buffer, Parameter
from .hooks import Everywhere, Hooks
from .hooks import register_module_backward_hook as register_module_backward_hook
from .hooks import register_module_buffer_registration_hook as register_module_buffer_registration_hook
from .hooks import register_module_forward_hook as register_module_forward_hook
from .hooks import register_module_forward_pre_hook as register_module_forward_pre_hook
from .hooks import register_module_full_backward_hook as register_module_full_backward_hook
from .hooks import register_module_full_backward_pre_hook as register_module_full_backward_pre_hook
from .hooks import register_module_module_registration_hook as register_module_module_registration_hook
from .hooks import register_module_parameter_registration_hook as register_module_parameter_registration_hook
from .tree import typename

_HOOK_DICTS = (
    "_backward_pre_hooks", "_backward_hooks", "_forward_hooks", "_forward_hooks_with_kwargs",
    "_forward_hooks_always_called", "_forward_pre_hooks", "_forward_pre_hooks_with_kwargs", "_state_dict_hooks",
    "_state_dict_pre_hooks", "_load_state_dict_pre_hooks", "_load_state_dict_post_hooks",
)  # fmt: skip
_HOMES = ("_parameters", "_buffers", "_modules")
enter, leave, outer = current_module.set, current_module.reset, current_module.get


class Module(Hooks):
    """Base class of neural network layers: define `__init__`, which assigns layers and parameters, and `forward`.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.Module.html
    """

    call_super_init: ClassVar[bool] = False
    dump_patches: ClassVar[bool] = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if not self.call_super_init:
            if kwargs:
                name = next(iter(kwargs))
                raise TypeError(f"{self._get_name()}.__init__() got an unexpected keyword argument '{name}'")
            if args:
                raise TypeError(
                    f"{self._get_name()}.__init__() takes 1 positional argument but {len(args) + 1} were given"
                )
        own = self.__dict__
        own["training"] = True
        own["_parameters"], own["_buffers"], own["_modules"] = {}, {}, {}
        own["_non_persistent_buffers_set"] = set()
        for name in _HOOK_DICTS:
            own[name] = OrderedDict()
        if self.call_super_init:
            super().__init__(*args, **kwargs)

    def forward(self, *input: Any) -> Any:
        """What the module computes; subclasses define it. Call the module itself, so that hooks run."""
        raise NotImplementedError(f'Module [{self._get_name()}] is missing the required "forward" function')

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run forward, with the hooks around it if there are any."""
        token = enter((outer(), self))
        try:
            watched = events.watching
            if watched:
                events.tell(events.ModuleEnter, (self, args))
            result = None
            try:
                if (
                    self._forward_hooks or self._forward_pre_hooks or self._backward_hooks or self._backward_pre_hooks
                    or Everywhere.forward or Everywhere.forward_pre or Everywhere.backward or Everywhere.backward_pre
                ):  # fmt: skip
                    result = self._call_hooked(args, kwargs)
                else:
                    result = self.forward(*args, **kwargs)
            finally:
                if watched:
                    events.tell(events.ModuleExit, (self, result))
            return result
        finally:
            leave(token)

    # -- registering -----------------------------------------------------------------------------------------------
    def _check_name(self, kind: str, name: Any, home: str) -> None:
        """The errors that registering anything under a name can raise."""
        if home not in self.__dict__:
            raise noted(AttributeError(f"cannot assign {kind} before Module.__init__() call\n{_INIT_FIRST}"))
        if not isinstance(name, str):
            raise TypeError(f"{kind} name should be a string. Got {typename(name)}")
        if "." in name:
            raise KeyError(f'{kind} name can\'t contain "."' + (f", got: {name}" if kind == "module" else ""))
        if name == "":
            raise KeyError(f'{kind} name can\'t be empty string ""')
        if hasattr(self, name) and name not in self.__dict__[home]:
            raise KeyError(f"attribute '{name}' already exists")

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter under a name, or None to reserve the name."""
        self._check_name("parameter", name, "_parameters")
        if param is not None:
            if not isinstance(param, Parameter):
                raise noted(
                    TypeError(
                        f"cannot assign '{typename(param)}' object to parameter '{name}' "
                        "(torch.nn.Parameter or None required)\nWrap it: torch.nn.Parameter(tensor)."
                    )
                )
            if param.grad_fn is not None:
                raise ValueError(
                    f"Cannot assign non-leaf Tensor to parameter '{name}'. Model parameters must be created "
                    f"explicitly. To express '{name}' as a function of another Tensor, compute the value in the "
                    "forward() method."
                )
            param = _hooked(Everywhere.parameter, self, name, param)
        self._parameters[name] = param

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Add a tensor that is state but not trained; with `persistent=False` it is not saved."""
        self._check_name("buffer", name, "_buffers")
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(
                f"cannot assign '{typename(tensor)}' object to buffer '{name}' (torch Tensor or None required)"
            )
        self._buffers[name] = _hooked(Everywhere.buffer, self, name, tensor)
        unsaved = self._non_persistent_buffers_set
        (unsaved.discard if persistent else unsaved.add)(name)

    def add_module(self, name: str, module: Any) -> None:
        """Add a child module under a name."""
        if not isinstance(module, Module) and module is not None:
            raise TypeError(f"{typename(module)} is not a Module subclass")
        self._check_name("module", name, "_modules")
        self._modules[name] = _hooked(Everywhere.module, self, name, module)

    def register_module(self, name: str, module: Any) -> None:
        """The same as `add_module`."""
        self.add_module(name, module)

    # -- attributes ------------------------------------------------------------------------------------------------
    def __getattr__(self, name: str) -> Any:
        own = self.__dict__
        for home in _HOMES:
            members = own.get(home)
            if members is not None and name in members:
                return members[name]
        raise AttributeError(f"'{self._get_name()}' object has no attribute '{name}'")

    def __setattr__(self, name: str, value: Any) -> None:
        own = self.__dict__
        if isinstance(value, Parameter):
            self._must_be_initialised("parameters")
            self._forget(name, "_parameters")
            self.register_parameter(name, value)
        elif isinstance(value, Module):
            if name in own.get("_parameters", ()):
                raise TypeError(_not_a(value, "parameter", name, "torch.nn.Parameter"))
            self._must_be_initialised("module")
            self._forget(name, "_modules")
            self._modules[name] = _hooked(Everywhere.module, self, name, value)
        elif name in own.get("_parameters", ()):
            if value is not None:
                raise TypeError(_not_a(value, "parameter", name, "torch.nn.Parameter"))
            self.register_parameter(name, None)
        elif name in own.get("_modules", ()):
            if value is not None:
                raise TypeError(_not_a(value, "child module", name, "torch.nn.Module"))
            self._modules[name] = _hooked(Everywhere.module, self, name, None)
        elif isinstance(value, Buffer) or name in own.get("_buffers", ()):
            if value is not None and not isinstance(value, Tensor):
                raise TypeError(_not_a(value, "buffer", name, "torch.nn.Buffer, torch.Tensor"))
            kept = value.persistent if isinstance(value, Buffer) else name not in self._non_persistent_buffers_set
            self.register_buffer(name, value, kept)
        else:
            object.__setattr__(self, name, value)

    def _must_be_initialised(self, what: str) -> None:
        if "_modules" not in self.__dict__:
            raise noted(AttributeError(f"cannot assign {what} before Module.__init__() call\n{_INIT_FIRST}"))

    def _forget(self, name: str, home: str) -> None:
        """Drop what had this name anywhere else."""
        self.__dict__.pop(name, None)
        for other in _HOMES:
            if other != home:
                self.__dict__[other].pop(name, None)
        self._non_persistent_buffers_set.discard(name)

    def __delattr__(self, name: str) -> None:
        for home in _HOMES:
            members = self.__dict__.get(home, {})
            if name in members:
                del members[name]
                self._non_persistent_buffers_set.discard(name)
                return
        object.__delattr__(self, name)

    def __dir__(self) -> list[str]:
        names = {*dir(type(self)), *self.__dict__, *self._parameters, *self._modules, *self._buffers}
        return sorted(name for name in names if not name[:1].isdigit())

    # -- showing ---------------------------------------------------------------------------------------------------
    def extra_repr(self) -> str:
        """The settings shown between the parentheses of the repr."""
        return ""

    def __repr__(self) -> str:
        extra = self.extra_repr()
        extras = extra.split("\n") if extra else []
        children = [f"({name}): {indented(repr(module))}" for name, module in self._modules.items()]
        if not extras and not children:
            return f"{self._get_name()}()"
        if len(extras) == 1 and not children:
            return f"{self._get_name()}({extras[0]})"
        return f"{self._get_name()}(\n  " + "\n  ".join([*extras, *children]) + "\n)"

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take back what pickling kept; hooks that an older file lacks are empty."""
        self.__dict__.update({name: OrderedDict() for name in _HOOK_DICTS if name not in state})
        self.__dict__.update(state)

    # -- what is not here ------------------------------------------------------------------------------------------
    def compile(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError("Module.compile() is not supported: gradviz always runs line by line")


_INIT_FIRST = "Begin __init__ with super().__init__()."


def indented(text: str) -> str:
    """All lines but the first moved to the right by two."""
    return text.replace("\n", "\n  ")


def _hooked(hooks: Any, module: Module, name: str, value: Any) -> Any:
    """What registration hooks make of a value."""
    for hook in hooks.values():
        changed = hook(module, name, value)
        if changed is not None:
            value = changed
    return value


def _not_a(value: Any, what: str, name: str, wanted: str) -> str:
    return f"cannot assign '{typename(value)}' as {what} '{name}' ({wanted} or None expected)"
