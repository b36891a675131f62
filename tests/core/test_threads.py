"""Grad mode, observers and the recorder belong to their thread: JupyterLab delivers widget messages on another one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np

import gradviz as torch
from gradviz.core.events import Forward, observe
from gradviz.core.mode import current_module


def together(*jobs: Callable[[Callable[[], None]], Any]) -> list[Any]:
    """Run every job in a thread of its own. Each gets `meet`, which waits until all have called it."""
    barrier = threading.Barrier(len(jobs), timeout=30)
    results: list[Any] = [None] * len(jobs)
    errors: list[BaseException] = []

    def work(i: int) -> None:
        try:
            results[i] = jobs[i](lambda: barrier.wait() and None)
        except BaseException as error:
            barrier.abort()
            errors.append(error)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(jobs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    if errors:
        raise next((e for e in errors if not isinstance(e, threading.BrokenBarrierError)), errors[0])
    return results


def test_no_grad_is_of_one_thread() -> None:
    x = torch.ones(3, requires_grad=True)

    def without(meet: Any) -> Any:
        with torch.no_grad():
            meet()
            y = x * 2
            meet()
            return torch.is_grad_enabled(), y.requires_grad

    def with_grad(meet: Any) -> Any:
        meet()
        y = x * 2
        meet()
        return torch.is_grad_enabled(), y.requires_grad

    assert together(without, with_grad) == [(False, False), (True, True)]
    assert torch.is_grad_enabled()


def test_a_new_thread_starts_with_gradients_on() -> None:
    with torch.no_grad():
        assert together(lambda meet: torch.is_grad_enabled()) == [True]


def test_observers_hear_their_own_thread_only() -> None:
    def job(scale: float) -> Any:
        def work(meet: Any) -> Any:
            heard: list[str] = []
            with observe(lambda e: heard.append(e.op.name) if isinstance(e, Forward) else None):
                meet()
                x = torch.ones(3)
                for _ in range(20):
                    x = x * scale if scale > 1 else x + scale
                meet()
            return set(heard), len(heard)

        return work

    assert together(job(2.0), job(0.5)) == [({"mul"}, 20), ({"add"}, 20)]


def test_an_observer_in_one_thread_does_not_stop_another() -> None:
    def watched(meet: Any) -> Any:
        heard: list[Any] = []
        with observe(heard.append):
            meet()
            (torch.ones(3) * 2).sum()
            meet()
        return len(heard) > 0

    def unwatched(meet: Any) -> Any:
        meet()
        x = torch.ones(3, requires_grad=True)
        (x * 3).sum().backward()
        meet()
        return x.grad.tolist()

    assert together(watched, unwatched) == [True, [3.0, 3.0, 3.0]]


def test_the_module_path_is_of_one_thread() -> None:
    def inside(meet: Any) -> Any:
        token = current_module.set((None, "net"))  # type: ignore[arg-type]
        meet()
        y = torch.ones(3, requires_grad=True) * 2
        meet()
        current_module.reset(token)
        return y.grad_fn.path is not None

    def outside(meet: Any) -> Any:
        meet()
        y = torch.ones(3, requires_grad=True) * 2
        meet()
        return y.grad_fn.path is not None

    assert together(inside, outside) == [True, False]


def test_backward_in_two_threads_at_once() -> None:
    """Graphs built and run side by side give what they give alone."""

    def job(seed: int) -> Any:
        def work(meet: Any) -> Any:
            rng = np.random.default_rng(seed)
            w = torch.tensor(rng.standard_normal((8, 8)), requires_grad=True)
            meet()
            for _ in range(30):
                x = torch.tensor(rng.standard_normal((4, 8)))
                (torch.tanh(x @ w) ** 2).sum().backward()
            return w.grad.numpy().tobytes()

        return work

    alone = [job(0)(lambda: None), job(1)(lambda: None)]
    assert together(job(0), job(1)) == alone


def test_a_session_can_be_stepped_from_another_thread() -> None:
    """A widget's callback steps what a cell made."""
    x = torch.ones(3, requires_grad=True)
    session = torch.autograd.Backward([(x.exp() * 2).sum()])

    def step_all(meet: Any) -> Any:
        while session.step() is not None:
            pass
        return session.done

    with torch.no_grad():
        assert together(step_all) == [True]
    np.testing.assert_allclose(x.grad.numpy(), 2 * np.exp(np.ones(3)), rtol=1e-6)


def test_recording_is_of_one_thread() -> None:
    def recorded(meet: Any) -> Any:
        with torch.record() as tape:
            meet()
            x = torch.ones(3, requires_grad=True)
            (x * 2).sum()
            meet()
        return [node["op"] for node in tape.recording.nodes if node["kind"] == "op"]

    def elsewhere(meet: Any) -> Any:
        meet()
        for _ in range(5):
            torch.ones(3).exp()
        meet()

    assert together(recorded, elsewhere)[0] == ["mul", "sum"]
