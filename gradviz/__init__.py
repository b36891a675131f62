"""gradviz: PyTorch's tensors, autograd, nn and optim on NumPy, made to be looked at.

    import gradviz as torch

The torch-shaped public names, gathered. Packages such as `gradviz.nn` and `gradviz.widgets` are imported at first use,
and so is what few programs need.
"""

import importlib as _importlib
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

from . import autograd as autograd
from .alias import as_torch as as_torch
from .autograd.anomaly_mode import is_anomaly_check_nan_enabled as is_anomaly_check_nan_enabled
from .autograd.anomaly_mode import is_anomaly_enabled as is_anomaly_enabled
from .core import Size as Size
from .core import Tensor as Tensor
from .core.device import device as device
from .core.dtype import NAMES as _DTYPES
from .core.dtype import dtype as dtype
from .core.dtype import finfo as finfo
from .core.dtype import get_default_dtype as get_default_dtype
from .core.dtype import iinfo as iinfo
from .core.dtype import promote_types as promote_types
from .core.dtype import set_default_dtype as set_default_dtype
from .core.legacy import TENSOR_TYPES as _TENSOR_TYPES
from .core.memory_format import FORMATS as _FORMATS
from .core.memory_format import Layout as _Layout
from .core.memory_format import memory_format as memory_format
from .core.memory_format import strided as _strided
from .core.mode import enable_grad as enable_grad
from .core.mode import inference_mode as inference_mode
from .core.mode import is_grad_enabled as is_grad_enabled
from .core.mode import is_inference as is_inference
from .core.mode import is_inference_mode_enabled as is_inference_mode_enabled
from .core.mode import no_grad as no_grad
from .core.mode import set_grad_enabled as set_grad_enabled
from .core.op import FUNCTIONS as _FUNCTIONS
from .core.random import Generator as Generator
from .core.random import default_generator as default_generator
from .core.random import get_rng_state as get_rng_state
from .core.random import initial_seed as initial_seed
from .core.random import manual_seed as manual_seed
from .core.random import seed as seed
from .core.random import set_rng_state as set_rng_state
from .core.random import thread_safe_generator as thread_safe_generator
from .core.settings import SETTINGS as _SETTINGS
from .core.tensor import is_tensor as is_tensor
from .magic import load_ipython_extension as load_ipython_extension
from .serialization import load as load
from .serialization import save as save
from .version import __version__ as __version__

if _TYPE_CHECKING:
    from .core.printing import set_printoptions as set_printoptions
    from .core.record import record as record

newaxis = None
inf, nan, pi, e = float("inf"), float("nan"), 3.141592653589793, 2.718281828459045
layout, strided = _Layout, _strided
globals().update(_FORMATS)
globals().update(_FUNCTIONS)
globals().update(_TENSOR_TYPES)
globals().update(_SETTINGS)
globals().update(_DTYPES)  # from here on `float`, `bool` and `int` are dtypes in this module

_PACKAGES = (
    "accelerator", "amp", "backends", "core", "cpu", "cuda", "distributions", "fft", "func", "gpu", "linalg", "mps",
    "nn", "optim", "random", "return_types", "signal", "special", "teach", "utils", "vision", "viz", "widgets", "xpu",
)  # fmt: skip
# Functions whose module is read when they are first asked for, and that module.
_LATER = {"record": "core.record", "set_printoptions": "core.printing", "vmap": "func"}
__all__ = [*(name for name in globals() if not name.startswith("_")), *_LATER]


def __getattr__(name: str) -> _Any:
    """Packages, and functions of `_LATER`, when first used."""
    if name in _LATER:
        found = globals()[name] = getattr(_importlib.import_module(f"{__name__}.{_LATER[name]}"), name)
        return found
    if "autocast" in name:
        for module in ("amp.autocast_mode", "amp.older"):
            switches = _importlib.import_module(f"{__name__}.{module}")
            if name in switches.PUBLIC:
                return getattr(switches, name)
    if name in _PACKAGES:
        return _importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return list({*globals(), *_PACKAGES, *_LATER})
