"""gradviz: PyTorch's tensors, autograd, nn and optim on NumPy, made to be looked at.

    import gradviz as torch

The torch-shaped public names, gathered. `gradviz.viz`, `gradviz.widgets` and `gradviz.teach` are imported when asked for.
"""

from typing import Any as _Any

from . import core as _core
from .core import Size as Size
from .core import Tensor as Tensor
from .core import device as device
from .core.dtype import DTYPES as _DTYPES
from .core.dtype import NAMES as _NAMES
from .core.dtype import dtype as dtype
from .core.dtype import finfo as finfo
from .core.dtype import get_default_dtype as get_default_dtype
from .core.dtype import iinfo as iinfo
from .core.dtype import promote_types as promote_types
from .core.dtype import set_default_dtype as set_default_dtype
from .core.mode import enable_grad as enable_grad
from .core.mode import inference_mode as inference_mode
from .core.mode import is_grad_enabled as is_grad_enabled
from .core.mode import is_inference_mode_enabled as is_inference_mode_enabled
from .core.mode import no_grad as no_grad
from .core.mode import set_grad_enabled as set_grad_enabled
from .core.op import FUNCTIONS as _FUNCTIONS
from .core.record import record as record
from .core.tensor import is_tensor as is_tensor

globals().update(_FUNCTIONS)
globals().update(_NAMES)
