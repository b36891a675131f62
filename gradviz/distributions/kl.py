"""The Kullback-Leibler divergence of two distributions, by a registry of formulas.

    @register_kl(Mine, Normal)
    def kl_mine_normal(p, q): ...

The formulas of two distributions of one family are here; those of different families are in kl_pairs.py.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import total_ordering
from typing import Any, TypeVar

from gradviz.core.tensor import Tensor

from .distribution import Distribution

Formula = TypeVar("Formula", bound=Callable[[Any, Any], Any])
_KL_REGISTRY: dict[tuple[type, type], Callable[[Any, Any], Any]] = {}
_KL_MEMOIZE: dict[tuple[type, type], Any] = {}

__all__ = ["register_kl", "kl_divergence"]


def register_kl(type_p: Any, type_q: Any) -> Callable[[Formula], Formula]:
    """A decorator: this function computes KL(p || q) for these two classes, and their subclasses."""
    for name, given in (("type_p", type_p), ("type_q", type_q)):
        if not isinstance(given, type) and issubclass(given, Distribution):
            raise TypeError(f"Expected {name} to be a Distribution subclass but got {given}")

    def decorator(fun: Formula) -> Formula:
        _KL_REGISTRY[type_p, type_q] = fun
        _KL_MEMOIZE.clear()
        return fun

    return decorator


@total_ordering
class _Match:
    """Classes in the order of how special they are: a subclass comes before its base."""

    def __init__(self, *types: type) -> None:
        self.types = types

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Match) and self.types == other.types

    __hash__ = None  # type: ignore[assignment]

    def __le__(self, other: _Match) -> bool:
        for x, y in zip(self.types, other.types, strict=True):
            if not issubclass(x, y):
                return False
            if x is not y:
                break
        return True


def _dispatch_kl(type_p: type, type_q: type) -> Any:
    """The most special formula; where left and right disagree on which that is, the left one, with a warning."""
    matches = [(p, q) for p, q in _KL_REGISTRY if issubclass(type_p, p) and issubclass(type_q, q)]
    if not matches:
        return NotImplemented
    left_p, left_q = min(_Match(*m) for m in matches).types
    right_q, right_p = min(_Match(*reversed(m)) for m in matches).types
    left, right = _KL_REGISTRY[left_p, left_q], _KL_REGISTRY[right_p, right_q]
    if left is not right:
        warnings.warn(
            f"Ambiguous kl_divergence({type_p.__name__}, {type_q.__name__}). Please register_kl({left_p.__name__}, "
            f"{right_q.__name__})",
            RuntimeWarning,
            stacklevel=3,
        )
    return left


def kl_divergence(p: Distribution, q: Distribution) -> Tensor:
    """KL(p || q): how many nats more it takes on average to tell values of p by the code that is best for q.

    https://docs.pytorch.org/docs/2.13/distributions.html#torch.distributions.kl.kl_divergence
    """
    key = type(p), type(q)
    if key not in _KL_MEMOIZE:
        _KL_MEMOIZE[key] = _dispatch_kl(*key)
    formula = _KL_MEMOIZE[key]
    if formula is NotImplemented:
        raise NotImplementedError(
            f"No KL(p || q) is implemented for p type {type(p).__name__} and q type {type(q).__name__}"
        )
    found: Tensor = formula(p, q)
    return found


from . import kl_pairs, kl_same  # noqa: E402, F401 - they register their formulas
