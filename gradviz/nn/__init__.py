"""Neural networks: layers, losses, initialisation and helpers (torch.nn)."""

from . import functional, grad, init, modules, parameter, utils
from .modules import *  # noqa: F403 (its __all__ is the list of layers)
from .modules import __all__ as _layers
from .modules.utils import factory_kwargs
from .parameter import Buffer, Parameter, UninitializedBuffer, UninitializedParameter

__all__ = [
    *_layers,
    "Buffer",
    "Parameter",
    "UninitializedBuffer",
    "UninitializedParameter",
    "factory_kwargs",
    "functional",
    "grad",
    "init",
    "modules",
    "parameter",
    "utils",
]
