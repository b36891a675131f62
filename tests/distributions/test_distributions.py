"""Every distribution beside PyTorch's: numbers, gradients, shapes, texts, and samples from one seed."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

from tests.nn.both import both

from .cases import CASES, LEAVES

torch = pytest.importorskip("torch")

NAMES = list(CASES)
PROPERTIES = ("batch_shape", "event_shape", "mean", "mode", "variance", "stddev", "support", "arg_constraints")
# Gamma numbers' gradients: PyTorch has three digits of them.
ROUGH = ("gamma", "beta", "dirichlet", "student", "chi2", "fisher snedecor", "inverse gamma")


def shown(value: Any) -> Any:
    """Shapes and constraints as text, tensors as they are."""
    return value if hasattr(value, "detach") else repr(value)


def outcome(call: Any) -> Any:
    """What a call gives, or the error it raises."""
    try:
        return shown(call())
    except Exception as error:
        return [type(error).__name__, str(error).replace("gradviz", "torch").split("\n")[0]]


@pytest.mark.parametrize("name", NAMES)
def test_what_it_says_of_itself(name: str) -> None:
    make, _ = CASES[name]

    def program(lib: Any) -> Any:
        d = make(lib)
        said = [outcome(lambda p=p: getattr(d, p)) for p in PROPERTIES]
        asked = [outcome(getattr(d, m)) for m in ("entropy", "perplexity", "enumerate_support")]
        flags = [bool(d.has_rsample), bool(d.has_enumerate_support)]
        return said, asked, flags, repr(make(lib))

    both(program)


@pytest.mark.parametrize("name", NAMES)
def test_values_and_gradients(name: str) -> None:
    make, value = CASES[name]

    def program(lib: Any) -> Any:
        out = []
        for method in ("log_prob", "cdf", "icdf"):
            LEAVES.clear()
            d = make(lib)
            x = lib.tensor(value if method != "icdf" else 0.3)
            if x.dtype.is_floating_point:
                x.requires_grad_()
            try:
                y = getattr(d, method)(x)
            except Exception as error:
                out.append([type(error).__name__, str(error).split("\n")[0]])
                continue
            if y.requires_grad:
                y.sum().backward()
            out.append([y, x.grad, *(leaf.grad for leaf in LEAVES)])
        return out

    both(program)


@pytest.mark.parametrize("name", NAMES)
def test_samples(name: str) -> None:
    make, _ = CASES[name]

    def program(lib: Any) -> Any:
        d = make(lib)
        return d.sample(), d.sample((3,)), d.sample((2, 2)), outcome(lambda: d.rsample((4,)).detach()), lib.rand(2)

    both(program)


@pytest.mark.parametrize("name", [n for n in NAMES if n != "wishart"])
def test_gradients_of_samples(name: str) -> None:
    """But for Wishart, whose backward PyTorch refuses: it changes a mask that the graph has kept."""
    make, _ = CASES[name]
    grads = []
    import gradviz

    for lib in (torch, gradviz):
        lib.manual_seed(3)
        LEAVES.clear()
        d = make(lib)
        if not d.has_rsample:
            return
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Wishart's of singular samples
            y = d.rsample((5,))
        weights = lib.arange(float(y.numel())).reshape(y.shape)
        found = lib.autograd.grad((y * weights).sum(), LEAVES, allow_unused=True) if LEAVES else []
        grads.append([None if g is None else g.tolist() for g in found])
    for theirs, ours in zip(*grads, strict=True):
        if theirs is None:
            assert ours is None
        else:
            torch.testing.assert_close(
                torch.tensor(ours), torch.tensor(theirs), rtol=5e-3 if name in ROUGH else 1e-4, atol=1e-4
            )


@pytest.mark.parametrize("name", NAMES)
def test_expand(name: str) -> None:
    make, value = CASES[name]

    def program(lib: Any) -> Any:
        d = make(lib)
        wide = d.expand((3, *d.batch_shape))
        log_prob = wide.log_prob(lib.tensor(value))
        return repr(wide), repr(wide.batch_shape), repr(wide.event_shape), log_prob, wide.sample((2,))

    both(program)


@pytest.mark.parametrize("name", NAMES)
def test_values_outside(name: str) -> None:
    make, _ = CASES[name]

    def program(lib: Any) -> Any:
        wrong = [lib.tensor(-7.5), lib.tensor([float("nan")] * 2), lib.ones(5, 7), 1.0]
        return [outcome(lambda x=x: make(lib).log_prob(x)) for x in wrong]

    both(program)
