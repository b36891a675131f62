"""Modes: no_grad, enable_grad, set_grad_enabled, inference_mode; anomaly detection."""

from __future__ import annotations

# ruff: noqa: E501  (a program is a row)
import pytest

from .behave import behave

X = "x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)\non = torch.is_grad_enabled\n"

PROGRAMS = {
    "no_grad": X + "with torch.no_grad():\n    log(on(), (x * 2).requires_grad)\nlog(on())",
    "nested": X
    + "with torch.no_grad():\n    with torch.enable_grad():\n        log(on(), (x * 2).requires_grad)\n        with torch.no_grad():\n            log(on())\n    log(on())\nlog(on())",
    "left by an error": X
    + "try:\n    with torch.no_grad():\n        raise KeyError\nexcept KeyError:\n    pass\nlog(on())",
    "reused": X + "m = torch.no_grad()\nwith m:\n    pass\nwith m:\n    log(on())\nlog(on())",
    "reused inside itself": X
    + "m = torch.no_grad()\nwith m:\n    with torch.enable_grad():\n        log(on())\n    log(on())\nlog(on())",
    "as a decorator": X
    + "@torch.no_grad()\ndef f(a, *, k=1):\n    'text'\n    return on(), a * k\nlog(f(x, k=3), f.__name__, f.__doc__, on())",
    "as a decorator without parentheses": X + "@torch.no_grad\ndef f(a):\n    return on(), a * 2\nlog(f(x))",
    "enable_grad as a decorator": X
    + "@torch.enable_grad()\ndef f(a):\n    return on(), a * 2\nwith torch.no_grad():\n    log(f(x))",
    "on a method": X + "class C:\n    @torch.no_grad()\n    def f(self, a):\n        return on(), a * 2\nlog(C().f(x))",
    "on a class": X + "@torch.no_grad()\nclass C:\n    def __init__(self):\n        log(on())\nC()",
    "on a generator": X
    + "@torch.no_grad()\ndef f():\n    for _ in range(2):\n        got = yield on()\n        log(got, on())\n    return 5\ng = f()\nlog(next(g), on())\nlog(g.send(3), on())\ntry:\n    g.send(4)\nexcept StopIteration as end:\n    log(end.value)",
    "on a generator that is closed": X
    + "@torch.no_grad()\ndef f():\n    try:\n        yield 1\n    finally:\n        log(on())\ng = f()\nnext(g)\ng.close()\nlog(on())",
    "on a generator that is thrown into": X
    + "@torch.no_grad()\ndef f():\n    try:\n        yield 1\n    except KeyError:\n        yield on()\ng = f()\nnext(g)\nlog(g.throw(KeyError('k')), on())",
    "set_grad_enabled": X + "torch.set_grad_enabled(False)\nlog(on())\ntorch.set_grad_enabled(True)\nlog(on())",
    "set_grad_enabled, with": X
    + "with torch.set_grad_enabled(False):\n    log(on())\nlog(on())\nwith torch.no_grad():\n    with torch.set_grad_enabled(True):\n        log(on())\n    log(on())",
    "set_grad_enabled as a decorator": X
    + "@torch.set_grad_enabled(False)\ndef f():\n    return on()\nlog(on(), f(), on())",
    "set_grad_enabled, mode": X
    + "m = torch.autograd.set_grad_enabled(False)\nlog(m.mode, on())\nm.__exit__(None, None, None)\nlog(on())",
    "in a thread": X
    + "import threading\nseen = []\nwith torch.no_grad():\n    t = threading.Thread(target=lambda: seen.append(on()))\n    t.start()\n    t.join()\nlog(seen)",
    "leaves may be written": X + "with torch.no_grad():\n    x += 1\nlog(x)",
    "a factory inside": X
    + "with torch.no_grad():\n    y = torch.ones(2, requires_grad=True)\n    z = y * 2\nlog(y, z)",
    # inference
    "inference": X
    + "with torch.inference_mode():\n    y = x * 2\n    log(on(), y.requires_grad, y.is_inference(), torch.is_inference(y), torch.is_inference_mode_enabled())\nlog(on(), y.is_inference(), x.is_inference())",
    "inference off": X
    + "with torch.inference_mode(False):\n    log(on(), (x * 2).is_inference())\nwith torch.inference_mode():\n    with torch.inference_mode(False):\n        log(on(), (x * 2).requires_grad)",
    "inference as a decorator": X
    + "@torch.inference_mode()\ndef f(a):\n    return a * 2\n@torch.inference_mode\ndef g(a):\n    return a * 2\nlog(f(x).is_inference(), g(x).is_inference())",
    "inference, a factory": "with torch.inference_mode():\n    y = torch.ones(2)\n    log(y.is_inference())\nlog(y.is_inference(), torch.ones(2).is_inference())",
    "inference, in place outside": X + "with torch.inference_mode():\n    y = x * 2\ny.add_(1)",
    "inference, in place inside": X
    + "with torch.inference_mode():\n    y = x * 2\n    y.add_(1)\nlog(y, y.is_inference())",
    "inference, in place on an ordinary tensor": "y = torch.ones(2)\nwith torch.inference_mode():\n    y.add_(1)\nlog(y, y.is_inference())",
    "inference, a view of an ordinary tensor": X
    + "with torch.inference_mode():\n    v = x[:2]\n    log(v.is_inference())",
    "inference, requires_grad_": X + "with torch.inference_mode():\n    y = x * 2\ny.requires_grad_()",
    "inference, version": X + "with torch.inference_mode():\n    y = x * 2\ny._version",
    "inference, saved": X
    + "w = torch.ones(3, requires_grad=True)\nwith torch.inference_mode():\n    y = x * 2\ntorch.addcmul(x, w, y)",
    "inference, used unrecorded": X
    + "with torch.inference_mode():\n    y = x * 2\nz = y + 1\nlog(z, z.is_inference())",
    "inference, cloned": X
    + "with torch.inference_mode():\n    y = x * 2\nz = y.clone()\nlog(z.is_inference())\n(z * x).sum().backward()\nlog(x.grad)",
    "inference, backward": X + "with torch.inference_mode():\n    y = (x * 2).sum()\ny.backward()",
    # anomaly
    "NaN": X + "with torch.autograd.detect_anomaly():\n    y = torch.sqrt(x - 1) * 0\n    y.sum().backward()",
    "NaN, unnoticed": X + "y = torch.sqrt(x - 1) * 0\ny.sum().backward()\nlog(x.grad)",
    "NaN, not looked for": X
    + "with torch.autograd.detect_anomaly(check_nan=False):\n    y = torch.sqrt(x - 1) * 0\n    y.sum().backward()\nlog(x.grad)",
    "NaN, forward outside": X
    + "y = torch.sqrt(x - 1) * 0\nwith torch.autograd.set_detect_anomaly(True):\n    y.sum().backward()",
    "NaN in a Function": X
    + "class f(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, a):\n        return a * 2\n    @staticmethod\n    def backward(ctx, g):\n        return g * float('nan')\nwith torch.autograd.detect_anomaly():\n    f.apply(x).sum().backward()",
    "NaN in the second output": X
    + "w = torch.tensor([1.0, 2.0, float('nan')])\nv = torch.ones(3, requires_grad=True)\nwith torch.autograd.detect_anomaly():\n    (w * v).sum().backward()",
    "NaN in a second backward": X
    + "with torch.autograd.detect_anomaly():\n    y = (x - 1) ** 1.5\n    g, = torch.autograd.grad(y.sum(), x, create_graph=True)\n    log(g)\n    h = (g * 0).sum()\n    h.backward()",
    "set and asked": "log(torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled())\ntorch.autograd.set_detect_anomaly(True, check_nan=False)\nlog(torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled())\ntorch.autograd.set_detect_anomaly(False)\nlog(torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled())",
    "nested anomaly": "with torch.autograd.detect_anomaly():\n    with torch.autograd.set_detect_anomaly(False):\n        log(torch.is_anomaly_enabled())\n    log(torch.is_anomaly_enabled())\nlog(torch.is_anomaly_enabled())",
    "an error in backward": X
    + "class f(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, a):\n        return a * 2\n    @staticmethod\n    def backward(ctx, g):\n        raise KeyError('k')\nwith torch.autograd.detect_anomaly():\n    f.apply(x).sum().backward()",
    "an overwritten value": X
    + "with torch.autograd.detect_anomaly():\n    y = x * 1\n    z = y * y\n    y.add_(1)\n    z.sum().backward()",
}


@pytest.mark.oracle
@pytest.mark.parametrize("name", PROGRAMS)
def test_as_pytorch(name: str) -> None:
    pytest.importorskip("torch")
    behave(PROGRAMS[name])


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_the_line_of_the_forward_call_is_named() -> None:
    import gradviz as torch

    x = torch.zeros(2, requires_grad=True)
    with torch.autograd.set_detect_anomaly(True):
        y = (torch.sqrt(x) * 0).sum()
        with pytest.raises(RuntimeError, match="SqrtBackward0") as raised, pytest.warns(UserWarning, match="Traceback"):
            y.backward()
    assert any("test_autograd_modes.py:" in note for note in raised.value.__notes__)


def test_nothing_is_recorded_while_the_mode_is_off() -> None:
    import gradviz as torch
    from gradviz.core import events

    assert not events.watching
    assert (torch.ones(2, requires_grad=True) * 2).grad_fn.metadata == {}
