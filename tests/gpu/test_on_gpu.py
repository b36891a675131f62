"""What only a GPU can show: `pytest -m gpu`. One skip, with the reason, where there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest

import gradviz
from gradviz import nn
from gradviz.core.device import as_device
from gradviz.gpu import products
from gradviz.gpu.backend import cupy, why_not
from gradviz.gpu.philox import Philox
from gradviz.optim._muon import STRETCH
from tests.nn.layers import LAYERS
from tests.nn.rows import ROWS
from tests.nn.steps import compare, train
from tests.optim.runs import CASES, label, shapes_of
from tests.optim.test_strict_device import after
from tests.oracle.same import Sample, same_on_device
from tests.oracle.samples import params

from . import facts, test_batched, test_capturable
from .test_cuda import DRAWS
from .test_launches import NETS, training

pytestmark = pytest.mark.gpu
if why_not():
    pytest.skip(f"no GPU code is executed: {why_not()}", allow_module_level=True)
cuda = gradviz.cuda


@pytest.fixture(autouse=True)
def as_on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Errors at once; no TF32, which cuDNN may use unless it is forbidden."""
    monkeypatch.setenv("CUDA_LAUNCH_BLOCKING", "1")
    with gradviz.backends.cudnn.flags(enabled=True, allow_tf32=False):
        yield


@pytest.mark.parametrize("row", [p for p in params(skip=("random",)) if "manual_seed" not in str(p.values[0])])
@np.errstate(all="ignore")
def test_operations(row: Sample) -> None:
    same_on_device(row, as_device("cuda"))


@pytest.mark.parametrize("row", [pytest.param(row, id=f"{i} {row}") for i, row in enumerate(ROWS)])
@np.errstate(all="ignore")
def test_functions(row: Sample) -> None:
    same_on_device(row, as_device("cuda"))


@pytest.mark.parametrize(("code", "wanted"), [pytest.param(*row, id=f"{i} {row[0]}") for i, row in enumerate(LAYERS)])
def test_layers(code: str, wanted: list[Any]) -> None:
    if "ropout" in code or "RReLU" in code:
        pytest.skip("draws from the device's own generator, not from the CPU's")
    compare(*(train(gradviz, code, wanted, device) for device in (as_device("cuda"), None)))


@pytest.mark.parametrize(("name", "options"), CASES, ids=label)
def test_optimisers(name: str, options: dict[str, Any]) -> None:
    for n, (ours, cpu) in enumerate(zip(after(name, options, "cuda"), after(name, options, "cpu"), strict=True)):
        parameter = n < len(shapes_of(name)) + 1
        atol = muons_rounding(options, ours.shape) if name == "Muon" and parameter else 1e-6
        np.testing.assert_allclose(ours, cpu, rtol=1e-5, atol=atol)


def muons_rounding(options: dict[str, Any], shape: tuple[int, ...]) -> float:
    """How far four steps of Muon may differ where products are added up in another order.

    Each step is a matrix of numbers up to 1, rounded to bfloat16 after every product: a sum beside the middle of two
    bfloat16 numbers becomes the one or the other. PyTorch's own tests leave such comparisons out for this reason
    (torch/testing/_internal/common_optimizers.py).
    """
    stretch = STRETCH[options.get("adjust_lr_fn") or "original"](*shape)
    return float(4 * options.get("lr", 1e-3) * stretch * gradviz.finfo(gradviz.bfloat16).eps)


@pytest.mark.filterwarnings("ignore:This instance was constructed with capturable")
@pytest.mark.parametrize(("name", "options"), test_capturable.BY_KERNEL, ids=label)
def test_optimisers_that_count_their_steps_on_the_device(name: str, options: dict[str, Any]) -> None:
    wanted, _ = test_capturable.after(name, options, "cpu", "float32")
    found, _ = test_capturable.after(name, {**options, "capturable": True}, "cuda", "float32")
    for ours, cpu in zip(found, wanted, strict=True):
        np.testing.assert_allclose(ours, cpu, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("name", "options"), test_capturable.CASES, ids=label)
def test_optimisers_inside_a_graph(name: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_LAUNCH_BLOCKING")
    captured, plain = (test_capturable.captured_or_not(name, options, which) for which in (True, False))
    for ours, eager in zip(captured, plain, strict=True):
        np.testing.assert_allclose(ours, eager, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("what", facts.EXPRESSIONS)
def test_facts(what: str) -> None:
    assert facts.outcome(facts.EXPRESSIONS[what], cupy()) == facts.known()["facts"][what]


@pytest.mark.parametrize(("expression", "twin"), DRAWS, ids=[row[0] for row in DRAWS])
def test_what_the_device_draws_its_twin_draws(expression: str, twin: Any) -> None:
    gradviz.manual_seed(11)
    draws = Philox(11)
    for _ in range(2):
        drawn, want = eval(expression, {"torch": gradviz, "d": "cuda"}), twin(draws)
        assert drawn.cpu().numpy().astype(want.dtype).ravel().tobytes() == want.tobytes()


def test_a_million_numbers_bit_for_bit() -> None:
    gradviz.cuda.manual_seed(5)
    drawn = gradviz.randn(10**6 + 3, device="cuda").cpu().numpy()
    assert drawn.tobytes() == Philox(5).normal(10**6 + 3, np.float32).tobytes()


@pytest.mark.parametrize("clip", [False, True])
@pytest.mark.parametrize("name", NETS)
def test_a_captured_step_trains_as_the_step_does(name: str, clip: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_LAUNCH_BLOCKING")
    batches = [(gradviz.rand(4, 3, 32, 32), gradviz.randint(0, 10, (4,))) for _ in range(4)]

    def losses(captured: bool) -> list[float]:
        gradviz.manual_seed(1)
        step, x, y = training(NETS[name](), "cuda", clip)
        cuda.manual_seed(2)
        if captured:
            run: Any = cuda.make_graphed_step(step, (x, y), num_warmup_iters=2)
        else:
            run = step
            for _ in range(2):
                step(x, y)
        return [run(a.cuda(), b.cuda()).item() for a, b in batches]

    np.testing.assert_allclose(losses(True), losses(False), rtol=1e-4)


def test_capture_shows_its_graph() -> None:
    x = gradviz.ones(3, device="cuda")
    made = cuda.CUDAGraph()
    with cuda.graph(made):
        y = x * 2 + 1
    assert "digraph" in made.debug_dot()
    x.fill_(5)
    made.replay()
    assert y.tolist() == [11.0] * 3


def test_dlpack_both_ways() -> None:
    x = gradviz.arange(6.0, device="cuda").reshape(2, 3)
    theirs = cupy().from_dlpack(x)
    assert theirs.data.ptr == x.data_ptr()
    back = gradviz.from_dlpack(theirs)
    assert (back.data_ptr(), str(back.device)) == (x.data_ptr(), str(x.device))
    assert gradviz.as_tensor(theirs, device="cuda").data_ptr() == x.data_ptr()
    assert cupy().asarray(x).data.ptr == x.data_ptr()


def test_memory_is_steady_over_many_steps() -> None:
    step, x, y = training(nn.Sequential(nn.Flatten(), nn.Linear(3072, 64), nn.ReLU(), nn.Linear(64, 10)), "cuda")
    for _ in range(5):
        step(x, y)
    before = cuda.memory_allocated()
    for _ in range(200):
        step(x, y)
    assert cuda.memory_allocated() == before
    assert cuda.max_memory_allocated() >= before
    assert cuda.memory_reserved() >= before


def test_no_more_memory() -> None:
    with pytest.raises(cuda.OutOfMemoryError, match=r"CUDA out of memory\. Tried to allocate"):
        gradviz.empty(2**50, dtype=gradviz.uint8, device="cuda")


def test_events_tell_time_in_order() -> None:
    start, middle, end = (cuda.Event(enable_timing=True) for _ in range(3))
    x = gradviz.rand(1000, 1000, device="cuda")
    start.record()
    y = x @ x
    middle.record()
    (y @ y).sum()
    end.record()
    cuda.synchronize()
    assert 0 < start.elapsed_time(middle) < start.elapsed_time(end)


def test_streams_wait_for_one_another() -> None:
    side = cuda.Stream()
    x = gradviz.ones(2000, 2000, device="cuda")
    side.wait_stream(cuda.current_stream())
    with cuda.stream(side):
        y = x @ x
    x.record_stream(side)
    cuda.current_stream().wait_stream(side)
    assert float(y[0, 0]) == 2000


def test_pinned_memory_travels_without_waiting() -> None:
    x = gradviz.rand(1 << 20, pin_memory=True)
    there = x.to("cuda", non_blocking=True)
    back = there.to("cpu", non_blocking=True)
    cuda.synchronize()
    assert back.is_pinned()
    assert (back.numpy() == x.numpy()).all()


@pytest.fixture
def precision() -> Iterator[Callable[[str], None]]:
    """Sets how exactly matrices of float32 are multiplied, until the end of the test."""
    matmul = gradviz.backends.cuda.matmul
    before = matmul.fp32_precision
    yield partial(setattr, matmul, "fp32_precision")
    matmul.fp32_precision = before


@pytest.mark.parametrize("shapes", [((256, 512), (512, 128)), ((4, 64, 512), (4, 512, 64))], ids=["two", "a batch"])
def test_tf32_where_it_is_allowed(shapes: Any, precision: Callable[[str], None]) -> None:
    a, b = (gradviz.rand(*shape) for shape in shapes)
    exact = (a.double() @ b.double()).numpy()
    off = {}
    for word in ("ieee", "tf32", "ieee"):
        precision(word)
        off[word] = np.abs((a.cuda() @ b.cuda()).cpu().numpy() / exact - 1).max()
    assert off["ieee"] < 5e-6
    by = products.cublas(cupy(), 0)
    if by.capability >= products.AMPERE:
        assert 1e-5 < off["tf32"] < 1e-3
    ours, held = gradviz.rand(64, 64, device="cuda"), by.held()
    precision("tf32")
    ours @ ours
    assert by.held() == held


@pytest.mark.parametrize("kind", ["float16", "bfloat16"])
def test_sixteen_bits_are_added_up_in_thirty_two(kind: str) -> None:
    dtype = getattr(gradviz, kind)
    a, b, x = (gradviz.rand(*shape).to(dtype) for shape in ((40, 3000), (3000, 50), (50,)))
    for ours, cpu in (
        (a.cuda() @ b.cuda(), a @ b),
        (a.cuda()[0] @ b.cuda()[:, 0], a[0] @ b[:, 0]),
        (gradviz.addmm(x.cuda(), a.cuda(), b.cuda()), gradviz.addmm(x, a, b)),
        (a.cuda().reshape(2, 20, 3000) @ gradviz.stack([b, b]).cuda(), a.reshape(2, 20, 3000) @ gradviz.stack([b, b])),
    ):
        tolerance = 2 * gradviz.finfo(dtype).eps
        np.testing.assert_allclose(ours.float().cpu().numpy(), cpu.float().numpy(), rtol=tolerance)


@pytest.mark.parametrize("kind", test_batched.KINDS)
def test_batches_that_lie_in_memory_in_any_way(kind: str) -> None:
    dtype = getattr(gradviz, kind)
    tolerance = {"float16": 5e-3, "bfloat16": 4e-2, "float64": 1e-12, "complex128": 1e-12}.get(kind, 1e-5)
    for left, _ in test_batched.LAYOUTS.values():
        for right, _ in test_batched.LAYOUTS.values():
            for count, n, k, m in test_batched.SIZES:
                a, b = gradviz.rand(count, n, k).to(dtype).cuda(), gradviz.rand(count, k, m).to(dtype).cuda()
                test_batched.compared(left(a), right(b), tolerance)
