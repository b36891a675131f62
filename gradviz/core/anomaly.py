"""Anomaly mode: NaN in backward is an error that names the line of the forward call.

Where each node was made is recorded only while the mode is on, by a listener of the library's own.
"""

from __future__ import annotations

import sys
import warnings
from contextvars import ContextVar
from typing import Any

from . import events
from .clock import short_name
from .tensor import Tensor

# The node whose step of a backward pass is being taken.
running_node: ContextVar[Any] = ContextVar("running_node", default=None)
TRACE, PARENT = "traceback_", "parent_"


class Anomaly:
    """Whether the mode is on, and whether NaN is looked for. One setting for the process, as in PyTorch."""

    enabled = False
    check_nan = True

    @classmethod
    def set(cls, enabled: bool, check_nan: bool = True) -> None:
        if enabled and not cls.enabled:
            events.listen(note_place)
        elif cls.enabled and not enabled:
            events.unlisten(note_place)
        cls.enabled, cls.check_nan = enabled, check_nan


def note_place(event: Any) -> None:
    """Listener: remember, with the node just made, where it was and which step of a backward pass led to it."""
    if event.__class__ is not events.Forward:
        return
    output = event.output[0] if isinstance(event.output, (tuple, list)) and event.output else event.output
    edge = output._edge if isinstance(output, Tensor) else None
    if edge is not None and TRACE not in edge.node.metadata:
        notes = edge.node.metadata
        import traceback

        frames = [(f, n) for f, n in traceback.walk_stack(sys._getframe(1)) if not _ours(f)]
        notes[TRACE] = traceback.StackSummary.extract(iter(reversed(frames))).format()
        notes["place_"] = (frames[0][0].f_code.co_filename, frames[0][1]) if frames else None
        notes[PARENT] = running_node.get()


def _ours(frame: Any) -> bool:
    return str(frame.f_globals.get("__name__", "")).startswith("gradviz")


def tell(node: Any, error: BaseException) -> None:
    """Warn where the forward call was whose step failed, and note it on the error."""
    notes = node.metadata
    if TRACE not in notes:
        warnings.warn(
            f"Error detected in {node.name()}. No forward pass information available. Enable detect anomaly during "
            "forward pass for more information.",
            stacklevel=2,
        )
        return
    text = f"Error detected in {node.name()}. Traceback of forward call that caused the error:\n{''.join(notes[TRACE])}"
    warnings.warn(text, stacklevel=2)
    if notes["place_"] is not None:
        name, line = notes["place_"]
        error.add_note(f"The forward call that {node.name()} belongs to is at {short_name(name)}:{line}.")
    _tell_parents(notes[PARENT])


def _tell_parents(node: Any) -> None:
    """The steps of earlier backward passes that made the node that failed."""
    while node is not None:
        trace = node.metadata.get(TRACE)
        if trace is None:
            warnings.warn(
                f"\n\nPrevious calculation was induced by {node.name()}. No forward pass information available. Enable "
                "detect anomaly during forward pass for more information.",
                stacklevel=3,
            )
            return
        warnings.warn(
            f"\n\nPrevious calculation was induced by {node.name()}. Traceback of forward call that induced the "
            f"previous calculation:\n{''.join(trace)}",
            stacklevel=3,
        )
        node = node.metadata.get(PARENT)


def look_for_nan(node: Any, products: list[Any]) -> None:
    """Raise if a gradient that a node is about to pass on holds NaN."""
    if not Anomaly.check_nan:
        return
    for i, product in enumerate(products):
        array = product._array if isinstance(product, Tensor) else product
        if array is not None and bool(node.device.xp.isnan(array).any()):
            raise RuntimeError(f"Function '{node.name()}' returned nan values in its {i}th output.")
