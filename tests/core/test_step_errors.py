"""A step in which the user's code raises leaves everything as it was, and can be taken again."""

import pytest

import gradviz as torch
from gradviz.core import Backward


class Sulk:
    """Raises on its first call, then does nothing."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, *args: object) -> None:
        self.calls += 1
        if self.calls == 1:
            raise ValueError("not now")


def program(where: str, sulk: Sulk) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    x.grad = torch.tensor([5.0, 5.0])
    h = x * x
    h.retain_grad()
    loss = (h * 3).sum()
    if where == "tensor hook":
        h.register_hook(sulk)
    elif where == "node hook":
        h.grad_fn.register_hook(sulk)
    elif where == "node prehook":
        h.grad_fn.register_prehook(sulk)
    elif where == "leaf hook":
        x.register_hook(sulk)
    elif where == "post accumulate":
        x.register_post_accumulate_grad_hook(sulk)
    return x, h, loss


PLACES = ["tensor hook", "node hook", "node prehook", "leaf hook", "post accumulate"]


@pytest.mark.parametrize("where", PLACES)
def test_a_hook_that_raises_changes_nothing(where: str) -> None:
    x, h, loss = program(where, Sulk())
    session = Backward([loss])
    with pytest.raises(ValueError, match="not now"):
        session.run()
    at = session.cursor
    assert 0 < at < len(session)
    assert x.grad.tolist() == [5.0, 5.0]
    session.run()
    assert session.done
    assert x.grad.tolist() == [11.0, 17.0]
    assert h.grad.tolist() == [3.0, 3.0]
    session.seek(0)
    assert x.grad.tolist() == [5.0, 5.0]
    assert h.grad is None
    session.run()
    assert x.grad.tolist() == [11.0, 17.0]
    assert h.grad.tolist() == [3.0, 3.0]


def test_a_function_that_raises_in_backward_can_be_run_again() -> None:
    class Moody(torch.autograd.Function):
        ready = False

        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * 2

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            if not Moody.ready:
                raise RuntimeError("not ready")
            return g * 2 + 0 * x

    x = torch.tensor([1.0, 2.0], requires_grad=True)
    session = Backward([Moody.apply(x).sum()])
    with pytest.raises(RuntimeError, match="not ready"):
        session.run()
    assert x.grad is None
    Moody.ready = True
    session.run()
    assert x.grad.tolist() == [2.0, 2.0]


def test_a_hooks_answer_is_added_to_what_others_sent() -> None:
    x = torch.tensor(2.0, requires_grad=True)
    h = x * 3
    a, b = h * 1, h * 1
    a.grad_fn.register_hook(lambda inputs, outputs: (inputs[0] * 10, None))
    (a + b).backward()
    assert x.grad.item() == 33.0
