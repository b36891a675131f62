"""Which results share memory with which inputs: views do, everything else owns what it shows, exactly as in PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradviz

from .same import Sample, _tensors, evaluate, functional, leaves
from .samples import params


def sharing(torch: Any, row: Sample, owner: Any) -> list[tuple[int, str]] | None:
    """Pairs of an output's number and the name of the input whose memory it shows; None where the snippet raises."""
    tensors = leaves(torch, row.made)
    try:
        out = evaluate(row.code, {"torch": torch, "F": functional(torch), "np": np, **tensors})
    except Exception:
        return None
    outs = [o for o in _tensors(out, torch) if o.numel()]
    return [(i, name) for i, o in enumerate(outs) for name, x in tensors.items() if owner(o) == owner(x)]


def numpy_owner(tensor: Any) -> int:
    """What the memory of an array belongs to, at the bottom of its bases."""
    array = tensor._array
    while getattr(array, "base", None) is not None:
        array = array.base
    return id(array)


@pytest.mark.oracle
@pytest.mark.parametrize("row", params())
def test_results_share_memory_where_pytorchs_do(row: Sample) -> None:
    torch = pytest.importorskip("torch")
    if "torch.conj(" in row.code:
        pytest.skip("PyTorch conjugates when the values are read, gradviz at once")
    with np.errstate(all="ignore"):
        want = sharing(torch, row, lambda x: x.untyped_storage().data_ptr())
        if want is not None:
            assert sharing(gradviz, row, numpy_owner) == want
