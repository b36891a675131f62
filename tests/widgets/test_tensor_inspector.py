"""`TensorInspector`: every number is the tensor's, whatever holds it; large tensors lose nothing that is not said."""

from __future__ import annotations

import base64
import json
import math
import re
import subprocess
import sys
import warnings
import xml.etree.ElementTree as ET
import zlib
from typing import Any

import numpy as np
import pytest

import gradviz as torch
from gradviz.viz.numbers import number
from gradviz.widgets.tensors.tensor_inspector import TensorInspector
from gradviz.widgets.tensors.tensor_layout import axes_of, grid, image_of
from gradviz.widgets.tensors.tensor_pack import blocks, narrow, pack, pool, rooms
from tests.growth import growth
from tests.widgets.test_names import NAMES


def decoded(packed: dict[str, Any], key: str = "data") -> Any:
    """The array from the page's bytes."""
    import ml_dtypes

    kind = "u1" if key == "flags" else packed["type"]
    dtype = np.dtype(ml_dtypes.bfloat16) if kind == "bf" else np.dtype(f"<{kind}" if kind[1] != "1" else kind)
    raw = np.frombuffer(base64.b64decode(packed[key]), dtype=np.uint8).reshape(dtype.itemsize, -1).T
    return np.ascontiguousarray(raw).view(dtype).reshape(packed["shape"])


def face(view: TensorInspector, tensor: int = 0, which: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = view.to_json()["tensors"][tensor]["faces"][which]
    return found


def facts(view: TensorInspector, tensor: int = 0) -> dict[str, str]:
    return dict(view.to_json()["tensors"][tensor]["facts"])


def layer() -> Any:
    torch.manual_seed(0)
    made = torch.nn.Linear(6, 4)
    made(torch.randn(3, 6)).pow(2).sum().backward()
    return made


DTYPES = [
    torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int8, torch.uint8, torch.int16, torch.int32,
    torch.int64, torch.bool,
]  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2), (7,), (100,), (4, 5), (2, 3, 4), (2, 3, 2, 4, 5)], ids=str)
def test_every_number_is_embedded_exactly(dtype: Any, shape: tuple[int, ...]) -> None:
    torch.manual_seed(1)
    x = (torch.randn(shape) * 20).to(dtype)
    view = TensorInspector(x)
    made = face(view)
    assert made["data"]["kind"] == "exact"
    assert decoded(made["data"]).astype(np.float64).tolist() == x.double().tolist()
    wide = x.double()
    if wide.numel():
        assert (float(made["min"]), float(made["max"])) == (wide.min().item(), wide.max().item())
        assert number(made["mean"]) == number(wide.mean().item())
        assert wide.flatten()[made["at"][0]].item() == wide.min().item()
        assert wide.flatten()[made["at"][1]].item() == wide.max().item()
        assert sum(made["hist"]["counts"]) == wide.numel()
    if wide.numel() > 1:
        assert number(made["std"]) == number(wide.std().item())
    assert number(made["norm"]) == number(wide.norm().item())
    assert made["zero"] == int((wide == 0).sum().item())
    ET.fromstring(view.to_svg())


def test_the_gradient_is_a_face_of_its_own() -> None:
    weight = layer().weight
    view = TensorInspector(weight)
    assert [f["source"] for f in view.to_json()["tensors"][0]["faces"]] == ["value", "gradient"]
    assert decoded(face(view, 0, 1)["data"]).tolist() == weight.grad.tolist()
    assert number(face(view, 0, 1)["norm"]) == number(weight.grad.double().norm().item())
    assert format(weight.grad[1, 3].item(), ".4g") in view.to_text()


def test_a_tensor_that_is_not_a_leaf_is_not_asked_for_its_gradient() -> None:
    x = torch.ones(3, requires_grad=True)
    y = x * 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        view = TensorInspector(y)
    assert len(view.to_json()["tensors"][0]["faces"]) == 1
    assert facts(view)["made by"] == "MulBackward0"


def test_numbers_that_are_not_finite_are_counted_listed_and_drawn() -> None:
    x = torch.tensor([[1.0, math.nan, 2.0], [math.inf, 3.0, -math.inf]])
    view = TensorInspector(x)
    made = face(view)
    assert (made["nan"], made["plus"], made["minus"], made["inf"]) == (1, 1, 1, 2)
    assert made["marks"] == [[1, "nan"], [3, "inf"], [5, "-inf"]]
    assert (made["min"], made["max"], made["mean"]) == (1.0, 3.0, 2.0)
    assert "nan at [0, 1], inf at [1, 0], -inf at [1, 2]" in view.to_text()
    assert view.to_svg().count("<circle") == 3
    every = face(TensorInspector(torch.full((2,), math.nan)))
    assert (every["nan"], every["min"], every["hist"]) == (2, None, None)


@pytest.mark.parametrize("values", [[1e200, -1e200, 3.0], [1e-200, 3e-200], [1e300, 1e-300], [1.7e308] * 3], ids=str)
def test_statistics_of_very_large_and_small_numbers(values: list[float]) -> None:
    from fractions import Fraction

    made = face(TensorInspector(np.array(values)))
    exact = [Fraction(v) for v in values]
    mean = sum(exact) / len(exact)
    size = 2.0 ** (math.frexp(max(map(abs, values)))[1] - 1)
    norm = math.sqrt(float(sum((v / Fraction(size)) ** 2 for v in exact))) * size
    assert made["mean"] == pytest.approx(float(mean), rel=1e-12)
    assert made["norm"] == ("inf" if math.isinf(norm) else pytest.approx(norm, rel=1e-12))
    spread = float(sum(((v - mean) / Fraction(size)) ** 2 for v in exact) / (len(exact) - 1))
    assert made["std"] == pytest.approx(math.sqrt(spread) * size, rel=1e-9, abs=1e-12 * size)


def test_statistics_of_many_pieces() -> None:
    x = np.random.default_rng(0).standard_normal(300_001) + 1000
    made = face(TensorInspector(x))
    for name, value in (("mean", x.mean()), ("std", x.std(ddof=1)), ("norm", np.linalg.norm(x))):
        assert made[name] == pytest.approx(value, rel=1e-12)
    assert made["at"] == [int(x.argmin()), int(x.argmax())]
    assert made["hist"]["counts"] == np.histogram(x, bins=40)[0].tolist()


def test_many_marks_keep_some_of_each_kind() -> None:
    x = torch.full((1000,), math.nan)
    x[-1] = math.inf
    marks = face(TensorInspector(x))["marks"]
    assert len(marks) == 41
    assert marks[-1] == [999, "inf"]


def test_complex_numbers_have_four_faces() -> None:
    z = torch.tensor([3 + 4j, -1j])
    view = TensorInspector(z)
    parts = {f["part"]: decoded(f["data"]).tolist() for f in view.to_json()["tensors"][0]["faces"]}
    assert parts["magnitude"] == [5.0, 1.0]
    assert parts["phase"] == torch.angle(z).tolist()
    assert parts["real"] == [3.0, -0.0]
    assert parts["imaginary"] == [4.0, -1.0]


def test_huge_integers_stay_exact() -> None:
    view = TensorInspector(np.array([2**60 + 1, -5, 2**53]))
    assert decoded(face(view)["data"]).tolist() == [2**60 + 1, -5, 2**53]
    assert face(view)["max"] == str(2**60 + 1)
    assert str(2**60 + 1) in view.to_text()
    json.dumps(view.to_json())


def test_the_memory_is_told() -> None:
    base = torch.arange(24).float().reshape(4, 6)
    view = TensorInspector({"base": base, "turned": base.t(), "part": base[1:, ::2], "other": torch.ones(2)})
    assert facts(view, 0)["shares memory with"] == "turned, part"
    assert facts(view, 1)["strides"] == "(1, 6)"
    assert facts(view, 1)["contiguous"].startswith("no: the dimensions")
    assert facts(view, 2)["storage"] == "a view: 9 of 24 elements, from element 6"
    assert facts(view, 2)["contiguous"].startswith("no: a view")
    assert "shares memory with" not in facts(view, 3)
    part = facts(TensorInspector(np.arange(24).reshape(4, 6)[1:, ::2]))
    assert (part["storage"], part["strides"]) == ("a view: 9 of 24 elements, from element 6", "(6, 2)")


x = torch.arange(12).float()
w = torch.ones(3)
STORED: list[tuple[Any, str, str]] = [
    (x, "48 B", "its own"),
    (x.view(3, 4), "48 B", "a view of all 12 elements"),
    (x.view(3, 4).t(), "48 B", "a view of all 12 elements"),
    (x[2:5], "12 B", "a view: 3 of 12 elements, from element 2"),
    (x[2:5].expand(4, 3), "12 B; with every repeat written out 48 B",
     "a view: 3 of 12 elements, read as 12, from element 2"),
    (w.expand(4, 3), "12 B; with every repeat written out 48 B", "a view of all 3 elements, read as 12"),
    (x.unfold(0, 4, 2), "48 B; with every repeat written out 80 B", "a view of all 12 elements, read as 20"),
    (torch.ones(1).expand(5, 1), "4 B; with every repeat written out 20 B", "a view of one element, read as 5"),
    (torch.tensor(2.0), "4 B", "its own"),
    (torch.zeros(0, 3), "0 B", "its own"),
    (np.arange(6.0).reshape(2, 3)[::-1], "48 B", "a view of all 6 elements"),
    (np.broadcast_to(np.arange(3.0), (4, 3)), "24 B; with every repeat written out 96 B",
     "a view of all 3 elements, read as 12"),
]  # fmt: skip


@pytest.mark.parametrize(("tensor", "memory", "storage"), STORED)
def test_what_is_stored(tensor: Any, memory: str, storage: str) -> None:
    known = facts(TensorInspector(tensor))
    assert (known["memory"], known["storage"]) == (memory, storage)


HOLDERS: list[tuple[Any, list[str]]] = [
    (np.arange(6.0).reshape(2, 3), ["array"]),
    ([[1, 2], [3, 4]], ["array"]),
    (2.5, ["array"]),
    ({"a": torch.ones(2), "b": np.zeros((2, 2))}, ["a", "b"]),
    ([torch.ones(2), torch.ones(3)], ["0", "1"]),
]


@pytest.mark.parametrize(("thing", "names"), HOLDERS, ids=["array", "lists", "number", "dict", "list"])
def test_what_holds_numbers(thing: Any, names: list[str]) -> None:
    assert [tensor["name"] for tensor in TensorInspector(thing).to_json()["tensors"]] == names


def test_a_module_is_its_parameters_and_buffers() -> None:
    net = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3), torch.nn.LazyLinear(2))
    view = TensorInspector(net)
    names = [tensor["name"] for tensor in view.to_json()["tensors"]]
    assert names[:3] == ["0.weight", "0.bias", "1.weight"]
    assert "1.running_mean" in names
    assert "2.weight has no shape yet" in view.note()
    assert [t["name"] for t in TensorInspector(net[0].named_parameters()).to_json()["tensors"]] == ["weight", "bias"]


def test_real_torch_tensors_are_read_too() -> None:
    real = pytest.importorskip("torch", reason="torch is not installed")
    real.manual_seed(0)
    mine = real.nn.Linear(3, 2)
    mine(real.ones(1, 3)).sum().backward()
    view = TensorInspector(mine)
    assert [t["name"] for t in view.to_json()["tensors"]] == ["weight", "bias"]
    assert decoded(face(view)["data"]).tolist() == mine.weight.tolist()
    assert decoded(face(view, 0, 1)["data"]).tolist() == mine.weight.grad.tolist()
    half = TensorInspector(real.tensor([1.5, 2.25], dtype=real.bfloat16))
    assert decoded(face(half)["data"]).tolist() == [1.5, 2.25]
    assert facts(half)["dtype"] == "bfloat16"
    assert facts(TensorInspector(real.ones(4, 3).t()))["strides"] == "(1, 3)"
    assert facts(TensorInspector(mine.weight * 2))["made by"] == "MulBackward0"
    with pytest.raises(ValueError, match=r"to_dense"):
        TensorInspector(real.ones(2, 2).to_sparse())
    with pytest.raises(ValueError, match="meta device"):
        TensorInspector(real.ones(2, device="meta"))


WRONG: list[tuple[Any, dict[str, Any], type[Exception], str]] = [
    ("text", {}, TypeError, "shows numbers"),
    (object(), {}, TypeError, "shows numbers"),
    (np.array(["a"]), {}, TypeError, "shows numbers"),
    ({"x": None}, {}, TypeError, "'x' is NoneType"),
    ([[1, 2], [3]], {}, ValueError, "rows differ in length"),
    ({}, {}, ValueError, "found no tensor in this dict"),
    (torch.nn.ReLU(), {}, ValueError, "found no tensor in this ReLU"),
    (np.ones((2, 2)), {"rows": 0, "columns": 0}, ValueError, "different dimensions"),
    (np.ones((2, 2)), {"rows": 5}, ValueError, "which has 2"),
    (np.ones((5, 4, 4)), {"as_image": True}, ValueError, "1 or 3 channels"),
]


@pytest.mark.parametrize(
    ("thing", "settings", "kind", "text"),
    WRONG,
    ids=["text", "object", "letters", "none", "ragged", "empty", "bare", "twice", "far", "image"],
)
def test_what_cannot_be_shown(thing: Any, settings: dict[str, Any], kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=text):
        TensorInspector(thing, **settings)


# -- layout and packing ------------------------------------------------------------------------------------------------


def test_dimensions_are_laid_out_as_tiles_while_there_is_room() -> None:
    assert axes_of([8, 4, 3, 3], False) == ([0, 2], [1, 3])
    assert axes_of([16, 3, 7, 7], False) == ([2], [1, 3])
    assert axes_of([100, 200], False) == ([0], [1])
    assert axes_of([5], False) == ([], [0])
    assert axes_of([64, 64, 3, 3], True) == ([0], [1])
    chosen = TensorInspector(np.zeros((2, 3, 4)), rows=(0, -1), columns=1).to_json()["tensors"][0]
    assert chosen["axes"] == [[0, 2], [1]]


def test_a_grid_of_tiles_holds_the_right_numbers() -> None:
    x = np.arange(8 * 4 * 3 * 3).reshape(8, 4, 3, 3)
    cells = grid(x, axes_of(x.shape, False))
    assert cells.shape == (24, 12)
    assert cells[3 * 5 + 2, 3 * 1 + 0] == x[5, 1, 2, 0]
    picked = grid(np.arange(2 * 200 * 300).reshape(2, 200, 300), axes_of((2, 200, 300), False))
    assert picked[7, 9] == 7 * 300 + 9


@pytest.mark.parametrize(
    ("shape", "wanted", "kind"),
    [
        ((3, 32, 32), None, "chw"), ((10, 3, 32, 32), None, "chw"), ((32, 32, 3), None, "hwc"),
        ((64, 3, 7, 7), None, "chw"), ((28, 28), None, None), ((28, 28), True, "hw"), ((3, 3, 3), None, None),
        ((3, 32, 32), False, None), ((5, 6, 7), True, None),
    ],
)  # fmt: skip
def test_what_is_an_image(shape: tuple[int, ...], wanted: bool | None, kind: str | None) -> None:
    assert image_of(shape, wanted) == kind


def test_an_image_is_drawn_as_one() -> None:
    pixels = np.zeros((3, 8, 8))
    pixels[0] = 1
    svg = TensorInspector(pixels, as_image=True).to_svg()
    found = re.search(r'base64,([^"]+)', svg)
    assert found is not None
    body = zlib.decompress(_idat(base64.b64decode(found[1])))
    assert body[1:4] == b"\xff\x00\x00"


def _idat(png: bytes) -> bytes:
    at = png.index(b"IDAT")
    return png[at + 4 : at + 4 + int.from_bytes(png[at - 4 : at], "big")]


@pytest.mark.parametrize(
    ("values", "code"),
    [([0, 255], "u1"), ([-1, 5], "i1"), ([0, 65535], "u2"), ([-300], "i2"), ([2**32 - 1], "u4"), ([-(2**40)], "i8")],
)
def test_whole_numbers_take_no_more_bytes_than_they_need(values: list[int], code: str) -> None:
    made = narrow(np.array(values))
    assert f"{made.dtype.kind}{made.dtype.itemsize}" == code
    assert made.tolist() == values


def test_rounding_keeps_signs_zeros_and_what_is_not_finite() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal(20_000).astype(np.float32) * 1e-3
    x[:7] = [0.0, -0.0, np.nan, np.inf, -np.inf, 1e-44, 3.4e38]
    packed, _ = pack(x, 36_000)
    assert packed["kind"] == "rounded"
    back = decoded(packed).astype(np.float64)
    assert np.array_equal(np.isnan(back), np.isnan(x))
    assert np.array_equal(np.isinf(back), np.isinf(x))
    assert np.array_equal(back == 0, x == 0)
    assert np.array_equal(np.signbit(back), np.signbit(x))
    fine = np.isfinite(x) & (np.abs(x) > 1e-30)
    assert (np.abs(back[fine] / x[fine] - 1) < 0.004).all()


def test_blocks_keep_extremes_and_what_is_not_finite() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((5, 301, 200)).astype(np.float32)
    x[3, 17, 20], x[2, 3, 4], x[1, 300, 199] = 999.0, np.nan, -np.inf
    x[0, :8, :8] = np.nan
    block = blocks(x.shape, 3000)
    low, high, mean, flags = pool(x, block)
    assert low.size <= 3000
    assert high.max() == 999.0
    assert flags[2 // block[0], 3 // block[1], 4 // block[2]] & 1
    assert flags[1 // block[0], 300 // block[1], 199 // block[2]] & 4
    for at in [(0, 0, 0), (3, 2, 1), (low.shape[0] - 1, low.shape[1] - 1, low.shape[2] - 1)]:
        part = x[tuple(slice(i * b, (i + 1) * b) for i, b in zip(at, block, strict=True))].astype(np.float64)
        fine = part[np.isfinite(part)]
        assert bool(flags[at] & 1) == bool(np.isnan(part).any())
        if fine.size:
            assert (low[at], high[at]) == (fine.min(), fine.max())
            assert mean[at] == pytest.approx(fine.mean())
    whole = rng.integers(0, 9, (40, 50))
    assert pool(whole, [40, 50])[2].item() == whole.mean()


def test_room_is_shared_so_that_small_tensors_are_whole() -> None:
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(n) for n in (10, 100_000, 50, 200_000)]
    shares = rooms(arrays, 10_000)
    assert sum(shares) <= 10_001
    assert shares[1] == shares[3] > 4_000
    assert [pack(a, share)[0]["kind"] for a, share in zip(arrays, shares, strict=True)] == ["exact", "pooled"] * 2


# -- what every view does ----------------------------------------------------------------------------------------------


def cases() -> dict[str, TensorInspector]:
    rng = np.random.default_rng(0)
    made = layer()
    return {
        "gradient": TensorInspector(made.weight),
        "module": TensorInspector(made),
        "large": TensorInspector(rng.standard_normal((1500, 900)).astype(np.float32)),
        "weights": TensorInspector(rng.standard_normal((128, 64, 3, 3)).astype(np.float32)),
        "photo": TensorInspector(rng.integers(0, 256, (3, 224, 224), dtype=np.uint8), as_image=True),
        "labels": TensorInspector(rng.integers(0, 7, (20, 20))),
    }


def test_everything_is_deterministic_well_formed_and_small() -> None:
    for (name, a), b in zip(cases().items(), cases().values(), strict=True):
        assert a._repr_mimebundle_() == b._repr_mimebundle_(), name
        assert set(a._repr_mimebundle_()) == {"text/plain", "text/html"}
        ET.fromstring(a.to_svg())
        assert json.loads(json.dumps(a.to_json(), allow_nan=False)) == a.to_json()
        assert len(a.to_html()) + len(a.to_text()) < 120_000, name


def test_hash_seeds_do_not_matter() -> None:
    code = (
        "import gradviz as torch, hashlib; from gradviz.widgets.tensors.tensor_inspector import TensorInspector;"
        "torch.manual_seed(0); net = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2));"
        "v = TensorInspector(net);"
        "print(hashlib.sha256((v.to_html() + v.to_text()).encode()).hexdigest())"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, check=True, capture_output=True
        ).stdout
        for seed in ("0", "1")
    }
    assert len(found) == 1


def test_many_parameters_stay_within_the_budget() -> None:
    net = torch.nn.Sequential(*[torch.nn.Conv2d(64, 64, 3) for _ in range(80)])
    view = TensorInspector(net)
    assert len(view.to_html()) + len(view.to_text()) < 125_000
    assert "… 60 more rows" in view.to_text()
    assert "large tensors are shown as blocks" in view.note()
    assert len(view.to_text().splitlines()) == 104


def test_nothing_is_changed() -> None:
    made = layer()
    before = [(p.tolist(), p.grad.tolist(), p._version) for p in made.parameters()]
    state = torch.get_rng_state().tolist()
    with torch.record() as tape:
        view = TensorInspector(made)
        view.to_html()
    assert [(p.tolist(), p.grad.tolist(), p._version) for p in made.parameters()] == before
    assert torch.get_rng_state().tolist() == state
    assert len(tape.nodes) == 0


def test_the_view_is_of_the_moment_it_was_made() -> None:
    x = torch.ones(2, 2)
    view = TensorInspector(x)
    before = view.to_html(), view.to_text(), view.to_svg()
    x += 5
    assert (view.to_html(), view.to_text(), view.to_svg()) == before


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_names_are_text(name: str) -> None:
    view = TensorInspector({name: torch.ones(2, 2), "b": torch.ones(1)}, title=name)
    html = view.to_html()
    assert html.count("<script") == html.count("</script>") == 3
    for text in (html, view.to_svg(), view.to_text()):
        assert "onerror=alert(1)>" not in text or text == view.to_text()
        assert not {"\x00", "\u202e", "\u2066", "\u2028"} & set(text)
    ET.fromstring(view.to_svg())
    assert max(len(tensor["name"]) for tensor in view.to_json()["tensors"]) <= 80
    assert len(html) < 60_000


def test_time_grows_no_faster_than_the_tensor() -> None:
    tensors = {n: torch.randn(n, n) for n in (1000, 3000)}
    assert growth(lambda n: TensorInspector(tensors[n]).to_html(), 1000, 3000) < 27


# -- with a kernel -----------------------------------------------------------------------------------------------------


def test_a_live_view_hands_out_what_the_page_does_not_hold() -> None:
    torch.manual_seed(0)
    x = torch.randn(400, 500, requires_grad=True)
    (x * 3).sum().backward()
    view = TensorInspector(x, live=True)
    told: list[Any] = []
    view.tell = lambda message, buffers=(): told.append(message)  # type: ignore[method-assign]
    view.hear({"tensor": 0, "face": 0, "at": [399, 3], "dims": [0, 1]}, [])
    view.hear({"tensor": 0, "face": 1, "at": [200, 200], "dims": [0, 1]}, [])
    assert told[0]["origin"] == [336, 0]
    assert decoded(told[0]["data"]).tolist() == x[336:400, :64].tolist()
    assert told[1]["origin"] == [168, 168]
    assert (decoded(told[1]["data"]) == 3).all()
    with torch.no_grad():
        x.mul_(0)
    view.hear({"tensor": 0, "face": 0, "at": [0, 0], "dims": [0, 1]}, [])
    assert (decoded(told[2]["data"]) == 0).all(), "the kernel's numbers are those of now"


def test_a_live_view_of_more_dimensions_and_parts() -> None:
    z = torch.randn(3, 200, 300, 2, dtype=torch.complex64)
    view = TensorInspector({"z": z}, live=True)
    told: list[Any] = []
    view.tell = lambda message, buffers=(): told.append(message)  # type: ignore[method-assign]
    view.hear({"tensor": 0, "face": 3, "at": [2, 10, 290, 1], "dims": [1, 2]}, [])
    assert told[0]["origin"] == [2, 0, 236, 1]
    assert decoded(told[0]["data"]).tolist() == z.imag[2:, :64, 236:, 1:].tolist()
