"""Lazy modules: layers whose input size is learned from the first input."""

from __future__ import annotations

import itertools
from typing import Any, ClassVar

from gradviz.core.mode import no_grad

from ..parameter import is_lazy


class LazyModuleMixin:
    """What makes a layer lazy: put it before the layer's class, and give it UninitializedParameters.

    The first call gives its inputs to `initialize_parameters`, which materialises the parameters, and then turns the
    module into an ordinary one of class `cls_to_become`. Make the optimiser after that call.
    https://docs.pytorch.org/docs/2.13/generated/torch.nn.modules.lazy.LazyModuleMixin.html
    """

    cls_to_become: ClassVar[type[Any] | None] = None
    _parameters: dict[str, Any]
    _buffers: dict[str, Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._load_hook = self._register_load_state_dict_pre_hook(self._lazy_load_hook)  # type: ignore[attr-defined]
        self._initialize_hook = self.register_forward_pre_hook(  # type: ignore[attr-defined]
            self._infer_parameters, with_kwargs=True
        )

    def initialize_parameters(self, *args: Any, **kwargs: Any) -> None:
        """Materialise the parameters for these arguments of forward; subclasses define it."""
        raise NotImplementedError(f"initialize_parameters is not implemented for {type(self).__name__}")

    def has_uninitialized_params(self) -> bool:
        """Whether a parameter or buffer still waits for its shape."""
        return any(is_lazy(p) for p in itertools.chain(self._parameters.values(), self._buffers.values()))

    def _lazy_load_hook(self, state_dict: Any, prefix: str, *rest: Any) -> None:
        """Before loading: what has a shape in the dict takes that shape here."""
        for name, param in itertools.chain(self._parameters.items(), self._buffers.items()):
            given = state_dict.get(prefix + name)
            if given is not None and is_lazy(param) and not is_lazy(given):
                with no_grad():
                    param.materialize(given.shape)

    def _infer_parameters(self, module: Any, args: Any, kwargs: Any = None) -> None:
        """Before the first forward: materialise, drop the two hooks, become an ordinary layer."""
        module.initialize_parameters(*args, **(kwargs or {}))
        if module.has_uninitialized_params():
            raise RuntimeError(f"module {type(self).__name__} has not been fully initialized")
        for name in ("_initialize_hook", "_load_hook"):
            getattr(module, name).remove()
            delattr(module, name)
        if module.cls_to_become is not None:
            module.__class__ = module.cls_to_become


class _Drawn(LazyModuleMixin):
    """A lazy layer that fills its parameters once they are there."""

    _told: ClassVar[str]  # the attribute for the number that the input tells, 0 until then

    def reset_parameters(self) -> None:
        """Draw the parameters anew, if there are any yet."""
        if not self.has_uninitialized_params() and getattr(self, self._told) != 0:
            super().reset_parameters()  # type: ignore[misc]
