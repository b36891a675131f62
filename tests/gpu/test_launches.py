"""Training steps on the stand-in: how many calls compute, that the host never waits, and that a step can be captured.

No GPU code is executed. A capture on the stand-in fails wherever the host would have to wait, as the driver's does, and
leaves nonsense in memory until it is replayed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradviz as torch
from gradviz import nn
from tests.strict_machine import here

from .run_kernel import needs_compiler

pytestmark = [needs_compiler, pytest.mark.usefixtures("machine")]


def lenet() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip


def mlp() -> nn.Module:
    return nn.Sequential(
        nn.Flatten(), nn.Linear(3072, 16), nn.BatchNorm1d(16), nn.GELU(), nn.Dropout(0.2), nn.Linear(16, 10)
    )


def attention() -> nn.Module:
    layers = nn.Unflatten(1, (12, 256)), nn.Linear(256, 8), nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    return nn.Sequential(nn.Flatten(), *layers, nn.Flatten(), nn.Linear(96, 10))


NETS = {"lenet": lenet, "mlp": mlp, "attention": attention}


def training(net: nn.Module, device: str, clip: bool = False, **options: Any) -> tuple[Callable[..., Any], Any, Any]:
    """A training step and a batch for it."""
    torch.manual_seed(0)
    x, y = torch.rand(4, 3, 32, 32), torch.tensor([1, 2, 3, 0])
    net.to(device)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, **options)

    def step(x: Any, y: Any) -> Any:
        optimizer.zero_grad(set_to_none=False)
        loss = nn.functional.cross_entropy(net(x), y)
        loss.backward()
        if clip:
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        return loss

    return step, x.to(device), y.to(device)


@pytest.mark.parametrize("clip", [False, True])
@pytest.mark.parametrize("name", NETS)
def test_the_host_never_waits(name: str, clip: bool) -> None:
    step, x, y = training(NETS[name](), "cuda", clip)
    for _ in range(2):
        step(x, y)
    here.reset()
    for _ in range(3):
        step(x, y)
    assert dict(here.waits) == {}


# Calls that compute in one step, as counted: fewer is better, and more needs a reason. Clipping takes three.
MOST = {"lenet": 66, "mlp": 50, "attention": 128}


@pytest.mark.parametrize("clip", [False, True])
@pytest.mark.parametrize("name", NETS)
def test_how_many_calls_compute(name: str, clip: bool) -> None:
    step, x, y = training(NETS[name](), "cuda", clip)
    for _ in range(2):
        step(x, y)
    here.reset()
    step(x, y)
    first = sum(here.launches.values())
    here.reset()
    step(x, y)
    assert sum(here.launches.values()) == first == MOST[name] + 3 * clip


@pytest.mark.parametrize("clip", [False, True])
@pytest.mark.parametrize("name", NETS)
def test_a_captured_step_trains_as_the_step_does(name: str, clip: bool) -> None:
    batches = [(torch.rand(4, 3, 32, 32), torch.randint(0, 10, (4,))) for _ in range(4)]

    def losses(captured: bool) -> tuple[list[float], list[Any]]:
        torch.manual_seed(1)
        net = NETS[name]()
        step, x, y = training(net, "cuda", clip)
        torch.cuda.manual_seed(2)
        if captured:
            made = torch.cuda.make_graphed_step(step, (x, y), num_warmup_iters=2)
        else:
            for _ in range(2):
                step(x, y)
        run = made if captured else step
        found = [run(a.cuda(), b.cuda()).item() for a, b in batches]
        return found, [p.tolist() for p in net.parameters()]

    (eager, last), (graphed, also) = losses(False), losses(True)
    np.testing.assert_allclose(graphed, eager, rtol=1e-6)
    for a, b in zip(also, last, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)


def test_a_graph_by_hand() -> None:
    x = torch.ones(3, device="cuda")
    made = torch.cuda.CUDAGraph()
    with torch.cuda.graph(made):
        assert torch.cuda.is_current_stream_capturing()
        y = x * 2 + torch.rand(3, device="cuda")
    assert not torch.cuda.is_current_stream_capturing()
    torch.cuda.manual_seed(3)
    wanted = [torch.rand(3, device="cuda") + k * 2 for k in (1, 5)]
    torch.cuda.manual_seed(3)
    for k, want in zip((1, 5), wanted, strict=True):
        x.fill_(k)
        made.replay()
        assert y.tolist() == want.tolist()
    assert made.debug_dot().startswith("digraph")
    made.reset()
    with pytest.raises(RuntimeError, match="Called CUDAGraph::replay without a preceding successful capture"):
        made.replay()


def test_waiting_inside_a_capture_is_an_error() -> None:
    x = torch.ones(3, device="cuda")
    made = torch.cuda.CUDAGraph()
    with pytest.raises(RuntimeError, match="not permitted when stream is capturing"), torch.cuda.graph(made):
        (x * 2).sum().item()
    assert not torch.cuda.is_current_stream_capturing()
    assert x.sum().item() == 3
    with pytest.raises(RuntimeError, match="must be captured on a non-default stream"):
        made.capture_begin()


def test_an_optimiser_that_counts_its_steps_is_not_captured_unseen() -> None:
    p = torch.ones(3, device="cuda", requires_grad=True)
    optimizer = torch.optim.Adam([p])
    (p * p).sum().backward()
    optimizer.step()
    with (
        pytest.raises(RuntimeError, match="Attempting CUDA graph capture of step"),
        torch.cuda.graph(torch.cuda.CUDAGraph()),
    ):
        optimizer.step()


def test_new_inputs_must_fit() -> None:
    graphed = torch.cuda.make_graphed_step(lambda x: x + 1, (torch.ones(3, device="cuda"),))
    assert graphed(torch.tensor([1.0, 2.0, 3.0])).tolist() == [2.0, 3.0, 4.0]
    with pytest.raises(ValueError, match="a graph works on the memory it was captured with"):
        graphed(torch.ones(4))
    with pytest.raises(TypeError, match="captured with 1 inputs, got 2"):
        graphed(torch.ones(3), torch.ones(3))


def test_a_captured_step_is_drawn() -> None:
    from gradviz.widgets import GraphView

    graphed = torch.cuda.make_graphed_step(lambda x: (x * 2 + 1).exp(), (torch.ones(3, device="cuda"),))
    view = GraphView(graphed, title="a captured step")
    assert [node["label"] for node in view.record["nodes"]] == ["mul", "add", "exp"]
    assert "forward 2/3  add" in view.to_text()
    assert ">exp<" in view.to_svg()
