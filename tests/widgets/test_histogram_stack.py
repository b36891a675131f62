"""`HistogramStack`: counts, shares and statistics are NumPy's, from a history, a TensorBoard log or tensors by name."""

from __future__ import annotations

import json
import math
import xml.etree.ElementTree as ET
from typing import Any

import numpy as np
import pytest

import gradviz as torch
import gradviz.nn.functional as F
from gradviz.widgets.history.histogram_stack import FACTS, HistogramStack
from gradviz.widgets.history.histogram_stack_bins import bars, columns, domain, edge, marks, outline
from gradviz.widgets.history.history import History, watch
from gradviz.widgets.timeline import Timeline

nn = torch.nn
RANDOM = np.random.default_rng(0)
SHRINKING = [(RANDOM.normal(size=3000) * 10.0 ** (-3 - k / 2)).astype(np.float32) for k in range(12)]


def history(steps: int = 5, width: int = 16) -> History:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(8, width), nn.ReLU(), nn.Linear(width, 4))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    x, y = torch.randn(32, 8), torch.randint(0, 4, (32,))
    with watch(net, optimizer, histograms=True) as seen:
        for _ in range(steps):
            optimizer.zero_grad()
            F.cross_entropy(net(x), y).backward()
            optimizer.step()
    return seen


def shown(view: HistogramStack) -> dict[str, Any]:
    data = view.to_json()
    return data["tensors"][data["tensor"]]


# -- numbers ---------------------------------------------------------------------------------------------------------
def test_counts_and_statistics_are_numpys() -> None:
    view = HistogramStack({"g": SHRINKING})
    data = view.to_json()
    tensor = shown(view)
    assert data["scale"] == "log"
    assert data["per_octave"] == 4
    for k, array in enumerate(SHRINKING):
        wide = array.astype(np.float64)
        facts = dict(zip(FACTS, tensor["facts"][k], strict=True))
        size = np.abs(wide)
        assert (facts["n"], facts["nan"], facts["inf"]) == (3000, 0, 0)
        assert facts["negative"] == (wide < 0).sum()
        assert facts["under"] == (size < 2.0**-24).sum() - facts["zero"]
        assert facts["subnormal"] == ((size >= 2.0**-24) & (size < 2.0**-14)).sum()
        for name in ("min", "max", "mean", "std"):
            assert f"{facts[name]:.6g}" == f"{getattr(wide, name)():.6g}", name
        power, first, counts = tensor["linear"][k]
        limits = [(first + i) * 2.0**power for i in range(len(counts) + 1)]
        assert counts == np.histogram(wide, bins=limits)[0].tolist()
        for sign, name in ((1, "positive"), (-1, "negatives")):
            first, counts = tensor[name][k]
            limits = [2.0 ** ((first + i) // 4) * (1 + (first + i) % 4 / 4) for i in range(len(counts) + 1)]
            assert counts == np.histogram(sign * wide[sign * wide > 0], bins=limits)[0].tolist()


def test_what_is_drawn_adds_up() -> None:
    tensors = {"g": [*SHRINKING[:3], np.zeros(7, np.float32), np.array([np.nan, 1.0], np.float32)]}
    for scale in ("linear", "log"):
        for split in (False, True):
            view = HistogramStack(tensors, scale=scale, split=split)
            data = view.to_json()
            tensor = shown(view)
            for row, facts in zip(columns(tensor, data), tensor["facts"], strict=True):
                n, nan, inf, zero = facts[:4]
                counted = n - nan - inf - (zero if scale == "log" else 0)
                area = sum(y * ((b - a) if scale == "log" else 1) for a, b, y in row)
                assert area == pytest.approx(counted / n)
                assert all(a < b for a, b, _ in row)
                low, high = domain(tensor, data)
                low = 2 * low - high if scale == "log" and split else low
                assert all(low <= x <= high for x, _ in outline(row))
            assert sum(h * (b - a) if scale == "log" else h for a, b, h, _ in bars(tensor, data, 0)) == pytest.approx(
                3000
            )


def test_octaves() -> None:
    assert [edge(j, 4) for j in (-4, 0, 4)] == [-1, 0, 1]
    assert edge(2, 4) == math.log2(1.5)
    assert edge(-3, 4) == pytest.approx(math.log2(0.5 * 1.25), rel=1e-15)
    assert [edge(j, 1) for j in (-2, 3)] == [-2, 3]


def test_ticks_of_both_signs_do_not_meet() -> None:
    view = HistogramStack({"g": SHRINKING}, split=True)
    found = marks(shown(view), view.to_json(), 6)
    places = [x for x, _ in found]
    assert places == sorted(places)
    texts = [text for _, text in found]
    assert len(texts) >= 4
    assert {f"-{text}" for text in texts if not text.startswith("-")} == {t for t in texts if t.startswith("-")}
    low, high = domain(shown(view), view.to_json())
    assert min(abs(x - low) for x in places) > 0.05 * (high - low)


def test_a_history_gives_parameters_gradients_and_activations() -> None:
    seen = history()
    view = HistogramStack(seen)
    kinds = [one.kind for one in view.series]
    assert kinds == ["parameters"] * 4 + ["gradients"] * 4 + ["activations"]
    assert view.of("parameters/0.weight", 0).mean == seen.rows[0].histograms["parameters", "0.weight"].mean
    assert view.of("activations/1").zero > 0
    assert HistogramStack(seen, names="gradients/*").series[0].name == "0.weight"
    assert HistogramStack(seen, names="gradients/*").scale == "log"
    assert HistogramStack(seen).scale == "linear"
    assert len(HistogramStack(seen, names=["*.bias", "activations/*"]).series) == 5
    assert HistogramStack(json.loads(json.dumps(seen.to_json()))).to_html() == view.to_html()


def test_a_tensorboard_log(tmp_path: Any) -> None:
    board = pytest.importorskip("gradviz.utils.tensorboard", reason="tensorboard is not installed: no logs")
    with board.SummaryWriter(str(tmp_path)) as writer:
        for step in (0, 5, 10):
            writer.add_histogram("weights", torch.tensor(SHRINKING[0]) + step, step)
        writer.add_histogram("other", torch.tensor(SHRINKING[1]), 5, bins="auto")
    view = HistogramStack(board.read(tmp_path))
    assert view.steps == [0, 5, 10]
    assert [one.name for one in view.series] == ["weights", "other"]
    one = view.of("weights", 10)
    wide = (SHRINKING[0] + np.float32(10)).astype(np.float64)
    assert (one.n, one.min, one.max) == (3000, wide.min(), wide.max())
    assert one.mean == pytest.approx(wide.mean())
    assert sum(one.linear[1]) == pytest.approx(3000)
    assert not one.exact
    assert "estimated" in view.to_json()["note"]
    assert "≈" in view.to_svg()
    assert view.of("other", 10) is view.of("other", 0), "there is only one"
    ET.fromstring(view.to_svg())


def test_bfloat16_and_torch_tensors_are_read() -> None:
    view = HistogramStack(
        {"half": [torch.ones(3, dtype=torch.bfloat16), torch.zeros(2, dtype=torch.float16)], "b": torch.ones(1)}
    )
    assert view.of("half", 0).max == 1
    assert view.of("half", 1).zero == 2
    assert view.of("b").n == 1


def test_numbers_that_are_not_finite_are_said() -> None:
    view = HistogramStack({"g": [np.array([np.nan, np.inf, 1.0, 2.0])]})
    assert "⚠ g: 1 NaN and 1 infinite values at iteration 0" in view.to_text()
    assert "⚠ not finite" in view.to_svg()
    assert dict(zip(FACTS, shown(view)["facts"][0], strict=True))["mean"] == 1.5
    nothing = HistogramStack({"g": [np.array([np.nan])]})
    ET.fromstring(nothing.to_svg())
    assert "nan" not in json.dumps(nothing.to_json()["tensors"][0]["linear"])


# -- pictures --------------------------------------------------------------------------------------------------------
LOOKS = [
    (mode, scale, split)
    for mode in ("offset", "overlay", "heat")
    for scale, split in (("linear", False), ("log", False), ("log", True))
]


@pytest.mark.parametrize(("mode", "scale", "split"), LOOKS)
def test_every_look_is_well_formed_small_and_the_same_twice(mode: str, scale: str, split: bool) -> None:
    def view() -> HistogramStack:
        return HistogramStack(history(), mode=mode, scale=scale, split=split, tensor="gradients/0.weight", at=2)

    first, second = view(), view()
    assert first._repr_mimebundle_() == second._repr_mimebundle_()
    ET.fromstring(first.to_svg())
    assert len(first.to_html()) < 120_000
    assert json.loads(json.dumps(first.to_json(), allow_nan=False)) == first.to_json()
    assert "iteration 2" in first.to_svg()


def test_the_bands_of_float16_carry_the_share_of_the_values() -> None:
    array = np.float32([0, 1e-9, 2e-9, 1e-6, 1e-5, 3e-5, 1.0, 1e5])
    svg = HistogramStack({"g": [array]}).to_svg()
    for word, share in (("under", "25%"), ("subnormal", "37.5%"), ("over", "12.5%")):
        at = svg.index(f">{word}</text>")
        assert f">{share}</text>" in svg[at : at + 140], word
    assert ">under</text>" not in HistogramStack({"g": [array]}, fp16=False).to_svg()
    assert ">under</text>" not in HistogramStack({"g": [array]}, scale="linear").to_svg()


def test_large_ones_say_what_is_left_out() -> None:
    wide = HistogramStack(history(steps=64, width=64))
    assert len(wide.to_html()) < 120_000
    many = HistogramStack({f"t{k}": SHRINKING for k in range(300)}, tensor="t299")
    data = many.to_json()
    assert "tensors are left out: choose with names=" in data["note"]
    assert data["tensors"][data["tensor"]]["name"] == "t299"
    assert len(many.to_html()) < 120_000
    long = HistogramStack({"t": [np.float32([k, k + 1]) for k in range(500)]}, at=123)
    data = long.to_json()
    assert len(data["steps"]) <= 64
    assert 123 in data["steps"]
    assert {0, 499} <= set(data["steps"])
    assert "iterations of each are in the picture" in data["note"]
    assert "… 240 more" in many.to_text()


def test_joined_bins_are_still_exact() -> None:
    data = HistogramStack(dict.fromkeys([f"t{k}" for k in range(40)], SHRINKING)).to_json()
    assert data["per_octave"] == 1
    assert "joined by four" in data["note"]
    tensor = data["tensors"][3]
    step = tensor["steps"][1]
    wide = SHRINKING[step].astype(np.float64)
    first, counts = tensor["positive"][1]
    limits = [2.0 ** (first + i) for i in range(len(counts) + 1)]
    assert counts == np.histogram(wide[wide > 0], bins=limits)[0].tolist()
    power, first, counts = tensor["linear"][1]
    assert counts == np.histogram(wide, bins=[(first + i) * 2.0**power for i in range(len(counts) + 1)])[0].tolist()


def test_names_are_text() -> None:
    names = ["<img src=x onerror=alert(1)></svg><script>", "a\nb\u202ec\x00", "\"' onload='x'", "x" * 10_000]
    view = HistogramStack(dict.fromkeys(names, SHRINKING[:2]))
    html = view.to_html()
    assert html.count("<script") == html.count("</script>") == 3
    assert html.count("<img") == 1
    for name in names:
        svg = HistogramStack({name: SHRINKING[:2]}).to_svg()
        ET.fromstring(svg)
        assert not {"\x00", "\u202e", "\n"} & set(svg)
        assert len(svg) < 60_000
    assert max(len(one["name"]) for one in view.to_json()["tensors"]) <= 80
    assert max(map(len, view.to_text().splitlines())) < 300


def test_settings_reach_the_page() -> None:
    view = HistogramStack({"g": SHRINKING}, mode="heat", timeline=Timeline("t"), title="<T>", fp16=False, at=3)
    data = view.to_json()
    assert (data["mode"], data["timeline"], data["title"], data["fp16"], data["at"]) == ("heat", "t", "<T>", False, 3)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: HistogramStack(3), TypeError, "cannot read a int"),
        (lambda: HistogramStack({}), ValueError, "no tensor to show"),
        (lambda: HistogramStack({"a": 3}), TypeError, "'a' is no list"),
        (lambda: HistogramStack({"a": ["x"]}), TypeError, "holds no numbers"),
        (lambda: HistogramStack(History()), ValueError, "no iteration has ended"),
        (lambda: HistogramStack({"a": SHRINKING}, mode="3d"), ValueError, "mode must be one of"),
        (lambda: HistogramStack({"a": SHRINKING}, scale="sqrt"), ValueError, "scale must be"),
        (lambda: HistogramStack({"a": SHRINKING}, names="b*"), ValueError, "'b\\*'; there are a"),
        (lambda: HistogramStack({"a": SHRINKING}, tensor="b"), KeyError, "'b'"),
        (lambda: HistogramStack({"a": SHRINKING}, at=99), ValueError, "nothing of iteration 99"),
    ],
)
def test_bad_input(call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call()


def test_a_history_without_histograms() -> None:
    net = nn.Linear(2, 1)
    seen = watch(net)
    seen.step()
    seen.close()
    with pytest.raises(ValueError, match=r"no histograms\nAsk for them"):
        HistogramStack(seen)
