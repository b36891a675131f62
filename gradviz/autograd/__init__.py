"""`torch.autograd`: the public names, gathered."""

from ..core.backward import Backward as Backward
from ..core.function import Function as Function
from ..core.gradient import backward as backward
from ..core.gradient import grad as grad
from ..core.mode import enable_grad as enable_grad
from ..core.mode import inference_mode as inference_mode
from ..core.mode import no_grad as no_grad
from ..core.mode import set_grad_enabled as set_grad_enabled
from ..core.mode import set_multithreading_enabled as set_multithreading_enabled
from . import anomaly_mode as anomaly_mode
from . import forward_ad as forward_ad
from . import function as function
from . import functional as functional
from . import grad_mode as grad_mode
from . import graph as graph
from .anomaly_mode import detect_anomaly as detect_anomaly
from .anomaly_mode import set_detect_anomaly as set_detect_anomaly
from .gradcheck import GradcheckError as GradcheckError
from .gradcheck import gradcheck as gradcheck
from .gradcheck import gradgradcheck as gradgradcheck
from .variable import Variable as Variable

__all__ = [
    "Backward", "Function", "GradcheckError", "Variable", "anomaly_mode", "backward", "detect_anomaly", "enable_grad",
    "forward_ad", "function", "functional", "grad", "grad_mode", "gradcheck", "gradgradcheck", "graph",
    "inference_mode", "no_grad", "set_detect_anomaly", "set_grad_enabled", "set_multithreading_enabled",
]  # fmt: skip
