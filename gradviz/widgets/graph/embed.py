"""A recording and its pictures as the viewer wants them: small. Every value is kept once and named by number.

A record repeats itself: a message's product is often the sum, the sum the gradient, the local derivative a saved value.
Numbers are cut to nine digits, which still print the same at six. If the page would be too large, the elements of the
larger tensors are left out first (their statistics stay), and the page says so.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from gradviz.viz.measure import clean
from gradviz.widgets.graph.condense import condensed

STATS = ("min", "max", "mean", "std", "norm", "nan", "inf", "zero")
NAME = 80  # characters of a name
LIMITS = (64, 16, 4, 1)  # elements kept of a tensor, from the most to the least
LEFT_OUT = (
    "To keep this page small, tensors of more than {} numbers are shown by their statistics",
    "To keep this page small, only single numbers are shown, and the statistics of tensors",
)
NODE_KEYS = (
    "n", "kind", "op", "name", "label", "path", "module", "inputs", "shape", "dtype", "requires_grad", "forward",
    "rules", "line", "settings",
)  # fmt: skip
SCENE_KEYS = ("width", "height", "direction", "rows", "nodes", "edges", "groups", "note")


def budget(nodes: int) -> int:
    """Bytes of deflated data an output may have: 33 kB up to 200 nodes, growing to 173 kB at 1,600."""
    return 33_000 + 100 * max(0, min(nodes, 1600) - 200)


def digits(value: Any) -> Any:
    """A number with nine digits where it then still prints the same with six."""
    if type(value) is not float:
        return value
    text = f"{value:.8e}"
    short = float(text)
    # Rounding twice differs from rounding once only where the first ends in the middle: 1.23456500.
    return short if "500e" not in text or format(short, ".6g") == format(value, ".6g") else value


def line(text: str, most: int = NAME) -> str:
    """Whatever a learner may have written, as one visible line of at most `most` characters."""
    text = clean(text[: most + 1])
    return text if len(text) <= most else text[: most - 1] + "…"


class _Values:
    """The table of values: each different one once, in order of appearance."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.rows: list[list[Any]] = []
        self.index: dict[str, int] = {}
        self.by_id: dict[int, int] = {}  # a record often holds one and the same value several times

    def add(self, value: Mapping[str, Any] | None) -> int | None:
        if value is None:
            return None
        known = self.by_id.get(id(value))
        if known is None:
            known = self.by_id[id(value)] = self._row(value)
        return known

    def _row(self, value: Mapping[str, Any]) -> int:
        data = value.get("data")
        if data is not None and len(data) > self.limit:
            data = None
        row: list[Any] = [value["shape"], value["dtype"], None if data is None else [digits(v) for v in data]]
        if data is None or len(data) != 1:
            row.append([digits(value.get(name)) for name in STATS])
        key = repr(row)
        if key not in self.index:
            self.index[key] = len(self.rows)
            self.rows.append(row)
        return self.index[key]


def _node(node: Mapping[str, Any], values: _Values) -> dict[str, Any]:
    kept = {key: node[key] for key in NODE_KEYS if node.get(key) not in (None, "", {}, [])}
    kept |= {key: True for key in ("view", "inplace") if node.get(key)}
    kept |= {key: line(kept[key]) for key in ("op", "name", "label", "path", "module") if key in kept}
    if "line" in kept:
        kept["line"] = {**kept["line"], "text": line(kept["line"]["text"], 300), "file": line(kept["line"]["file"])}
    kept["value"] = values.add(node.get("value"))
    return kept


def _step(step: Mapping[str, Any], values: _Values) -> dict[str, Any]:
    kept = dict(step)
    for key in ("grad", "before", "after"):
        if key in kept:
            kept[key] = values.add(kept[key])
    if "messages" in kept:
        kept["messages"] = [
            {**m, **{key: values.add(m.get(key)) for key in ("local", "product", "sum")}} for m in kept["messages"]
        ]
    return kept


def _numbers(record: Mapping[str, Any]) -> list[list[Any]]:
    """The elements of every value of a record that holds its elements."""
    found: dict[int, list[Any]] = {}
    for part in (*record["nodes"], *record["steps"]):
        for holder in (part, *part.get("messages", ())):
            for key in ("value", "grad", "before", "after", "local", "product", "sum"):
                value = holder.get(key)
                if value and value.get("data"):
                    found[id(value)] = value["data"]
    return list(found.values())


def embed(
    record: Mapping[str, Any],
    scenes: Sequence[Mapping[str, Any]],
    *,
    title: str = "",
    backward: bool = True,
    parts: Sequence[str] = (),
    extra: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The viewer's data for a record and the scenes (folding depths) it may show.

    `parts` are what is added to the viewer (frontend/src/parts/), `extra` is what they need, by part.
    """
    from gradviz.widgets.replay import compact

    record, scenes = condensed(record, scenes)
    drawn = [{key: scene[key] for key in SCENE_KEYS if scene.get(key) is not None} for scene in scenes]
    room, numbers = budget(len(record["nodes"])), _numbers(record)
    for limit in LIMITS:
        # The different numbers alone may need more room: at nine digits each takes at least two bytes, deflated.
        if limit > LIMITS[-1] and 2 * len(set().union(*(d for d in numbers if len(d) <= limit))) > room:
            continue
        values = _Values(limit)
        data = {
            "title": line(title, 200),
            "backward": backward,
            "scenes": drawn,
            "record": {
                "nodes": [_node(node, values) for node in record["nodes"]],
                "steps": [_step(step, values) for step in record["steps"]],
            },
            "values": values.rows,
            **({"parts": list(parts)} if parts else {}),
            **({"extra": dict(extra)} if extra else {}),
            **({"note": LEFT_OUT[limit == 1].format(limit)} if limit < LIMITS[0] else {}),
        }
        if limit == LIMITS[-1] or len(zlib.compress(compact(data).encode(), 6)) <= room:
            return data
    raise AssertionError("unreachable")
