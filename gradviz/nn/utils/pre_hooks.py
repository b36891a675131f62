"""Finding the hook by which a helper computes a parameter before every forward."""

from __future__ import annotations

from typing import Any

from ..modules.module import Module


def hook_of(module: Module, kind: type, name: str, attribute: str = "name") -> tuple[Any, Any] | None:
    """The key and the hook of a kind whose attribute is this name; None where there is none."""
    hooks = module._forward_pre_hooks.items()
    return next(((k, h) for k, h in hooks if isinstance(h, kind) and getattr(h, attribute) == name), None)


def remove_hook(module: Any, kind: type, name: str, missing: str, attribute: str = "name") -> Any:
    """Let the hook of a kind for this parameter undo what it did; ValueError with this text where there is none."""
    found = hook_of(module, kind, name, attribute)
    if found is None:
        raise ValueError(missing)
    found[1].remove(module)
    del module._forward_pre_hooks[found[0]]
    return module
