"""Parameters that are computed: `module.weight` as a function of what is trained (torch.nn.utils.parametrize).

Reading `module.weight` calls the parametrizations on the tensors kept as `module.parametrizations.weight.original`, or
`original0`, `original1`, ...; assigning to it calls their `right_inverse`. To that end the module gets its own class.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from gradviz.core.mode import no_grad
from gradviz.core.tensor import Tensor

from ..modules.container import ModuleDict, ModuleList
from ..modules.module import Module
from ..parameter import Parameter
from .parametrize_checks import check_first, check_inverse, check_next, check_result

__all__ = [
    "ParametrizationList", "cached", "is_parametrized", "register_parametrization", "remove_parametrizations",
    "transfer_parametrizations_and_params", "type_before_parametrizations",
]  # fmt: skip


class _Cache:
    """What parametrizations computed inside `cached()`, by module and name."""

    depth = 0
    tensors: dict[tuple[int, str], Any] = {}


@contextmanager
def cached() -> Iterator[None]:
    """Compute each parametrized tensor once inside this block, however often it is read.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.parametrize.cached.html
    """
    _Cache.depth += 1
    try:
        yield
    finally:
        _Cache.depth -= 1
        if not _Cache.depth:
            _Cache.tensors = {}


def _keep(module: Module, name: str, tensor: Any) -> None:
    """Register as what it is, a parameter or a buffer."""
    if isinstance(tensor, Parameter):
        module.register_parameter(name, tensor)
    else:
        module.register_buffer(name, tensor)


def _inverted(modules: Iterable[Any], value: Any) -> Any:
    """What the trained tensors must be for the parametrizations to give `value`, as far as they can say."""
    for module in modules:
        if hasattr(module, "right_inverse"):
            with suppress(NotImplementedError):
                value = module.right_inverse(value)
    return value


class ParametrizationList(ModuleList):
    """The parametrizations of one tensor, applied in order, and the tensors that are trained in its place.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.parametrize.ParametrizationList.html
    """

    def __init__(self, modules: Sequence[Module], original: Tensor, unsafe: bool = False) -> None:
        if not modules:
            raise ValueError("ParametrizationList requires one or more modules.")
        super().__init__(modules)
        self.unsafe = unsafe
        shape, kind = original.shape, original.dtype
        with no_grad():
            new = _inverted(reversed(list(modules)), original)
        if not isinstance(new, (Tensor, Sequence)):
            raise ValueError(
                "'right_inverse' must return a Tensor or a Sequence of tensors (list, tuple...). "
                f"Got {type(new).__name__}"
            )
        self.is_tensor = isinstance(new, Tensor)
        self.ntensors = 1 if self.is_tensor else len(new)
        if isinstance(new, Tensor):
            check_first(original, new)
            with no_grad():
                original.set_(new)
            _keep(self, "original", original)
        else:
            for i, part in enumerate(new):
                if not isinstance(part, Tensor):
                    raise ValueError(
                        "'right_inverse' must return a Tensor or a Sequence of tensors (list, tuple...). "
                        f"Got element {i} of the sequence with type {type(part).__name__}."
                    )
                if isinstance(original, Parameter):
                    part = Parameter(part, original.requires_grad)
                _keep(self, f"original{i}", part.requires_grad_(original.requires_grad))
        if not unsafe:
            check_result(self(), kind, shape)

    def _originals(self) -> list[Tensor]:
        names = ["original"] if self.is_tensor else [f"original{i}" for i in range(self.ntensors)]
        return [getattr(self, name) for name in names]

    def right_inverse(self, value: Tensor) -> None:
        """Set the trained tensors so that the parametrized one becomes `value`."""
        with no_grad():
            for module in reversed(list(self)):
                if not hasattr(module, "right_inverse"):
                    raise RuntimeError(f"parametrization {type(module).__name__} does not implement right_inverse.")
                value = module.right_inverse(value)
            originals = self._originals()
            check_inverse(value, originals, self.is_tensor)
            for original, tensor in zip(originals, [value] if self.is_tensor else value, strict=True):
                original.set_(tensor)

    def forward(self) -> Any:
        first, *rest = self
        value = first(*self._originals())
        for module in rest:
            value = module(value)
        return value


# -- the module's own class ----------------------------------------------------------------------------------------
def _give_own_class(module: Module) -> None:
    """A subclass for this module alone, on which properties can be put."""
    cls = type(module)

    def getstate(self: Module) -> Any:
        raise RuntimeError(
            "Serialization of parametrized modules is only supported through state_dict(). See:\n"
            "https://pytorch.org/tutorials/beginner/saving_loading_models.html"
            "#saving-loading-a-general-checkpoint-for-inference-and-or-resuming-training"
        )

    def deepcopy(self: Module, memo: dict[int, Any]) -> Any:
        if id(self) not in memo:
            made = memo[id(self)] = object.__new__(type(self))
            made.__dict__ = copy.deepcopy(self.__dict__, memo)
        return memo[id(self)]

    body: dict[str, Any] = {"__getstate__": getstate}
    if not hasattr(cls, "__deepcopy__"):
        body["__deepcopy__"] = deepcopy
    module.__class__ = type(f"Parametrized{cls.__name__}", (cls,), body)


def _give_property(module: Module, name: str) -> None:
    """Reading `module.name` runs the parametrizations, assigning runs their inverses."""

    def read(self: Module) -> Any:
        if not _Cache.depth:
            return self.parametrizations[name]()
        key = id(self), name
        if key not in _Cache.tensors:
            _Cache.tensors[key] = self.parametrizations[name]()
        return _Cache.tensors[key]

    def assign(self: Module, value: Tensor) -> None:
        self.parametrizations[name].right_inverse(value)

    setattr(type(module), name, property(read, assign))


# -- for users -----------------------------------------------------------------------------------------------------
def register_parametrization(
    module: Module, tensor_name: str, parametrization: Module, *, unsafe: bool = False
) -> Module:  # fmt: skip
    """Compute a parameter or buffer of a module by another module, from now on; returns the module.

    Several parametrizations of one tensor are applied in the order of their registration. Where a parametrization has a
    `right_inverse`, the tensor keeps its value. Raises ValueError if type or shape change, unless `unsafe`.
    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.parametrize.register_parametrization.html
    """
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        if not unsafe:
            check_next(module, tensor_name, parametrization)
        module.parametrizations[tensor_name].append(parametrization)
        module.parametrizations[tensor_name].unsafe |= unsafe
    elif tensor_name in module._buffers or tensor_name in module._parameters:
        listed = ParametrizationList([parametrization], getattr(module, tensor_name), unsafe)
        delattr(module, tensor_name)
        if not is_parametrized(module):
            _give_own_class(module)
            module.parametrizations = ModuleDict()
        _give_property(module, tensor_name)
        module.parametrizations[tensor_name] = listed
    else:
        raise ValueError(
            f"Module '{module}' does not have a parameter, a buffer, or a parametrized element with name "
            f"'{tensor_name}'"
        )
    return module


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Whether the module computes this tensor, or, without a name, any."""
    found = getattr(module, "parametrizations", None)
    if not isinstance(found, ModuleDict):
        return False
    return len(found) > 0 if tensor_name is None else tensor_name in found


def remove_parametrizations(module: Module, tensor_name: str, leave_parametrized: bool = True) -> Module:
    """Make a computed tensor a parameter or buffer again, with its computed value or, else, what was trained.

    Raises ValueError for a tensor that is not parametrized, and without `leave_parametrized` for one computed from
    several. https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.parametrize.remove_parametrizations.html
    """
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"Module {module} does not have a parametrization on {tensor_name}")
    listed = module.parametrizations[tensor_name]
    if listed.is_tensor:
        original = listed.original
        if leave_parametrized:
            with no_grad():
                original.set_(getattr(module, tensor_name))
    elif leave_parametrized:
        value = getattr(module, tensor_name)
        original = Parameter(value) if value.requires_grad else value
    else:
        raise ValueError(
            "Cannot leave unparametrized (`leave_parametrized=False`) a tensor that is parametrized in terms of a "
            "sequence of tensors."
        )
    delattr(type(module), tensor_name)
    del module.parametrizations[tensor_name]
    _keep(module, tensor_name, original)
    if not is_parametrized(module):
        del module.parametrizations
        module.__class__ = type(module).__bases__[0]
    return module


def type_before_parametrizations(module: Module) -> type:
    """The class that the module had before anything of it was parametrized."""
    return type(module).__bases__[0] if is_parametrized(module) else type(module)


def transfer_parametrizations_and_params(
    from_module: Module, to_module: Module, tensor_name: str | None = None
) -> Module:  # fmt: skip
    """Parametrize `to_module` as `from_module` is, sharing what is trained; one tensor, or all.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.parametrize.transfer_parametrizations_and_params.html
    """
    if not is_parametrized(from_module):
        return to_module
    for name in list(from_module.parametrizations) if tensor_name is None else [tensor_name]:
        listed = from_module.parametrizations[name]
        if not hasattr(to_module, name):
            setattr(to_module, name, Parameter(getattr(from_module, name)))
        for parametrization in listed:
            register_parametrization(to_module, name, parametrization)
        for own in ("original", *(f"original{i}" for i in range(listed.ntensors))):
            if hasattr(listed, own):
                setattr(to_module.parametrizations[name], own, getattr(listed, own))
    return to_module
