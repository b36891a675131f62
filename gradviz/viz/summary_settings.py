"""What a summary shows: torchinfo's names for columns, row settings, modes and verbosity."""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import NamedTuple


class Mode(StrEnum):
    """How the model runs."""

    TRAIN = "train"
    EVAL = "eval"


class RowSettings(StrEnum):
    """What the first column shows."""

    DEPTH = "depth"
    VAR_NAMES = "var_names"
    ASCII_ONLY = "ascii_only"
    HIDE_RECURSIVE_LAYERS = "hide_recursive_layers"


class ColumnSettings(StrEnum):
    """The columns after the first."""

    KERNEL_SIZE = "kernel_size"
    INPUT_SIZE = "input_size"
    OUTPUT_SIZE = "output_size"
    NUM_PARAMS = "num_params"
    PARAMS_PERCENT = "params_percent"
    MULT_ADDS = "mult_adds"
    TRAINABLE = "trainable"


class Units(StrEnum):
    """The units of totals."""

    AUTO = "auto"
    MEGABYTES = "M"
    GIGABYTES = "G"
    TERABYTES = "T"
    NONE = ""


class Verbosity(IntEnum):
    """How much is printed: nothing, the table, the table with a row for each parameter."""

    QUIET, DEFAULT, VERBOSE = 0, 1, 2


TITLES = {
    ColumnSettings.KERNEL_SIZE: "Kernel Shape",
    ColumnSettings.INPUT_SIZE: "Input Shape",
    ColumnSettings.OUTPUT_SIZE: "Output Shape",
    ColumnSettings.NUM_PARAMS: "Param #",
    ColumnSettings.PARAMS_PERCENT: "Param %",
    ColumnSettings.MULT_ADDS: "Mult-Adds",
    ColumnSettings.TRAINABLE: "Trainable",
}
SCALES = {Units.TERABYTES: 1e12, Units.GIGABYTES: 1e9, Units.MEGABYTES: 1e6, Units.NONE: 1.0}
# Columns that only a run of the model can fill.
NEED_INPUT = (ColumnSettings.INPUT_SIZE, ColumnSettings.OUTPUT_SIZE, ColumnSettings.MULT_ADDS)


class Format(NamedTuple):
    """How a summary is laid out."""

    depth: int
    verbose: int
    columns: tuple[ColumnSettings, ...]
    width: int
    rows: frozenset[RowSettings]
