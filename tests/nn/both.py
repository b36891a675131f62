"""Run one function with torch and with gradviz; compare what it returns, or what it raises."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradviz
from tests.oracle.same import check_errors


def plain(value: Any) -> Any:
    """Tensors as nested lists, everything else as it is, in tuples."""
    if hasattr(value, "detach"):
        return [str(value.dtype), value.detach().numpy().copy()]
    if isinstance(value, dict):
        return [[k, plain(v)] for k, v in value.items()]
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value


def flat(value: Any) -> list[Any]:
    """The tensors of a result."""
    if value is None:
        return []
    return [t for v in value for t in flat(v)] if isinstance(value, (tuple, list)) else [value]


def equal(ours: Any, theirs: Any, where: str = "result") -> None:
    """Compare nested lists, numbers with a tolerance."""
    if isinstance(theirs, list):
        assert isinstance(ours, list), f"{where}: {ours!r}, PyTorch {theirs!r}"
        assert len(ours) == len(theirs), f"{where}: {ours!r}, PyTorch {theirs!r}"
        for i, (a, b) in enumerate(zip(ours, theirs, strict=True)):
            equal(a, b, f"{where}[{i}]")
    elif isinstance(theirs, np.ndarray):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6, err_msg=where)
    elif isinstance(theirs, float):
        assert ours == pytest.approx(theirs, rel=1e-5), where
    else:
        assert ours == theirs, f"{where}: {ours!r}, PyTorch {theirs!r}"


def both(program: Callable[[Any], Any]) -> None:
    """`program(torch)` and `program(gradviz)` return, warn and raise the same; NumPy's warnings of NaN do not count."""
    torch = pytest.importorskip("torch")
    results, errors, warned = [], [], []
    for lib in (torch, gradviz):
        lib.manual_seed(1)
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            try:
                results.append(plain(program(lib)))
                errors.append(None)
            except Exception as error:
                results.append(None)
                errors.append(error)
        warned.append([(w.category, str(w.message).split("\n")[0]) for w in seen if w.category is not RuntimeWarning])
    if not isinstance(errors[0], KeyError):
        check_errors(*errors)
    else:
        assert errors[1].args[0] == errors[0].args[0]
    assert warned[1] == warned[0]
    equal(results[1], results[0])
