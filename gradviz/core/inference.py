"""Inference tensors: what is made inside `inference_mode` can never take part in a recorded computation.

Operations only look at what they keep for backward. While the mode is on anywhere, a listener marks what they produce,
and new tensors are wrapped by a function that marks them too.
"""

from __future__ import annotations

import threading
from typing import Any

from . import events
from .device import CPU, Device
from .errors import noted
from .mode import inference
from .tensor import Tensor

INPLACE = (
    "Inplace update to inference tensor outside InferenceMode is not allowed.You can make a clone to get a normal "
    "tensor before doing inplace update.See https://github.com/pytorch/rfcs/pull/17 for more details."
)
SAVED = (
    "Inference tensors cannot be saved for backward. Please do not use Tensors created in inference mode in "
    "computation tracked by autograd. To work around this, you can make a clone to get a normal tensor and use it in "
    "autograd, or use `torch.no_grad()` instead of `torch.inference_mode()`."
)
_plain = Tensor._of
_lock = threading.Lock()
ever = False  # whether there was any `inference_mode` block in the process: the one test that operations make


class Inference:
    """How many `inference_mode` blocks are open in the process."""

    depth = 0

    @classmethod
    def begin(cls) -> None:
        global ever
        with _lock:
            cls.depth += 1
            ever = True
            if cls.depth == 1:
                Tensor._of = staticmethod(_marked)  # type: ignore[method-assign]
        events.listen(mark)

    @classmethod
    def end(cls) -> None:
        with _lock:
            cls.depth -= 1
            if not cls.depth:
                Tensor._of = staticmethod(_plain)  # type: ignore[method-assign]
        events.unlisten(mark)


def _marked(array: Any, device: Device = CPU, requires_grad: bool = False) -> Tensor:
    made = _plain(array, device, requires_grad)
    if inference.get():
        made._inference = True
    return made


def mark(event: Any) -> None:
    """Listener: what an operation produced is an inference tensor, unless it shares an ordinary tensor's memory."""
    if event.__class__ is not events.Forward or not inference.get():
        return
    outputs = event.output if isinstance(event.output, (tuple, list)) else (event.output,)
    for tensor in outputs:
        if isinstance(tensor, Tensor):
            tensor._inference = tensor._base is None or tensor._base._inference


def refuse_saved(kept: Any) -> None:
    """Raise if something that a recorded operation kept is an inference tensor."""
    for x in kept:
        if isinstance(x, Tensor) and x._inference:
            raise noted(RuntimeError(SAVED))


def refuse_write(tensor: Tensor) -> None:
    """Raise if an inference tensor is written outside inference mode."""
    if not inference.get():
        raise noted(RuntimeError(INPLACE))
