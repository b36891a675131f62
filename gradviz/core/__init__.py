"""Arrays, tensors, the graph, backward, events: the public names, gathered."""

from .collector import resting as _resting

with _resting():
    from . import ops as ops
from .backward import Backward as Backward
from .device import Device as Device
from .events import observe as observe
from .function import Function as Function
from .node import AccumulateGrad as AccumulateGrad
from .node import Node as Node
from .op import name_functions as name_functions
from .ops.attach import attach as attach
from .ops.out import attach_out as attach_out
from .size import Size as Size
from .tensor import Tensor as Tensor

attach()
attach_out()
name_functions()
