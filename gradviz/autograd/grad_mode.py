"""`torch.autograd.grad_mode`: is what runs now recorded."""

from ..core.mode import enable_grad as enable_grad
from ..core.mode import inference_mode as inference_mode
from ..core.mode import no_grad as no_grad
from ..core.mode import set_grad_enabled as set_grad_enabled
from ..core.mode import set_multithreading_enabled as set_multithreading_enabled

__all__ = ["enable_grad", "inference_mode", "no_grad", "set_grad_enabled", "set_multithreading_enabled"]
