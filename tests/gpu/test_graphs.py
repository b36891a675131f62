"""CUDA graphs of modules and of steps, on the stand-in. No GPU code is executed.

A capture on the stand-in fails wherever the host would have to wait, as the driver's does, and leaves nonsense in
memory until it is replayed; memory is taken from the driver only by who has its leave.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradviz as torch
from gradviz import cuda, nn
from gradviz.gpu import capture_mode
from tests.strict_machine import here

from .run_kernel import needs_compiler

pytestmark = [needs_compiler, pytest.mark.usefixtures("machine")]


def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.LayerNorm(8), nn.Linear(8, 4)).to("cuda")


def batches(count: int = 3) -> list[tuple[Any, Any]]:
    draw = np.random.default_rng(3)
    return [
        (torch.tensor(draw.standard_normal((5, 6)), dtype=torch.float32, device="cuda"),
         torch.tensor(draw.integers(0, 4, 5), device="cuda"))
        for _ in range(count)
    ]  # fmt: skip


def trained(module: Any, loss_of: Any, params: list[Any]) -> list[Any]:
    """Losses, gradients of the last step and parameters of a short run."""
    optimizer = torch.optim.SGD(params, lr=0.1, momentum=0.9)
    losses = []
    for x, y in batches():
        optimizer.zero_grad()
        loss = loss_of(module(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return [losses, *(p.tolist() for p in params), *(p.grad.tolist() for p in params)]


def close(a: list[Any], b: list[Any]) -> None:
    for x, y in zip(a, b, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-6)


def test_a_module_whose_passes_are_graphs_trains_as_it_did() -> None:
    plain, module = net(), net()
    loss = nn.functional.cross_entropy
    made = cuda.make_graphed_callables(module, (torch.rand(5, 6, device="cuda"),))
    assert made is module
    close(trained(made, loss, list(made.parameters())), trained(plain, loss, list(plain.parameters())))
    (x, _), *_ = batches()
    here.reset()
    out = made(x)
    assert out.grad_fn.name() == "GraphedBackward"
    assert dict(here.launches) == {"setitem": 1}  # the input, into the graph's memory
    assert not here.waits
    made.eval()  # was captured while training: here it runs as it is
    assert made(x).grad_fn.name() == "AddmmBackward0"
    close([made(x).tolist()], [out.tolist()])


def test_several_share_their_memory_and_the_loss_may_be_one_of_them() -> None:
    first, second = net(), nn.Linear(4, 3).to("cuda")
    plain = nn.Sequential(net(), nn.Linear(4, 3).to("cuda"))
    plain[1].load_state_dict(second.state_dict())

    def loss_of(out: Any, y: Any) -> Any:
        return nn.functional.cross_entropy(out, y.clamp(max=2))

    params = [*first.parameters(), *second.parameters()]
    x, y = batches(1)[0]
    hidden, out = (
        torch.rand(5, 4, device="cuda", requires_grad=True),
        torch.rand(5, 3, device="cuda", requires_grad=True),
    )
    first, second, graphed_loss = cuda.make_graphed_callables((first, second, loss_of), ((x,), (hidden,), (out, y)))
    found = trained(lambda x: second(first(x)), graphed_loss, params)
    close(found, trained(plain, loss_of, list(plain.parameters())))


def test_outputs_in_tuples_and_dicts_and_inputs_that_learn() -> None:
    def function(x: Any, scale: Any) -> Any:
        return {"twice": x * 2, "both": (x * scale, [scale.exp()])}

    x, scale = torch.tensor([1.0, 2.0], device="cuda"), torch.tensor(3.0, device="cuda", requires_grad=True)
    made = cuda.make_graphed_callables(function, (x, scale))
    given = torch.tensor([4.0, 5.0], device="cuda"), torch.tensor(0.5, device="cuda", requires_grad=True)
    out = made(*given)
    assert out["twice"].tolist() == [8.0, 10.0]
    assert out["both"][0].tolist() == [2.0, 2.5]
    (out["both"][0].sum() + out["both"][1][0]).backward()
    assert given[1].grad.item() == pytest.approx(9 + np.exp(0.5))
    (slope,) = torch.autograd.grad(made(*given)["both"][0].sum(), given[1], create_graph=True)
    with pytest.raises(RuntimeError, match="does not require grad"):  # they can be differentiated once
        slope.backward()


def test_what_draws_draws_anew() -> None:
    module = nn.Dropout(0.5)
    made = cuda.make_graphed_callables(module, (torch.ones(50, device="cuda", requires_grad=True),))
    x = torch.ones(50, device="cuda", requires_grad=True)
    first, second = made(x).tolist(), made(x).tolist()
    assert first != second
    assert set(first) | set(second) == {0.0, 2.0}
    (slope,) = torch.autograd.grad(made(x).sum(), x)
    assert set(slope.tolist()) == {0.0, 2.0}


def test_what_cannot_be_captured() -> None:
    hooked = net()
    hooked.register_forward_hook(lambda *a: None)
    with pytest.raises(AssertionError, match="Modules must not have hooks registered"):
        cuda.make_graphed_callables(hooked, (torch.ones(5, 6, device="cuda"),))
    learning = net()
    learning.register_buffer("b", torch.ones(1, requires_grad=True))
    with pytest.raises(AssertionError, match="All buffers must have"):
        cuda.make_graphed_callables(learning, (torch.ones(5, 6, device="cuda"),))
    with pytest.raises(AssertionError, match="must contain only Tensors"):
        cuda.make_graphed_callables(lambda x, k: x * k, (torch.ones(2, device="cuda"), 3))
    with pytest.raises(RuntimeError, match="does not support the autocast caching"), torch.autocast("cuda"):
        cuda.make_graphed_callables(net(), (torch.ones(5, 6, device="cuda"),))
    with pytest.raises(RuntimeError, match="not permitted when stream is capturing"):
        cuda.make_graphed_callables(lambda x: x * x.sum().item(), (torch.ones(2, device="cuda", requires_grad=True),))


def test_inputs_that_are_not_used() -> None:
    x, y = (torch.ones(2, device="cuda", requires_grad=True) for _ in range(2))
    with pytest.raises(RuntimeError, match="not have been used in the graph"):
        cuda.make_graphed_callables(lambda x, y: x * 2, (x, y))
    made = cuda.make_graphed_callables(lambda x, y: x * 2, (x, y), allow_unused_input=True)
    made(x, y).sum().backward()
    assert (x.grad.tolist(), y.grad) == ([2.0, 2.0], None)


# -- steps -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("set_to_none", [True, False])
def test_gradients_may_be_made_in_the_graphs_memory(set_to_none: bool) -> None:
    def run(captured: bool) -> list[Any]:
        module = net()
        optimizer = torch.optim.SGD(module.parameters(), lr=0.1, momentum=0.9)

        def step(x: Any, y: Any) -> Any:
            optimizer.zero_grad(set_to_none=set_to_none)
            loss = nn.functional.cross_entropy(module(x), y)
            loss.backward()
            optimizer.step()
            return loss

        first, *rest = batches(4)
        if captured:
            run: Any = cuda.make_graphed_step(step, first, num_warmup_iters=1)
        else:
            run = step
            step(*first)
        losses = [run(*batch).item() for batch in rest]
        return [losses, *(p.tolist() for p in module.parameters()), *(p.grad.tolist() for p in module.parameters())]

    close(run(True), run(False))


def test_the_drawing_of_a_step_takes_a_graph_itself() -> None:
    from gradviz.widgets import GraphView

    made = cuda.CUDAGraph()
    x = torch.ones(3, device="cuda")
    with cuda.graph(made):
        (x * 2 + 1).exp()
    assert [node["label"] for node in GraphView(made).record["nodes"]] == ["mul", "add", "exp"]


# -- memory while a stream is captured ---------------------------------------------------------------------------------
@pytest.mark.parametrize("mode", ["global", "thread_local", "relaxed"])
def test_a_pool_may_take_memory_while_capturing(mode: str) -> None:
    x, made = torch.ones(3, device="cuda"), cuda.CUDAGraph()
    with cuda.graph(made, capture_error_mode=mode):
        assert here.capture_mode == ["global", "thread_local", "relaxed"].index(mode)
        y = x + 1  # the graph's own pool has nothing yet
        assert here.capture_mode == ["global", "thread_local", "relaxed"].index(mode)
    made.replay()
    assert y.tolist() == [2.0] * 3


def test_without_its_leave_it_may_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """So does the driver; the test shows that the stand-in would notice."""
    monkeypatch.setattr(capture_mode, "relaxed", lambda malloc: malloc)
    x = torch.ones(3, device="cuda")
    with pytest.raises(RuntimeError, match="cudaMalloc while a stream is capturing"), cuda.graph(cuda.CUDAGraph()):
        x + 1


def test_without_the_drivers_library_a_capture_is_relaxed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture_mode, "exchange", lambda: None)
    x, made = torch.ones(3, device="cuda"), cuda.CUDAGraph()
    with cuda.graph(made):
        assert here.capture_mode == 2
        y = x + 1
    made.replay()
    assert y.tolist() == [2.0] * 3


def test_the_drivers_function_is_called_as_it_is_declared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, library = tmp_path / "driver.cpp", tmp_path / "libcuda_on_cpu.so"
    source.write_text(
        'static int kept = 0;\nextern "C" int cuThreadExchangeStreamCaptureMode(int* mode) {\n'
        "    if (*mode < 0 || *mode > 2) return 1;\n    int before = kept;\n    kept = *mode, *mode = before;\n"
        "    return 0;\n}\n"
    )
    subprocess.run(["g++", "-shared", "-fPIC", str(source), "-o", str(library)], check=True)
    real = type(capture_mode)("again")
    text = Path(capture_mode.__file__).read_text()
    exec(compile(text, capture_mode.__file__, "exec"), real.__dict__)
    monkeypatch.setattr(real, "LIBRARY", str(library))
    seen = []
    pool = real.relaxed(lambda size: seen.append((size, real.exchange()(1))))
    pool(5)
    assert seen == [(5, 2)]  # relaxed inside
    assert real.exchange()(0) == 0  # and as before outside
    with pytest.raises(RuntimeError, match="CUDA driver error 1"):
        real.exchange()(7)
