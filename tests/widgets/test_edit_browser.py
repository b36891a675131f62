"""The browser's own arithmetic (frontend/src/rerun.ts) against the engine's replay: every value and message."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradviz as torch
from gradviz.widgets.whatif.edit_graph import EditGraph
from gradviz.widgets.whatif.edit_source import shown
from gradviz.widgets.whatif.program import ELEMENTS, KNOWN, WHOLE
from tests.widgets.edit_programs import MANY, NODE, ONE, TWO, chain, differs, in_the_browser, leaf, pairs, single

SOURCES = Path(__file__).resolve().parents[2] / "frontend" / "src"
node = pytest.mark.skipif(NODE is None, reason="node is not installed")


def case(view: EditGraph, values: dict[str, list[float]]) -> tuple[dict[str, Any], Any]:
    """What the page would run again, and what the engine says."""
    assert view.why is None, view.why
    record = shown(view.source.base, None)
    needs = view._needs(view.source.base, record)
    given = {int(n): v for n, v in needs["given"].items()}
    given |= {needs["nodes"][key]: v for key, v in values.items()}
    changes = {view.source.places(view.source.base)[key]: v for key, v in values.items()}
    shapes = {n: np.asarray(v).reshape(view.source.base.nodes[n]["shape"]) for n, v in changes.items()}
    return {"record": record, "given": given}, shown(view.source.base.replay(shapes), None)


def agree(programs: list[tuple[str, Any, list[Any], float, float]], relative: float) -> None:
    """Make every program, change its leaves, and compare all that is written down."""
    dice = random.Random(5)
    cases, wanted = [], []
    for _, function, leaves, low, high in programs:
        view = EditGraph(function, *leaves)
        values = {
            f"leaf {i}": [round(dice.uniform(low, high), 3) for _ in range(max(1, x.numel()))]
            for i, x in enumerate(leaves) if f"leaf {i}" in view.source.places(view.source.base)
        }  # fmt: skip
        made, want = case(view, values)
        cases.append(made)
        wanted.append(want)
    wrong = []
    for (name, *_), want, got in zip(programs, wanted, in_the_browser(cases), strict=True):
        if got.get("error"):
            wrong.append(f"{name}: {got['error']}")
            continue
        numbers = [abs(float(v)) for n in want["nodes"] for v in n["value"]["data"]]
        scale = max([v for v in numbers if v < 1e30], default=1.0)
        for where, a, b in pairs(want, got["record"]):
            far = differs(a, b, relative, min(scale, 1.0) if scale else 1.0)
            if far is not None:
                wrong.append(f"{name}: {where}: engine {a and a['data']}, browser {b and b['data']}")
    assert not wrong, "\n".join(wrong)


@node
@pytest.mark.parametrize(("dtype", "relative"), [(torch.float32, 1e-6), (torch.float64, 1e-12)])
def test_every_operation_of_elements(dtype: Any, relative: float) -> None:
    dice = random.Random(1)
    programs = []
    for text, low, high in ONE:
        x = leaf((), low, high, dice, dtype)
        programs.append((text, written(text, 1.5), [x], low, high))
    for text, low, high in TWO:
        x, y = (leaf((), low, high, dice, dtype) for _ in "xy")
        programs.append((text, written(text), [x, y], low, high))
        x, y = leaf((2, 3), low, high, dice, dtype), leaf((3,), low, high, dice, dtype)
        if "loss" not in text and "prelu" not in text:
            programs.append((text + " stretched", written(text), [x, y], low, high))
    agree(programs, relative)


def written(text: str, times: float = 1.0) -> Any:
    """The function that an expression of x, y and z is."""

    def run(*given: Any) -> Any:
        made = single(text, **dict(zip("xyz", given, strict=False)))
        return made * times if times != 1 else made

    return run


@node
@pytest.mark.parametrize(("dtype", "relative"), [(torch.float32, 1e-6), (torch.float64, 1e-12)])
def test_operations_on_small_tensors(dtype: Any, relative: float) -> None:
    dice = random.Random(2)
    programs = []
    for text, shapes in MANY:
        leaves = [leaf(shape, 0.2, 1.5, dice, dtype) for shape in shapes]
        programs.append((f"{text} {shapes}", written(text), leaves, 0.2, 1.5))
    agree(programs, relative)


@node
@pytest.mark.parametrize(("dtype", "relative"), [(torch.float32, 1e-6), (torch.float64, 1e-12)])
def test_random_programs(dtype: Any, relative: float) -> None:
    programs = []
    for seed in range(120):
        run, leaves = chain(random.Random(seed), dtype)
        programs.append((f"seed {seed}", run, leaves, 0.3, 1.6))
    agree(programs, relative)


def test_python_knows_what_the_browser_knows() -> None:
    tables = {name: (SOURCES / f"{name}.ts").read_text("utf-8") for name in ("scalar", "elements", "tensor")}
    body = {
        "scalar": tables["scalar"].partition("export const OPS")[2].partition("\n};")[0],
        "elements": tables["elements"].partition("export const ELEMENTS")[2].partition("\n};")[0],
        "tensor": tables["tensor"].partition("export const WHOLE")[2].partition("\n};")[0],
    }
    names = {name: set(re.findall(r"^  (\w+): ", text, re.MULTILINE)) for name, text in body.items()}
    names["tensor"] |= set(re.findall(r"(?<=[,] )(\w+): (?:same|extreme|arg)\b", body["tensor"]))
    assert names["scalar"] == KNOWN
    assert names["scalar"] | names["elements"] == ELEMENTS
    assert names["tensor"] == WHOLE | {"detach"} - {""}
