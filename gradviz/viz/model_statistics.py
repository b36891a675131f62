"""The result of a summary: its totals, and its table as text."""

from __future__ import annotations

import math
from typing import Any

from .summary_layers import LayerInfo
from .summary_settings import SCALES, TITLES, ColumnSettings, Format, RowSettings, Units, Verbosity

NAME_WIDTH, INDENT = 40, 5


class ModelStatistics:
    """A summary: `summary_list` of layers, totals of parameters, bytes and multiplications; prints as a table.

    Sizes are of one forward and backward pass: the outputs of layers with parameters count twice, for their gradients.
    """

    def __init__(
        self, summary_list: list[LayerInfo], input_size: Any, total_input_size: int, formatting: Format
    ) -> None:
        self.summary_list, self.input_size, self.formatting = summary_list, input_size, formatting
        self.total_input = total_input_size
        self.total_mult_adds = self.total_params = self.trainable_params = 0
        self.total_param_bytes = self.total_output_bytes = 0
        for row in summary_list:
            if row.is_leaf_layer:
                self.total_mult_adds += row.macs
                self.total_output_bytes += 2 * row.output_bytes if row.num_params > 0 else 0
            if row.is_recursive:
                continue
            self.total_param_bytes += row.param_bytes if row.is_leaf_layer else 0
            self.total_params += max(row.num_params if row.is_leaf_layer else row.leftover_params(), 0)
            self.trainable_params += max(
                row.trainable_params if row.is_leaf_layer else row.leftover_params(learning=True), 0
            )
        longest = max((len(self._title(row)) + INDENT * row.depth + 1 for row in summary_list), default=0)
        self._name_width = NAME_WIDTH if longest < NAME_WIDTH else math.ceil(longest / INDENT) * INDENT

    def __repr__(self) -> str:
        rule = "=" * (len(self.formatting.columns) * self.formatting.width + self._name_width)
        frozen = self.total_params - self.trainable_params
        lines = [rule, self._line(self._heading(), TITLES), rule, *self._rows(), rule]
        lines += [f"Total params: {self.total_params:,}", f"Trainable params: {self.trainable_params:,}"]
        lines += [f"Non-trainable params: {frozen:,}"]
        if self.input_size:
            parts = (self.total_input, self.total_output_bytes, self.total_param_bytes)
            told = ("Input size", "Forward/backward pass size", "Params size", "Estimated Total Size")
            lines += [f"Total mult-adds{self.format_output_num(self.total_mult_adds, Units.AUTO)}", rule]
            lines += [
                f"{name} (MB): {self.to_megabytes(n):0.2f}" for name, n in zip(told, (*parts, sum(parts)), strict=True)
            ]
        return "\n".join([*lines, rule])

    def _heading(self) -> str:
        names = " (var_name)" if RowSettings.VAR_NAMES in self.formatting.rows else ""
        depth = ":depth-idx" if RowSettings.DEPTH in self.formatting.rows else ""
        return f"Layer (type{names}{depth})"

    def _title(self, row: LayerInfo) -> str:
        """The name of a layer: its class, and if wanted the name its parent has for it, its depth and number."""
        name = f" ({row.var_name})" if RowSettings.VAR_NAMES in self.formatting.rows and row.var_name else ""
        depth = f": {row.depth}" if RowSettings.DEPTH in self.formatting.rows and row.depth > 0 else ""
        number = f"-{row.depth_index}" if depth and row.depth_index is not None else ""
        return f"{row.class_name}{name}{depth}{number}"

    def _branch(self, depth: int) -> str:
        """The lines of the tree before a name."""
        plain = RowSettings.ASCII_ONLY in self.formatting.rows
        if depth < 2:
            return "" if not depth else "+ " if plain else "├─"
        return ("|    " if plain else "│    ") * (depth - 1) + ("+ " if plain else "└─")

    def _line(self, name: str, cells: Any) -> str:
        columns = [f"{cells.get(column, ''):<{self.formatting.width}}" for column in self.formatting.columns]
        return " ".join([f"{name:<{self._name_width}}", *columns]).rstrip()

    def _rows(self) -> list[str]:
        lines = []
        for row in self.summary_list:
            hidden = row.is_recursive and RowSettings.HIDE_RECURSIVE_LAYERS in self.formatting.rows
            if row.depth > self.formatting.depth or hidden:
                continue
            cells = row.cells(row.depth == self.formatting.depth, self.total_params)
            lines.append(self._line(self._branch(row.depth) + self._title(row), cells))
            if self.formatting.verbose == Verbosity.VERBOSE:
                lines += [self._line(self._branch(row.depth + 1) + n, c) for n, c in row.inner_layers.items()]
        return lines

    @staticmethod
    def float_to_megabytes(num: int) -> float:
        """The megabytes of so many float32 numbers."""
        return num * 4 / 1e6

    @staticmethod
    def to_megabytes(num: int) -> float:
        """The megabytes of so many bytes."""
        return num / 1e6

    @staticmethod
    def to_readable(num: int, units: Units = Units.AUTO) -> tuple[Units, float]:
        """A number in millions, billions or trillions, whichever suits it, and which that is."""
        if units is Units.AUTO:
            fitting = (unit for unit in (Units.TERABYTES, Units.GIGABYTES) if num >= SCALES[unit])
            units = next(fitting, Units.MEGABYTES)
        return units, num / SCALES[units]

    @staticmethod
    def format_output_num(num: int, units: Units) -> str:
        """` (M): 1.50`: the unit and the number as the totals show them."""
        used, scaled = ModelStatistics.to_readable(num, units)
        told = f"{int(scaled):,d}" if scaled.is_integer() else f"{scaled:,.2f}"
        return f"{f' ({used.value})' if used.value else ''}: {told}"


__all__ = ["ColumnSettings", "ModelStatistics"]
