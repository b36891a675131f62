"""The text twin of a module tree: totals in a line, and torchinfo's table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradviz.viz.model_statistics import ModelStatistics
from gradviz.viz.summary_layers import LayerInfo
from gradviz.viz.summary_settings import ColumnSettings, Format, RowSettings
from gradviz.widgets.tensors.module_read import Row
from gradviz.widgets.tensors.module_run import Run
from gradviz.widgets.tensors.tensor_read import size_text
from gradviz.widgets.tensors.tensor_text import line

WIDTH = 25  # of a column
LINES = 110  # of a table
NAME = 60  # characters of a name
DEEP = 12
ROWS = frozenset({RowSettings.DEPTH, RowSettings.VAR_NAMES})
RAN = (ColumnSettings.OUTPUT_SIZE, ColumnSettings.NUM_PARAMS, ColumnSettings.MULT_ADDS, ColumnSettings.TRAINABLE)
STILL = (ColumnSettings.NUM_PARAMS, ColumnSettings.TRAINABLE)


def count_text(n: int) -> str:
    """A count as people say it: 812, 12.3 k, 25.6 M, 8.21 G."""
    for size, letter in ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k")):
        if n >= size:
            return f"{n / size:.3g} {letter}"
    return str(n)


def totals(root: Row, run: Run | None) -> str:
    """Parameters, how many of them learn, their memory, and what a run costs."""
    parts = [f"{root.total:,} parameters"]
    if root.trainable != root.total:
        parts.append(f"{root.trainable:,} trainable")
    parts.append(size_text(root.bytes) + (f" and {size_text(root.grads)} of gradients" if root.grads else ""))
    if run is not None and not run.error:
        if run.counted:
            told = count_text(root.flops)
            parts.append(f"{told}{'' if told[-1].isalpha() else ' '}FLOPs")
        parts.append(f"{size_text(root.memory)} of activations")
    return ", ".join(parts)


class _Told(LayerInfo):
    """A row of a tree as a row of a summary."""

    def __init__(self, row: Row, parent: LayerInfo | None) -> None:
        self.var_name, self.module, self.depth, self.parent_info = line(row.name, NAME), row.module, row.depth, parent
        self.layer_id = id(row.module)
        self.class_name = line(row.kind.split(" → ")[-1], NAME)
        self.is_leaf_layer = not row.children and row.same is None
        self.depth_index = None
        self.children: list[LayerInfo] = []
        self.executed = bool(row.calls)
        self.is_recursive = row.same is not None
        self.contains_lazy_param = row.lazy
        self.input_size: list[Any] = []
        self.output_size: Any = " or ".join(dict.fromkeys(call.made for call in row.calls))
        self.kernel_size = None
        self.num_params, self.trainable_params = row.total, row.trainable
        self.param_bytes, self.output_bytes = row.bytes, row.memory
        self.macs = row.flops // 2
        self.inner_layers: dict[str, dict[ColumnSettings, str]] = {}
        lines = [p for p in row.params if not p["buffer"] and not p["shared"]]
        self.own = sum(p["count"] for p in lines), sum(p["count"] for p in lines if p["learns"])
        if self.is_leaf_layer:  # a parameter that is told at an earlier place is not told again
            self.num_params, self.trainable_params = self.own

    def leftover_params(self, learning: bool = False) -> int:
        """Its own parameters: those of the modules in it have rows of their own."""
        return int(self.own[learning])


def table_of(rows: Sequence[Row], run: Run | None, depth: int) -> str:
    """torchinfo's table of the tree down to a depth: in the order in which layers ran where that is known."""
    ran = run is not None and not run.error
    layout = Format(depth, 0, RAN if ran else STILL, WIDTH, ROWS)
    if ran and run is not None and run.layers is not None and not shares(rows) and _shallow(rows):
        for layer in run.layers:
            layer.class_name, layer.var_name = line(layer.class_name, NAME), line(layer.var_name, NAME)
        return shortened(str(ModelStatistics(run.layers, run.given, run.bytes, layout)))
    told: list[LayerInfo] = []
    counts: dict[int, int] = {}
    for row in rows:
        made = _Told(row, told[row.parent.at] if row.parent is not None else None)
        counts[row.depth] = made.depth_index = counts.get(row.depth, 0) + 1
        told.append(made)
    for at in range(len(rows)):
        end = at + 1
        while end < len(rows) and rows[end].depth > rows[at].depth:
            end += 1
        told[at].children = told[at + 1 : end]
    return shortened(str(ModelStatistics(told, run.given if ran and run else [], run.bytes if run else 0, layout)))


def _shallow(rows: Sequence[Row]) -> bool:
    """Whether torchinfo's own sums, whose cost doubles with every level, can be waited for."""
    return max(row.depth for row in rows) <= DEEP


def shares(rows: Sequence[Row]) -> bool:
    """Whether a module or parameter is in two places: torchinfo counts some of those twice."""
    return any(row.same is not None or any(p["shared"] and not p["buffer"] for p in row.params) for row in rows)


def shortened(text: str) -> str:
    """The table without trailing rules of blanks, the middle of a very long one left out."""
    lines = text.splitlines()
    if len(lines) <= LINES:
        return text
    half = LINES // 2
    return "\n".join([*lines[:half], f"… {len(lines) - LINES} more rows", *lines[-half:]])


def depth_for(rows: Sequence[Row]) -> int:
    """How deep the table goes: three levels as torchinfo's, fewer where that would be more than about 80 rows."""
    for depth in (3, 2):
        if sum(row.depth <= depth for row in rows) <= LINES - 30:
            return depth
    return 1
