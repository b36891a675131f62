"""PyTorch's own operator database, op by op: its sample inputs give the same values, gradients and second gradients.

The database (`op_db`) ships in the torch wheel. A few evenly spread samples per operator keep this quick: a floor below
which no operator may fall.
"""

# ruff: noqa: E501, NPY002  (tables; the seed that the database's own samples draw from)

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradviz

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("expecttest", reason="expecttest is not installed, which torch.testing needs")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from torch.testing._internal.common_methods_invocations import op_db

pytestmark = pytest.mark.oracle
SAMPLES = 3
SPACES = ("", "nn.functional.", "linalg.", "special.", "fft.", "signal.windows.")
# Operators that are no part of the public API, or that need what gradviz does not have.
LEFT_OUT = {
    "private or a twin for compilers": r"_.* torch.ops.* native_.* unsafe_.* constant_pad_nd rsub slice scalar_tensor .*_copy grid_sampler_.* "
    r"max_pool2d_with_indices_backward torch\._.* hash_tensor nonzero_static empty_permuted .*chunked.*",
    "sparse, CUDA or prototype": r"sparse\..* to_sparse jiterator.* masked\..* .*triton.* .*without_cudnn",
    "undocumented": r"special\.(bessel_y|chebyshev|shifted|hermite|laguerre|legendre|modified).*",
    "memory without values": r"empty.* new_empty.* resize.*",
}


class UntranslatableError(Exception):
    """A sample holds something that has no twin here."""


def left_out(name: str) -> bool:
    import re

    return any(re.fullmatch(p, name) for text in LEFT_OUT.values() for p in text.split()) and name != "index_copy"


def find(root: Any, name: str) -> Any:
    """A public function by its dotted name, or a method."""
    found = root
    for part in name.split("."):
        found = getattr(found, part, None)
        if found is None:
            break
    return found if callable(found) else getattr(root.Tensor, name, None)


def twin(value: Any, leaves: list[Any], seen: dict[int, Any]) -> Any:
    """A sample's argument for gradviz; tensors that require grad are noted in `leaves`, in order."""
    if isinstance(value, torch.Tensor):
        if id(value) not in seen:
            if value.layout != torch.strided:
                raise UntranslatableError
            made = gradviz.tensor(value.detach().numpy(), requires_grad=value.requires_grad)
            seen[id(value)] = made
            if value.requires_grad:
                leaves.append(made)
        return seen[id(value)]
    if isinstance(value, (list, tuple)):
        return (
            type(value)([twin(v, leaves, seen) for v in value])
            if type(value) in (list, tuple)
            else tuple(twin(list(value), leaves, seen))
        )
    if isinstance(value, dict):
        return {k: twin(v, leaves, seen) for k, v in value.items()}
    if isinstance(value, torch.dtype):
        return getattr(gradviz, str(value).removeprefix("torch."))
    if isinstance(value, torch.device):
        return "cpu"
    if type(value).__module__.startswith("torch") or callable(value):
        raise UntranslatableError
    return value


def copies(value: Any, leaves: list[Any], seen: dict[int, Any]) -> Any:
    """The same for PyTorch: fresh leaves."""
    if isinstance(value, torch.Tensor):
        if id(value) not in seen:
            seen[id(value)] = value.detach().clone().requires_grad_(value.requires_grad)
            if value.requires_grad:
                leaves.append(seen[id(value)])
        return seen[id(value)]
    if type(value) in (list, tuple):
        return type(value)([copies(v, leaves, seen) for v in value])
    return {k: copies(v, leaves, seen) for k, v in value.items()} if isinstance(value, dict) else value


def flat(library: Any, out: Any) -> list[Any]:
    if isinstance(out, library.Tensor):
        return [out]
    return [t for o in out for t in flat(library, o)] if isinstance(out, (tuple, list)) else []


def array(tensor: Any) -> Any:
    if tensor is None:
        return None
    tensor = tensor.detach()
    return np.array((tensor.resolve_conj().resolve_neg() if isinstance(tensor, torch.Tensor) else tensor).numpy())


def run(library: Any, function: Callable[..., Any], sample: Any, convert: Any, order: int) -> list[list[Any]]:
    """Outputs, gradients, and gradients of gradients, as arrays."""
    leaves: list[Any] = []
    seen: dict[int, Any] = {}
    args = convert([sample.input, *sample.args], leaves, seen)
    outs = flat(library, function(*args, **convert(dict(sample.kwargs), leaves, seen)))
    found = [[array(o) for o in outs]]
    for k in range(order):
        total: Any = None
        for i, o in enumerate(outs):
            if o is not None and o.requires_grad:
                weights = np.random.RandomState(10 * k + i).uniform(0.5, 1.5, tuple(o.shape)).astype(array(o).dtype)
                term = (o * library.tensor(weights)).sum()
                term = term.real if term.is_complex() else term
                total = term if total is None else total + term
        if total is None or not leaves:
            break
        outs = list(library.autograd.grad(total, leaves, create_graph=k + 1 < order, allow_unused=True))
        found.append([array(g) for g in outs])
    return found


def check(name: str, sample: Any, order: int) -> bool:
    """Compare one sample; False where PyTorch refuses it or it has no twin."""
    try:
        want = run(torch, find(torch, name), sample, copies, order)
    except Exception:
        return False
    try:
        twin([sample.input, *sample.args, sample.kwargs], [], {})
    except (UntranslatableError, TypeError, AttributeError):
        return False
    got = run(gradviz, find(gradviz, name), sample, twin, order)
    for what, wants, gots in zip(("output", "gradient", "second gradient"), want, got, strict=False):
        assert len(wants) == len(gots), f"{len(gots)} {what}s, PyTorch {len(wants)}"
        for w, g in zip(wants, gots, strict=True):
            if w is None or g is None:
                assert not np.any(w if w is not None else 0), what
                assert not np.any(g if g is not None else 0), what
                continue
            assert (w.dtype, w.shape) == (g.dtype, g.shape), f"{what}: {g.dtype} {g.shape}, PyTorch {w.dtype} {w.shape}"
            scale = float(np.max(np.abs(w[np.isfinite(w)]), initial=1.0))
            np.testing.assert_allclose(g, w, rtol=1e-6, atol=1e-8 * scale, err_msg=what)
    return True


# Which signs or phases a decomposition has, or which random numbers are drawn, is not promised.
FREE = {
    "svd", "linalg.svd", "linalg.eig", "linalg.eigh", "svd_lowrank", "pca_lowrank", "normal", "bernoulli", "multinomial", "rand_like",
    "randn", "randn_like", "randint", "randint_like", "nn.functional.dropout", "nn.functional.rrelu",
}  # fmt: skip
OPS = [i for i in op_db if not left_out(i.name) and find(torch, i.name) is not None and i.name not in FREE]


@pytest.mark.parametrize(
    "info", [pytest.param(i, id=f"{i.name}{'/' + i.variant_test_name if i.variant_test_name else ''}") for i in OPS]
)
def test_operator(info: Any) -> None:
    kind = next((d for d in (torch.float64, torch.int64, torch.bool) if d in info.dtypes), None)
    if kind is None or "wrapper_set_seed" in getattr(getattr(info.op, "__code__", None), "co_names", ()):
        pytest.skip("complex or random")
    grads = kind == torch.float64 and info.supports_autograd and kind in info.backward_dtypes
    # Where only symmetric (triangular, ...) inputs make sense, PyTorch's second gradient of others is its own affair.
    order = 0 if not grads else 2 if info.supports_gradgrad and info.gradcheck_wrapper.__name__ == "<lambda>" else 1
    assert find(gradviz, info.name) is not None, f"gradviz has no {info.name}"
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        torch.manual_seed(0)
        np.random.seed(0)
        samples = list(info.sample_inputs("cpu", kind, requires_grad=grads))
        step = max(1, len(samples) // SAMPLES)
        for sample in samples[::step][:SAMPLES]:
            check(info.name, sample, order)


def test_most_operators_are_covered() -> None:
    assert len(OPS) > 550
