"""Every operation of gradviz's table gives PyTorch's values, dtypes, shapes, reprs, gradients and second gradients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import gradviz
from gradviz.core import quick
from gradviz.core.device import CPU
from gradviz.core.op import OPS

from .same import Sample, compare, run
from .samples import TABLES, params


@pytest.mark.oracle
@pytest.mark.parametrize("row", params())
def test_same_as_torch(row: Sample) -> None:
    torch = pytest.importorskip("torch")
    compare(row, run(torch, row), run(gradviz, row))


def test_every_operation_has_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts the operations that actually ran, forward or inside a rule, not the names in the snippets."""
    seen: set[str] = set()

    def counted(name: str, forward: Any) -> Any:
        def call(*args: Any, **settings: Any) -> Any:
            seen.add(name)
            return forward(*args, **settings)

        return call

    with monkeypatch.context() as patch, np.errstate(all="ignore"):
        for key, forward in list(CPU.forwards.items()):
            if callable(forward) and key != "xp":
                patch.setitem(CPU.forwards, key, counted(key.rstrip("!"), forward))
        _look_up_again()
        for table in TABLES.values():
            for row in table:
                run(gradviz, row)
    _look_up_again()
    missing = sorted(set(OPS) - seen - ELSEWHERE)
    assert not missing, f"operations without a sample in tests/oracle/samples.py: {missing}"


def _look_up_again() -> None:
    """Let every operation notice that forwards were replaced."""
    for op in OPS.values():
        for look_up in op.overridden:
            look_up()


# What other suites run: moving between devices is in tests/core/test_strict_device.py, gamma and Dirichlet draws, whose
# gradients PyTorch only approximates, in tests/distributions/test_gammas.py.
ELSEWHERE = {"to_device", "_standard_gamma", "_standard_gamma_grad", "_sample_dirichlet"}


# -- rules may not write into what they are given ------------------------------------------------------------------
def _locked(value: Any) -> Any:
    """The same array, read-only."""
    if isinstance(value, np.ndarray):
        view = value.view()
        view.flags.writeable = False
        return view
    if isinstance(value, tuple):
        return tuple(_locked(v) for v in value)
    return value


def _guarded(pull: Any) -> Any:
    def call(F: Any, g: Any, saved: Any, *rest: Any) -> Any:
        locked = []
        for kept in saved:
            array = getattr(kept, "_array", None)
            if isinstance(array, np.ndarray):
                locked.append((array, array.flags.writeable))
                if array.base is None:
                    array.flags.writeable = False
        try:
            return pull(F, _locked(g), tuple(_locked(kept) for kept in saved), *rest)
        finally:
            for array, writeable in locked:
                array.flags.writeable = writeable

    return call


@pytest.fixture
def read_only_rules(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every rule sees read-only gradients and read-only kept values: one that writes into them raises.

    Passes at full speed have the rules built in; they are out of use meanwhile: core/test_written.py sees to them.
    """
    monkeypatch.setattr(quick.Pass, "claim", lambda self, edge: None)
    monkeypatch.setattr(quick.Pass, "take", lambda self, nodes: False)
    before = {name: op.pull for name, op in OPS.items()}
    for op in OPS.values():
        op.pull = _guarded(op.pull)
    yield
    for name, op in OPS.items():
        op.pull = before[name]


@pytest.mark.usefixtures("read_only_rules")
@pytest.mark.parametrize("table", TABLES)
def test_rules_do_not_write_into_their_arguments(table: str) -> None:
    with np.errstate(all="ignore"):
        for row in TABLES[table]:
            once = Sample(row.code, row.inputs, min(row.order, 1), row.rtol, text=False)
            error = run(gradviz, once).error
            assert error is None or "read-only" not in str(error), f"{row}: {error}"


@pytest.mark.usefixtures("read_only_rules")
def test_a_rule_that_writes_is_caught() -> None:
    """The guard itself works."""
    op = OPS["exp"]
    op.pull = _guarded(lambda F, g, saved, parents: (np.multiply(g, 2, out=g),))
    x = gradviz.ones(3, requires_grad=True)
    with pytest.raises(ValueError, match="read-only"):
        x.exp().sum().backward()
