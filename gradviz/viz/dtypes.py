"""Which type each arrow carries, where a graph mixes types of floats: colour, dashes and a short name for each."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any, NamedTuple


class Look(NamedTuple):
    """How arrows of one type are drawn: short name, series colour, dashes."""

    short: str
    series: int | None
    dashes: str


# frontend/src/parts/dtypes.ts draws the same.
LOOKS = {
    "float32": Look("f32", None, ""),
    "float16": Look("f16", 4, "7 3"),
    "bfloat16": Look("bf16", 5, "3 3"),
    "float64": Look("f64", 3, "9 2 2 2"),
}


def mixed(record: Mapping[str, Any], ordinals: Sequence[int | None]) -> list[str]:
    """The types of floats among these nodes, in the order of LOOKS; empty where there is only one."""
    found = {record["nodes"][n].get("dtype") for n in ordinals if n is not None}
    shown = [name for name in LOOKS if name in found]
    return shown if len(shown) > 1 else []


def name_boxes(record: Mapping[str, Any], entries: Sequence[MutableMapping[str, Any]]) -> None:
    """Write the type into the boxes whose value is not float32."""
    for entry in entries:
        n = entry["n"]
        dtype = None if n is None else record["nodes"][n].get("dtype")
        if dtype in LOOKS and dtype != "float32" and entry["kind"] != "portal":
            entry["sub"] = " ".join(filter(None, (LOOKS[dtype].short, entry["sub"])))


def name_arrows(record: Mapping[str, Any], edges: Sequence[MutableMapping[str, Any]]) -> None:
    """Say of each arrow which type of floats it carries."""
    for edge in edges:
        n = edge["n_from"]
        dtype = None if n is None else record["nodes"][n].get("dtype")
        if dtype in LOOKS:
            edge["dtype"] = dtype


def types_of(scene: Mapping[str, Any]) -> list[str]:
    """The types of a scene's arrows, in the order of LOOKS."""
    found = {edge.get("dtype") for edge in scene["edges"]}
    return [name for name in LOOKS if name in found]
