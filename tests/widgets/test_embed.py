"""What goes into a page: every value once, numbers that print the same, and a limit on bytes that is kept."""

from __future__ import annotations

import base64
import json
import random
import zlib
from typing import Any

import pytest

import gradviz as torch
from gradviz.widgets import BackpropStepper
from gradviz.widgets.graph.embed import STATS, digits, embed
from gradviz.widgets.graph.graphview import allowed
from gradviz.widgets.replay import compact, pack


def restored(data: dict[str, Any]) -> dict[str, Any]:
    """The record as the viewer gets it back (as frontend/src/unpack.ts does it)."""

    def value(i: int | None) -> dict[str, Any] | None:
        if i is None:
            return None
        shape, dtype, numbers, *stats = data["values"][i]
        return {
            "shape": shape,
            "dtype": dtype,
            "data": numbers,
            **dict(zip(STATS, *stats, strict=True) if stats else {}),
        }

    def walk(part: Any) -> Any:
        if isinstance(part, list):
            return [walk(item) for item in part]
        if isinstance(part, dict):
            return {k: value(v) if k in VALUES and not isinstance(v, dict) else walk(v) for k, v in part.items()}
        return part

    VALUES = {"grad", "before", "after", "local", "product", "sum"}
    nodes = [{**node, "value": value(node["value"])} for node in data["record"]["nodes"]]
    return {"nodes": nodes, "steps": walk(data["record"]["steps"])}


def run() -> BackpropStepper:
    w = torch.tensor([[0.1, -0.2], [0.3, 0.7]], requires_grad=True)
    return BackpropStepper(lambda: torch.tanh(w @ torch.tensor([1.0, float("nan")])).sum() + (w * w).sum())


def printed(value: Any) -> Any:
    """A value as it is shown: every number with six digits."""
    if isinstance(value, float):
        return format(value, ".6g")
    if isinstance(value, dict):
        return {k: printed(v) for k, v in value.items()}
    return [printed(v) for v in value] if isinstance(value, list) else value


def test_everything_shown_survives() -> None:
    view = run()
    back = restored(embed(view.record, view.scenes))
    for node, kept in zip(view.record["nodes"], back["nodes"], strict=True):
        for key in ("label", "kind", "shape", "inputs", "requires_grad", "forward", "rules", "line"):
            assert kept.get(key) == node[key] or node[key] in (None, "", {}, []), key
        assert printed(kept["value"]["data"]) == printed(node["value"]["data"])
    for step, kept in zip(view.record["steps"], back["steps"], strict=True):
        for message, other in zip(step.get("messages", ()), kept.get("messages", ()), strict=True):
            for key in ("product", "sum"):
                assert printed(other[key]["data"]) == printed(message[key]["data"])
                if len(message[key]["data"]) > 1:
                    assert all(printed(other[key][s]) == printed(message[key][s]) for s in STATS)


def test_each_value_is_kept_once() -> None:
    data = embed(*(lambda v: (v.record, v.scenes))(run()))
    rows = [repr(row) for row in data["values"]]
    assert len(rows) == len(set(rows))


@pytest.mark.parametrize("value", [0.1, 1 / 3, -1e-300, 123456.5, 0.1234565, 2.5, float("inf"), 7, True, "nan", None])
def test_digits_print_the_same(value: Any) -> None:
    short = digits(value)
    assert type(short) is type(value)
    assert printed(short) == printed(value)


def test_digits_of_many_numbers() -> None:
    draw = random.Random(0)
    for _ in range(20_000):
        value = draw.gauss(0, 1) * 10 ** draw.randint(-12, 12)
        assert format(digits(value), ".6g") == format(value, ".6g")


def test_no_nan_reaches_json() -> None:
    data = embed(*(lambda v: (v.record, v.scenes))(run()))
    json.loads(compact(data), parse_constant=lambda word: pytest.fail(word))


def test_packing_is_what_a_browser_unpacks() -> None:
    text = "é ∂ < >" * 100
    assert zlib.decompress(base64.b64decode(pack(text))).decode() == text
    assert pack(text) == pack(text)
    assert set(pack(text)) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=")


def chain(ops: int, width: int) -> BackpropStepper:
    """A record of about `ops` nodes, each of `width` different numbers."""
    w = torch.linspace(0.9, 1.1, width, requires_grad=True) if width > 1 else torch.tensor(0.99, requires_grad=True)
    y = w
    with torch.record({"w": w}) as tape:
        for k in range(ops):
            y = torch.sin(y * w) if k % 2 else y + w
        loss = y.sum()
    return BackpropStepper(tape) if loss is not None else None


@pytest.mark.parametrize(("ops", "width"), [(20, 1), (130, 1), (130, 64), (1100, 1), (1100, 64)])
def test_output_stays_within_its_bytes(ops: int, width: int) -> None:
    view = chain(ops, width)
    html = view.to_html()
    assert len(html) <= allowed(len(view.record["nodes"])) <= 500_000
    assert allowed(200) <= 120_000
