"""Pruning: setting a part of the parameters to zero and keeping it there (torch.nn.utils.prune)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gradviz.core.op import FUNCTIONS
from gradviz.core.tensor import Tensor

from .convert_parameters import parameters_to_vector
from .pre_hooks import remove_hook
from .prune_base import BasePruningMethod, PruningContainer
from .prune_methods import (
    CustomFromMask,
    Identity,
    L1Unstructured,
    LnStructured,
    RandomStructured,
    RandomUnstructured,
)

__all__ = [
    "BasePruningMethod", "CustomFromMask", "Identity", "L1Unstructured", "LnStructured", "PruningContainer",
    "RandomStructured", "RandomUnstructured", "custom_from_mask", "global_unstructured", "identity", "is_pruned",
    "l1_unstructured", "ln_structured", "random_structured", "random_unstructured", "remove",
]  # fmt: skip


# -- one parameter -------------------------------------------------------------------------------------------------
def identity(module: Any, name: str) -> Any:
    """Prune nothing, but have `name_orig` and `name_mask`; returns the module, as the others do."""
    Identity.apply(module, name)
    return module


def random_unstructured(module: Any, name: str, amount: Any) -> Any:
    """Prune elements at random: `amount` of them, or that part."""
    RandomUnstructured.apply(module, name, amount)
    return module


def l1_unstructured(module: Any, name: str, amount: Any, importance_scores: Tensor | None = None) -> Any:
    """Prune the elements nearest to zero, or those with the lowest scores."""
    L1Unstructured.apply(module, name, amount=amount, importance_scores=importance_scores)
    return module


def random_structured(module: Any, name: str, amount: Any, dim: int) -> Any:
    """Prune whole channels along `dim` at random."""
    RandomStructured.apply(module, name, amount, dim)
    return module


def ln_structured(
    module: Any, name: str, amount: Any, n: Any, dim: int, importance_scores: Tensor | None = None
) -> Any:  # fmt: skip
    """Prune the channels along `dim` with the smallest n-norm."""
    LnStructured.apply(module, name, amount, n, dim, importance_scores=importance_scores)
    return module


def custom_from_mask(module: Any, name: str, mask: Tensor) -> Any:
    """Prune by a mask of one's own."""
    CustomFromMask.apply(module, name, mask)
    return module


# -- several -------------------------------------------------------------------------------------------------------
def global_unstructured(
    parameters: Any, pruning_method: Any, importance_scores: dict[Any, Tensor] | None = None, **kwargs: Any
) -> None:  # fmt: skip
    """Prune all (module, name) pairs as if they were one long vector.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.prune.global_unstructured.html
    """
    if not isinstance(parameters, Iterable):
        raise TypeError("global_unstructured(): parameters is not an Iterable")
    scores = {} if importance_scores is None else importance_scores
    if not isinstance(scores, dict):
        raise TypeError("global_unstructured(): importance_scores must be of type dict")
    pairs = list(parameters)
    values = [getattr(module, name) for module, name in pairs]
    masks: list[Any] = [getattr(module, name + "_mask", None) for module, name in pairs]
    masks = [FUNCTIONS["ones_like"](v) if m is None else m for m, v in zip(masks, values, strict=True)]
    method = pruning_method(**kwargs)
    if method.PRUNING_TYPE != "unstructured":
        raise TypeError(
            'Only "unstructured" PRUNING_TYPE supported for the `pruning_method`. '
            f"Found method {pruning_method} of type {method.PRUNING_TYPE}"
        )
    method._tensor_name = "temp"
    found = parameters_to_vector([scores.get(pair, value) for pair, value in zip(pairs, values, strict=True)])
    mask = PruningContainer(method).compute_mask(found, parameters_to_vector(masks))
    parts = mask.split([value.numel() for value in values])
    for (module, name), value, part in zip(pairs, values, parts, strict=True):
        custom_from_mask(module, name, mask=part.view_as(value))


# -- afterwards ----------------------------------------------------------------------------------------------------
def remove(module: Any, name: str) -> Any:
    """Make the pruned values the parameter's own; ValueError where nothing was pruned."""
    missing = f"Parameter '{name}' of module {module} has to be pruned before pruning can be removed"
    return remove_hook(module, BasePruningMethod, name, missing, "_tensor_name")


def is_pruned(module: Any) -> bool:
    """Whether anything of the module, or of a module in it, is pruned."""
    return any(isinstance(hook, BasePruningMethod) for m in module.modules() for hook in m._forward_pre_hooks.values())
