"""DeviceCrossover: costs are the formula's, crossovers those of trying every n, and what is measured is real."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import pytest

import gradviz as torch
from gradviz.widgets import DeviceCrossover
from gradviz.widgets.device import crossover_measure
from gradviz.widgets.device.crossover_model import cost, crossover, machine_of, sizes, work_of
from gradviz.widgets.device.crossover_svg import time_text
from tests.gpu.run_kernel import needs_compiler
from tests.gpu.stand_in import two_gpus

HOSTILE = "\"><img src=x onerror=alert(1)><script>alert(2)</script>&'\n\u202e" + "x" * 10_000
CORE = {"flops": 96e9, "memory": 51.2e9}
T4 = {"flops": 8.1e12, "memory": 300e9, "bus": 16e9, "launch": 3.8e-6}
A100 = {"flops": 19.5e12, "memory": 1935e9, "bus": 32e9, "launch": 3.8e-6}


def work(**changes: Any) -> dict[str, Any]:
    """A product of matrices."""
    made: dict[str, Any] = {
        "start": lambda n, device: (torch.matmul, (torch.rand(n, n), torch.rand(n, n))),
        "flop": lambda n: 2 * n**3,
        "copied": lambda n: 12 * n**2,
    }
    return made | changes


def add(**changes: Any) -> dict[str, Any]:
    start = lambda n, device: (torch.add, (torch.rand(n), torch.rand(n)))
    return {"start": start, "flop": lambda n: n, "copied": lambda n: 12 * n, "most": 2**22} | changes


def view(**settings: Any) -> DeviceCrossover:
    return DeviceCrossover({"a @ b": work(), "a + b": add()}, cpu=CORE, gpus={"T4": T4, "A100": A100}, **settings)


# -- what is computed --------------------------------------------------------------------------------------------------
def test_every_number_is_the_formulas() -> None:
    made = view(work="a + b")
    for n in (1, 1000, 2**22):
        cpu, gpu = made.seconds(n, gpu=False), made.seconds(n)
        assert cpu.total == max(n / 96e9, 12 * n / 51.2e9)
        assert (gpu.launch, gpu.copy, gpu.work) == (3.8e-6, 12 * n / 16e9, max(n / 8.1e12, 12 * n / 300e9))
        assert gpu.total == gpu.launch + gpu.copy + gpu.work
        assert made.seconds(n, copies=False).copy == 0
    row = next(row for row in made.table() if row[0] == "1024")
    times = (12288 / 51.2e9, 3.8e-6, 12288 / 16e9, 12288 / 300e9, made.seconds(1024).total)
    assert row[1:6] == [f"{1e6 * t:.4g}" for t in times]


@pytest.mark.parametrize("copies", [True, False])
@pytest.mark.parametrize("gpu", [T4, A100])
@pytest.mark.parametrize("given", [work(most=300), work(most=300, launches=107), add(most=30_000), add(most=100)])
def test_the_crossover_is_found_as_by_trying_every_n(
    given: dict[str, Any], gpu: dict[str, float], copies: bool
) -> None:
    it, cpu, card = work_of("w", given), machine_of("cpu", CORE), machine_of("gpu", gpu)
    wins = [cost(card, it, n, copies).total < cost(cpu, it, n, copies).total for n in range(1, it.most + 1)]
    want = None if not wins[-1] else it.most - wins[::-1].index(False) + 1 if False in wins else 1
    assert crossover(it, cpu, card, copies) == want


def test_from_where_on_means_from_where_on() -> None:
    """A work that is large for one n: the GPU wins there, and only later for good."""
    it = work_of("w", work(flop=lambda n: 1e12 if n == 4 else n, copied=lambda n: 12, most=4096))
    slow = machine_of("gpu", {**T4, "launch": 1e-8})
    found = crossover(it, machine_of("cpu", {"flops": 96e9, "memory": 1e12}), slow, False)
    assert found is not None
    assert found > 4


def test_sizes_go_up_by_half_octaves_to_the_largest() -> None:
    assert sizes(16) == [1, 2, 3, 4, 6, 8, 11, 16]
    assert sizes(1000)[-2:] == [724, 1000]
    assert sizes(2) == [1, 2]
    assert sizes(2**30)[-1] == 2**30
    assert len(sizes(2**30)) == len(set(sizes(2**30))) < 64


def test_what_the_page_gets_is_what_the_text_says() -> None:
    made = view()
    data = made.to_json()
    assert [one["from"] for one in data["works"]] == [[[58, 73], [57, 64]], [[19550, None], [16654, None]]]
    assert "T4 is faster from n = 73 on" in made.to_text()
    assert "at no n" in made.to_text()
    assert made.crossover() == 73
    assert made.crossover(copies=False) == 58
    assert view(gpu="A100", copies=False).crossover() == 57
    assert "nothing here was measured" in made.to_text()
    assert data["cpu"]["bus"] is None
    assert "n, rows" in DeviceCrossover({"w": work(unit="rows")}, cpu=CORE, gpus={"g": T4}).to_svg()


def test_times_in_the_picture_have_the_unit_that_suits_them() -> None:
    times = [2.0, 0.9996, 1.234e-3, 3.8e-6, 4.0657e-4, 5e-10, 0.0]
    assert [time_text(t) for t in times] == ["2 s", "1 s", "1.23 ms", "3.8 µs", "407 µs", "0.5 ns", "0 ns"]


# -- what is measured --------------------------------------------------------------------------------------------------
def told_by(made: DeviceCrossover) -> list[Any]:
    """What a page would hear."""
    heard: list[Any] = []
    made.tell = lambda message, buffers=(): heard.append(message)  # type: ignore[method-assign]
    return heard


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crossover_measure, "SAMPLE", 1e-5)
    monkeypatch.setattr(crossover_measure, "BYTES", 1e5)


def test_the_cpu_is_measured_and_the_notebook_does_not_know(quick: None) -> None:
    made = view()
    before = made.to_html()
    heard = told_by(made)
    made.hear({"measure": 0}, ())
    points = [m["point"] for m in heard if "point" in m]
    assert heard[-1] == {"done": 0}
    assert [(w, place, n) for w, place, n, _ in points] == [(0, "cpu", 2**k) for k in range(7)]
    assert all(0 < seconds < 1 for *_, seconds in points)
    assert made.to_html() == before
    made.hear({"here": True}, ())
    assert heard[-1]["points"] == points
    made.hear({"measure": 0}, ())  # again: the new ones replace the old
    made.hear({"here": True}, ())
    assert len(heard[-1]["points"]) == len(points)
    assert heard[-1]["points"] != points


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_the_page_is_told_why() -> None:
    made = view()
    heard = told_by(made)
    made.hear({"here": True}, ())
    assert heard[-1]["here"] == ["cpu"]
    assert heard[-1]["why"].startswith("CuPy")


def test_a_call_is_timed_and_a_device_waited_for() -> None:
    clock = iter(range(10**6))
    calls: list[str] = []
    before = crossover_measure.perf_counter
    crossover_measure.perf_counter = lambda: float(next(clock)) * 1e-3  # every look at the clock is a millisecond later
    try:
        took = crossover_measure.timed(lambda: calls.append("call"), lambda: calls.append("wait"))
    finally:
        crossover_measure.perf_counter = before
    assert took == pytest.approx(1e-3 / 4)  # four calls a sample, one look before and one after
    assert calls == ["call", "wait"] * 2 + (["call"] * 4 + ["wait"]) * 5
    assert crossover_measure.timed(lambda: None) < 1e-3


def test_a_failing_start_is_told_and_random_numbers_are_left_alone(quick: None) -> None:
    def start(n: int, device: str) -> Any:
        torch.rand(3)
        if n > 2:
            raise RuntimeError("too large for me")
        return torch.relu, (torch.rand(n),)

    made = DeviceCrossover({"w": work(start=start)}, cpu=CORE, gpus={"T4": T4})
    heard = told_by(made)
    torch.manual_seed(5)
    want = torch.rand(2)
    torch.manual_seed(5)
    made.hear({"measure": 0}, ())
    assert torch.equal(torch.rand(2), want)
    assert heard[-1] == {"done": 0, "failed": "RuntimeError: too large for me"}
    assert [m["point"][2] for m in heard[:-1]] == [1, 2]
    for which in (1, -1):
        with pytest.raises(ValueError, match="there is no work"):
            made.hear({"measure": which}, ())
    with pytest.raises(ValueError, match="there is no work"):
        DeviceCrossover({"w": work(start=None)}, cpu=CORE, gpus={"T4": T4}).hear({"measure": 0}, ())


@pytest.fixture
def card() -> Iterator[None]:
    with two_gpus():
        yield


@needs_compiler
def test_a_gpu_is_measured_with_copies_and_without(quick: None, card: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the stand-in: no GPU code is executed. Where the inputs are, and what comes back, is what counts."""
    monkeypatch.setattr(crossover_measure, "REPEATS", 1)
    seen: dict[str, set[str]] = {}
    waits: list[None] = []
    synchronize = torch.cuda.synchronize
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: (waits.append(None), synchronize())[1])

    def start(n: int, device: str) -> Any:
        def run(a: Any, b: Any) -> Any:
            seen.setdefault(device, set()).update((a.device.type, b.device.type))
            return a @ b

        return run, (torch.rand(n, n), torch.rand(n, n))

    made = DeviceCrossover({"w": work(start=start, most=4)}, cpu=CORE, gpus={"T4": T4})
    heard = told_by(made)
    made.hear({"here": True}, ())
    assert (heard[-1]["here"], heard[-1]["why"]) == (["cpu", "copies", "gpu"], "")
    made.hear({"measure": 0}, ())
    assert [m["point"][1:3] for m in heard[1:-1]] == [[p, n] for p in ("cpu", "copies", "gpu") for n in (1, 2, 4)]
    assert seen == {"cpu": {"cpu"}, "cuda": {"cuda"}}
    assert len(waits) == 2 * 3 * 3  # both ways of measuring, three sizes, three samples


def one(*, works: Any = None, cpu: Any = CORE, gpus: Any = None, **changes: Any) -> DeviceCrossover:
    """A picture of one work."""
    given = {"w": work(**changes)} if works is None else works
    return DeviceCrossover(given, cpu=cpu, gpus={"g": T4} if gpus is None else gpus)


# -- bad input, names, bytes -------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: one(works={}), TypeError, "works must be a dict of 1 to 6"),
        (lambda: one(gpus=[T4]), TypeError, "gpus must be a dict"),
        (lambda: one(cpu={"flops": 1.0}), ValueError, "'memory' is missing"),
        (lambda: one(cpu={**CORE, "speed": 1}), ValueError, "there is no 'speed'"),
        (lambda: one(cpu={**CORE, "flops": 0}), ValueError, "flops must be a positive number; got 0"),
        (lambda: one(gpus={"g": {**T4, "launch": -1}}), ValueError, "launch must be"),
        (lambda: one(gpus={"g": {**T4, "bus": math.nan}}), ValueError, "bus must be"),
        (lambda: one(works={"w": {"flop": len}}), ValueError, "'copied' is missing"),
        (lambda: one(works={"w": 3}), TypeError, "must be a dict with start, flop"),
        (lambda: one(flop=3), TypeError, "flop must be a function"),
        (lambda: one(flop=lambda n: -n), ValueError, r"flop\(1\)"),
        (lambda: one(copied=lambda n: "x"), ValueError, r"copied\(1\)"),
        (lambda: one(touched=lambda n: 10**400), ValueError, r"touched\(1\)"),
        (lambda: one(most=1), ValueError, "most must be"),
        (lambda: one(launches=0.5), ValueError, "launches must be"),
        (lambda: one(flop=lambda n: 0, copied=lambda n: 0), ValueError, "nothing to do"),
        (lambda: view(work="no"), KeyError, "there is no work 'no'"),
        (lambda: view(gpu="no"), KeyError, "there is no gpu 'no'"),
    ],
)
def test_bad_input_says_what_to_do(make: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        make()


def test_the_same_bytes_twice_and_hostile_names() -> None:
    def made() -> DeviceCrossover:
        return DeviceCrossover(
            {HOSTILE: work(unit=HOSTILE)}, cpu=CORE, gpus={HOSTILE: T4}, cpu_name=HOSTILE, title=HOSTILE
        )

    assert made().to_html() == made().to_html()
    for text in (made().to_html(), made().to_svg()):
        assert "<img src=x" not in text
        assert "<script>alert" not in text
        assert "\u202e" not in text
    json.dumps(made().to_json(), allow_nan=False)
    assert len(view().to_html()) < 60_000
