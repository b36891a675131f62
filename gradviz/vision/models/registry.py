"""The table of model constructors, and what they have in common: `weights=` of theirs that cannot be had here."""

from __future__ import annotations

import functools
from collections.abc import Callable
from fnmatch import fnmatch
from typing import Any, ParamSpec, TypeVar

from gradviz.nn import Module

P = ParamSpec("P")
M = TypeVar("M", bound=Module)
_MODELS: dict[str, Callable[..., Module]] = {}


def register_model(build: Callable[P, M]) -> Callable[P, M]:
    """Lists a constructor under its name, and lets it refuse weights that would have to be downloaded."""

    @functools.wraps(build)
    def made(*args: P.args, **options: P.kwargs) -> M:
        for name in ("weights", "weights_backbone", "pretrained"):
            if options.get(name) not in (None, False):
                raise NotImplementedError(
                    f"{build.__name__}() does not support the argument {name!r}: no weights are downloaded. Build "
                    "the model without it, and give load_state_dict() what gradviz.load() reads from a file you have."
                )
        options.pop("pretrained", None)
        return build(*args, **options)

    _MODELS[build.__name__] = made
    return made


def get_model(name: str, **config: Any) -> Module:
    """The model of this name, untrained. https://docs.pytorch.org/vision/stable/models.html"""
    return get_model_builder(name)(**config)


def get_model_builder(name: str) -> Callable[..., Module]:
    """The constructor of this name. Raises ValueError for a name that is not known."""
    if name.lower() not in _MODELS:
        raise ValueError(f"Unknown model {name.lower()}")
    return _MODELS[name.lower()]


def list_models(module: Any = None, include: Any = None, exclude: Any = None) -> list[str]:
    """The names of the models, sorted; `include` and `exclude` are patterns such as "resnet*", one or several."""
    names = {n for n, build in _MODELS.items() if module is None or build.__module__.startswith(module.__name__)}
    if include is not None:
        names = {n for n in names if any(fnmatch(n, pattern) for pattern in _several(include))}
    return sorted(n for n in names if not any(fnmatch(n, pattern) for pattern in _several(exclude or ())))


def _several(patterns: Any) -> Any:
    return [patterns] if isinstance(patterns, str) else patterns
