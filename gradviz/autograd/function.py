"""`torch.autograd.function`."""

from ..core.function import Function as Function
from ..core.function import FunctionCtx as FunctionCtx
from ..core.function import InplaceFunction as InplaceFunction
from ..core.function import once_differentiable as once_differentiable
