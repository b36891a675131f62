"""LiveStepper without a page: the real pass stands where it is told, and nothing is left half-done."""

from __future__ import annotations

from typing import Any

import pytest

import gradviz as torch
from gradviz import nn
from gradviz.nn import functional as F
from gradviz.utils.checkpoint import checkpoint
from gradviz.widgets.graph.live_stepper import LiveStepper


def leaves() -> tuple[Any, Any]:
    w, b = torch.tensor(3.0, requires_grad=True), torch.tensor(1.0, requires_grad=True)
    w.grad = torch.tensor(10.0)
    return w, b


def heard(live: LiveStepper) -> list[Any]:
    """What the page would be told."""
    told: list[Any] = []
    live.tell = lambda message, buffers=(): told.append(message)  # type: ignore[method-assign]
    return told


def test_grad_is_what_it_is_at_each_step_and_goes_back() -> None:
    w, b = leaves()
    live = LiveStepper((w * 2 + b) ** 2)
    seen = []
    for step in range(len(live) + 1):
        live.seek(step)
        seen.append((w.grad.item(), None if b.grad is None else b.grad.item()))
    assert seen == [(10.0, None)] * 3 + [(10.0, 14.0)] * 2 + [(38.0, 14.0)]
    for step in reversed(range(len(live) + 1)):
        live.seek(step)
        assert (w.grad.item(), None if b.grad is None else b.grad.item()) == seen[step]


def test_at_the_end_it_is_backward() -> None:
    torch.manual_seed(0)
    net, x = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2)), torch.randn(5, 4)
    loss = F.cross_entropy(net(x), torch.tensor([0, 1, 0, 1, 1]))
    LiveStepper(loss).step().back().run()
    stepped = [p.grad.numpy().copy() for p in net.parameters()]
    with pytest.raises(RuntimeError, match="second time"):
        loss.backward()
    for p in net.parameters():
        p.grad = None
    F.cross_entropy(net(x), torch.tensor([0, 1, 0, 1, 1])).backward()
    assert all((p.grad.numpy() == g).all() for p, g in zip(net.parameters(), stepped, strict=True))


def test_closing_leaves_nothing_half_done() -> None:
    w, b = leaves()
    loss = (w * 2 + b) ** 2
    with LiveStepper(loss) as live:
        live.seek(4)
        assert b.grad is not None
    assert (w.grad.item(), b.grad) == (10.0, None)
    with pytest.raises(RuntimeError, match="was closed"):
        live.step()
    loss.backward()
    assert (w.grad.item(), b.grad.item()) == (38.0, 14.0)


def test_a_finished_pass_stays() -> None:
    w, b = leaves()
    with LiveStepper((w * 2 + b) ** 2) as live:
        live.run()
    assert w.grad.item() == 38.0


def test_running_the_cell_again_takes_back_what_was_under_way() -> None:
    w, b = leaves()
    loss = (w * 2 + b) ** 2
    first = LiveStepper(loss).seek(4)
    second = LiveStepper(loss)
    assert first.closed
    assert (w.grad.item(), b.grad) == (10.0, None)
    second.run()
    assert w.grad.item() == 38.0


def test_the_page_moves_it_and_is_told_what_is_in_grad() -> None:
    w, b = leaves()
    live = LiveStepper((w * 2 + b) ** 2)
    told = heard(live)
    live.hear({"hello": "p1"}, [])
    live.hear({"at": 3}, [])
    assert told[-1]["at"] == 3
    labels = {live.record["nodes"][n]["label"]: grad for n, grad in told[-1]["grads"]}
    assert labels["b"]["data"] == [14.0]
    assert labels["w"]["data"] == [10.0]
    live.hear({"leave": "p1"}, [])
    assert (w.grad.item(), b.grad) == (10.0, None), "the page is gone: the pass goes back to its start"
    live.hear({"at": 5}, [])
    assert w.grad.item() == 38.0


def test_it_stays_while_it_is_shown_in_another_place() -> None:
    w, b = leaves()
    live = LiveStepper((w * 2 + b) ** 2)
    for message in ({"hello": "p1"}, {"hello": "p2"}, {"at": 3}, {"leave": "p1"}):
        live.hear(message, [])
    assert b.grad.item() == 14.0


def test_what_goes_wrong_is_told_and_nothing_moved() -> None:
    w, b = leaves()

    def bad(g: Any) -> Any:
        raise ValueError("a hook of mine")

    h = w * 2
    h.register_hook(lambda g: bad(g) if armed else g)
    armed = False
    live = LiveStepper((h + b) ** 2)
    armed = True
    told = heard(live)
    live.hear({"at": 5}, [])
    assert "ValueError: a hook of mine" in told[-1]["failed"]
    assert told[-1]["at"] == live.at < 5
    assert w.grad.item() == 10.0
    armed = False
    live.run()
    assert w.grad.item() == 38.0


def test_parts_that_no_gradient_reaches_have_no_step() -> None:
    x = torch.tensor([1.0, 2.0], requires_grad=True)

    class First(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, a: Any, b: Any) -> Any:  # noqa: ARG004
            return a * 2

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:  # noqa: ARG004
            return g * 2, None

    live = LiveStepper(First.apply(x, x.exp()).sum())
    live.run()
    assert live.session.done
    assert x.grad.tolist() == [2.0, 2.0]
    live.seek(0)
    assert x.grad is None


def test_a_checkpoints_inner_pass_is_part_of_its_step() -> None:
    torch.manual_seed(0)
    net, x = nn.Linear(2, 2), torch.randn(3, 2, requires_grad=True)
    live = LiveStepper(lambda: checkpoint(net, x, use_reentrant=False).sum())
    live.run()
    assert live.session.done
    assert x.grad is not None


@pytest.mark.parametrize("source", ["function", "tape"])
def test_other_sources(source: str) -> None:
    w, b = leaves()
    with torch.record() as tape:
        loss = w * b
    live = LiveStepper(tape if source == "tape" else lambda: w * b)
    live.run()
    assert w.grad.item() == 11.0
    del loss


def test_refuses_what_cannot_be_stepped() -> None:
    w, b = leaves()
    with torch.record() as tape:
        (w * b).backward()
    with pytest.raises(RuntimeError, match="gone backward already"):
        LiveStepper(tape)
    with pytest.raises(IndexError):
        LiveStepper(w * b).seek(99)
    with pytest.raises(TypeError):
        LiveStepper(3)


def test_where_there_is_no_page_it_is_the_recording() -> None:
    w, b = leaves()
    live, again = (LiveStepper(w * b) for _ in range(2))
    assert set(live._repr_mimebundle_()) == {"text/plain", "text/html"}
    assert "session" in live.data()["parts"]
    assert live.to_html() == again.to_html()
