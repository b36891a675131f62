"""Modules whose parameters are not drawn, because they will be loaded."""

from __future__ import annotations

import inspect
from typing import Any

from gradviz.core import random

from ..modules.module import Module


def skip_init(module_cls: type, *args: Any, **kwargs: Any) -> Any:
    """A module whose parameters may hold anything; no random numbers are used up.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.skip_init.html
    """
    if not issubclass(module_cls, Module):
        raise RuntimeError(f"Expected a Module; got {module_cls}")
    if "device" not in inspect.signature(module_cls).parameters:
        raise RuntimeError("Module must support a 'device' arg to skip initialization")
    kwargs["device"] = kwargs.get("device", "cpu")
    state = random.get_rng_state()
    try:
        return module_cls(*args, **kwargs)
    finally:
        random.set_rng_state(state)
