"""Facts in the prose of lesson 19: rates, launches, error texts, and which size wins."""

from __future__ import annotations

import re
from typing import Any

import pytest

pytest.importorskip("jupytext", reason="jupytext is not installed: the lessons' sources cannot be read")

import gradviz as torch
from gradviz.teach import source
from gradviz.teach.course import lesson
from tests.gpu.run_kernel import needs_compiler
from tests.gpu.stand_in import two_gpus
from tests.notebooks.run_plain import code_of, run_cells
from tests.strict_machine import here

TEXT = lesson("19").source.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    """What the lesson's cells have made."""
    made: dict[str, Any] = {"__name__": "__main__"}
    run_cells(code_of(source.solved(lesson("19"))), made)
    return made


def test_the_rates(names: dict[str, Any]) -> None:
    core, t4, a100 = names["CORE"], names["T4"], names["A100"]
    assert (core["flops"], core["memory"]) == (96e9, 51.2e9)
    assert round(t4["flops"] / core["flops"]) == 84
    assert "84 times as many" in TEXT
    for card in (t4, a100):  # "the core reads its memory faster than the bus can carry it away"
        assert card["bus"] < core["memory"]


def test_a_number_travels_twelve_bytes_and_a_product_uses_it_n_times(names: dict[str, Any]) -> None:
    _, inputs = names["add"]["start"](1000, "cpu")
    assert sum(x.numel() * x.element_size() for x in inputs) + 4000 == names["add"]["copied"](1000)
    run, inputs = names["product"]["start"](30, "cpu")
    moved = sum(x.numel() * x.element_size() for x in (*inputs, run(*inputs)))
    assert moved == names["product"]["copied"](30)
    assert names["product"]["flop"](30) / (moved / 4) == pytest.approx(2 * 30 / 3)


def test_lenet_is_counted_right(names: dict[str, Any]) -> None:
    from gradviz.utils.flop_counter import FlopCounterMode

    run, inputs = names["training"]["start"](4, "cpu")
    with FlopCounterMode(display=False) as counter:
        run(*inputs)
    skipped = 4 * 2 * 6 * 75 * 28 * 28  # nobody asks for the gradient of the images
    assert counter.get_total_flops() == 4 * names["each"] - skipped
    assert sum(x.numel() * x.element_size() for x in inputs) == 4 * names["image"]


def test_a_batch_of_4_loses_and_one_of_64_wins(names: dict[str, Any]) -> None:
    def wins(n: int) -> bool:
        work = {"flop": n * names["each"], "touched": n * names["image"]}
        gpu = names["seconds"](names["T4"], **work, copied=n * names["image"], launches=names["training"]["launches"])
        return bool(gpu < names["seconds"](names["CORE"], **work))

    assert (wins(4), wins(64)) == (False, True)


@needs_compiler
def test_the_calls_of_a_step_are_counted(names: dict[str, Any]) -> None:
    """No GPU code is executed."""
    with two_gpus():
        run, inputs = names["lenet"](4, "cuda")
        inputs = [x.to("cuda") for x in inputs]
        for _ in range(3):
            here.reset()
            run(*inputs)
        counted = sum(here.launches.values())
    assert f"is about {names['calls']} calls" in TEXT
    assert names["calls"] == pytest.approx(counted, rel=0.15)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_the_error_without_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(AssertionError) as caught:
        torch.ones(2).to("cuda")
    block = re.search(r"```text\n(.*?)\n```", TEXT, re.DOTALL)
    assert block is not None
    assert block.group(1) == "\n".join([str(caught.value), *caught.value.__notes__])


def test_the_text_of_two_devices() -> None:
    from gradviz.teach.check import checks_module

    module = checks_module("19")
    with pytest.raises(RuntimeError) as caught:
        torch.nn.Linear(2, 2).to(module.played())(torch.ones(3, 2))
    assert f"`{str(caught.value).splitlines()[0].split(' (')[0]}" in TEXT


@needs_compiler
def test_the_lesson_prints_the_same_where_there_is_a_gpu() -> None:
    """No GPU code is executed."""
    cells = [code.replace("range(10)", "range(1)") for code in code_of(source.read(lesson("19")))]
    without = [printed for printed, _ in run_cells(cells, {"__name__": "__main__"})]
    with two_gpus():
        assert torch.cuda.is_available()
        names: dict[str, Any] = {"__name__": "__main__"}
        found = [printed for printed, _ in run_cells(cells, names)]
        assert names["device"] == "cuda"
        assert names["loss"].device.type == "cuda"
    assert found == without
