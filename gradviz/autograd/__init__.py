"""`torch.autograd`: the public names, gathered."""

from ..core.backward import Backward as Backward
from ..core.function import Function as Function
from ..core.gradient import backward as backward
from ..core.gradient import grad as grad
from ..core.mode import enable_grad as enable_grad
from ..core.mode import inference_mode as inference_mode
from ..core.mode import no_grad as no_grad
from ..core.mode import set_grad_enabled as set_grad_enabled
from ..core.tensor import Tensor as Variable
from . import function as function
from .gradcheck import GradcheckError as GradcheckError
from .gradcheck import gradcheck as gradcheck
from .gradcheck import gradgradcheck as gradgradcheck

__all__ = [
    "Backward", "Function", "GradcheckError", "Variable", "backward", "enable_grad", "function", "grad", "gradcheck",
    "gradgradcheck", "inference_mode", "no_grad", "set_grad_enabled",
]  # fmt: skip
