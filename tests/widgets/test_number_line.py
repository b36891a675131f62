"""NumberLine: what it says becomes of gradients is what NumPy's cast makes of them, for every scale and both types."""

from __future__ import annotations

import json
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import gradviz as torch
from gradviz.widgets.precision.number_line import FORMATS, SCALES, NumberLine

HOSTILE = "\"><img src=x onerror=alert(1)><script>alert(2)</script>&'\n\u202e" + "x" * 10_000
TYPES = {"float16": np.float16, "bfloat16": ml_dtypes.bfloat16}


def spread(seed: int = 0, count: int = 3000) -> np.ndarray:
    """Values over the whole of float32, with its edges and those of float16 and bfloat16 among them."""
    rng = np.random.default_rng(seed)
    values = rng.standard_normal(count) * 2.0 ** rng.uniform(-145, 126, count)
    edges = [2.0**-24, 2.0**-25, 2.0**-25 * 1.0000001, 2.0**-14, 65504, 65519.996, 65520, 0.0, -0.0, np.inf, -np.inf]
    edges += [np.nan, 2.0**-133, 2.0**-134, 2.0**-126, 3.3895e38, 3.4e38, 2.0**-149, 1e-8, -1e-8, 6.1e-5, 6.09e-5]
    with np.errstate(over="ignore"):
        return np.array([*values, *edges], np.float32)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("seed", [0, 1])
def test_every_count_is_that_of_a_cast(dtype: str, seed: int) -> None:
    values = spread(seed)
    view = NumberLine(values, dtype=dtype)
    with np.errstate(all="ignore"):
        for power in range(SCALES[0], SCALES[1] + 1):
            cast = np.abs((values * np.float32(2.0**power)).astype(TYPES[dtype]).astype(np.float64))
            share = view.shares(2.0**power)
            normal = 2.0 ** FORMATS[dtype].normal
            assert share["zero"] == np.mean(cast == 0), power
            assert share["subnormal"] == np.mean((cast > 0) & (cast < normal)), power
            assert share["inf"] == np.mean(~np.isfinite(cast)), power


def test_the_formats_are_numpys() -> None:
    for name, kind in TYPES.items():
        info, own = ml_dtypes.finfo(kind), FORMATS[name]
        assert 2.0**own.least == float(info.smallest_subnormal)
        assert 2.0**own.normal == float(info.tiny)
        assert 2.0 ** (own.end - 1) < float(info.max) < 2.0**own.end
        assert own.bits == info.nmant


def test_the_bins_hold_every_value() -> None:
    values = spread()
    view = NumberLine({"a": values[:100], "b": values[100:]})
    data = view.to_json()
    for held in data["values"]:
        assert sum(held["counts"]) + held["zeros"] + held["broken"] > 0
    whole, a, b = data["values"]
    assert whole["name"] == "all"
    assert sum(whole["counts"]) == sum(a["counts"]) + sum(b["counts"])
    fine = np.abs(values[np.isfinite(values) & (values != 0)]).astype(np.float64)
    for i, count in enumerate(whole["counts"]):
        power = whole["first"] + i
        assert count == np.sum((fine >= 2.0**power) & (fine < 2.0 ** (power + 1)))


def net() -> Any:
    torch.manual_seed(0)
    made = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1))
    made(torch.ones(5, 3)).sum().backward()
    return made


def test_what_it_takes() -> None:
    model = net()
    names = [name for name, _ in model.named_parameters()]
    assert [v.name for v in NumberLine(model).values] == ["all", *names]
    assert NumberLine(model.parameters()).values[0].total == sum(p.numel() for p in model.parameters())
    assert NumberLine(model[0].weight.grad).values[0].total == 12
    assert NumberLine({"half": torch.ones(2).half(), "b": torch.ones(2).bfloat16(), "d": torch.ones(1).double()})
    before = [p.grad.clone() for p in model.parameters()]
    NumberLine(model).to_html()
    assert all(torch.equal(p.grad, g) for p, g in zip(model.parameters(), before, strict=True))


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: NumberLine(torch.nn.Linear(2, 2)), ValueError, "loss.backward"),
        (lambda: NumberLine({}), ValueError, "no gradient"),
        (lambda: NumberLine(torch.ones(2), scale=3.0), ValueError, "got 3.0"),
        (lambda: NumberLine(torch.ones(2), scale=2.0**40), ValueError, "2\\^32"),
        (lambda: NumberLine(torch.ones(2), scale=float("nan")), ValueError, "got nan"),
        (lambda: NumberLine(torch.ones(2), dtype="float32"), ValueError, "float16 or bfloat16"),
        (lambda: NumberLine("words"), TypeError, "module, a tensor"),
        (lambda: NumberLine({"z": torch.ones(2) * 1j}), TypeError, "no real numbers"),
    ],
)
def test_bad_input_says_what_to_do(make: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        make()


def test_the_same_bytes_twice_and_hostile_names() -> None:
    values = {HOSTILE: spread()[:50], "b": spread()[50:90]}
    first, second = NumberLine(values, title=HOSTILE), NumberLine(values, title=HOSTILE)
    assert first.to_html() == second.to_html()
    assert first.to_svg() == second.to_svg()
    for text in (first.to_html(), first.to_svg()):
        assert "<img src=x" not in text
        assert "<script>alert" not in text
        assert "\u202e" not in text
    json.dumps(first.to_json(), allow_nan=False)


def test_many_tensors_and_large_ones_stay_small() -> None:
    many = {f"layer {i}": np.full(3, 2.0**-i, np.float32) for i in range(60)}
    view = NumberLine(many)
    assert view.left_out == 20
    assert view.values[0].total == 180
    assert len(view.to_html()) < 120_000
    large = NumberLine(np.random.default_rng(0).standard_normal(1_000_000).astype(np.float32))
    assert len(large.to_html()) < 60_000


def test_values_that_are_all_zero() -> None:
    view = NumberLine(torch.zeros(4))
    assert view.shares() == {"zero": 1.0, "subnormal": 0.0, "inf": 0.0}
    assert "100 % become 0" in view.caption()
    view.to_html()
