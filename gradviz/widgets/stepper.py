"""`BackpropStepper`: forward and backward of a real run, one operation at a time, with every number on the way."""

from __future__ import annotations

from typing import Any

from gradviz.widgets.graphview import GraphView


class BackpropStepper(GraphView):
    """Step, rewind and scrub through a computation and its backward pass.

    The backward pass is driven by the engine's own `Backward`, recorded, and taken back: `.grad` and the graph are as
    they were, so ``loss.backward()`` can still be called afterwards. A tape that went backward is shown as it ran.

    Args:
        source: the loss, a function that computes it, or the tape of ``with torch.record() as tape:``.
        title: shown above the graph.
        depth: how deep modules are unfolded; None shows everything, 0 one box for each outermost call.
    """

    backward = True

    def __init__(self, source: Any, *, title: str | None = None, depth: int | None = None) -> None:
        super().__init__(source, title=title, depth=depth)
