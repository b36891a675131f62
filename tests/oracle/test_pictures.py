"""Convolution, pooling, padding and resizing: graphs, sizes by the hundred, and what samples cannot say."""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gradviz

from .same import Sample, compare, run, sample
from .test_graph_names import tree

pytestmark = pytest.mark.oracle
torch: Any = pytest.importorskip("torch")

LINE, PICTURE, VOLUME = (2, 4, 6), (2, 4, 6, 6), (2, 4, 6, 6, 6)
GRAPHS = [
    sample("F.conv1d(x, w, b)", x=LINE, w=(3, 4, 2), b=(3,)),
    sample("F.conv1d(x, w)", x=(4, 6), w=(3, 4, 2)),
    sample("F.conv3d(x, w, b)", x=VOLUME, w=(3, 4, 2, 2, 2), b=(3,)),
    sample("F.conv2d(x, w, padding='same')", x=PICTURE, w=(3, 4, 2, 3)),
    sample("F.conv2d(x, w, padding='same')", x=PICTURE, w=(3, 4, 3, 3)),
    sample("F.conv_transpose1d(x, w, b)", x=LINE, w=(4, 3, 2), b=(3,)),
    sample("F.conv_transpose2d(x, w)", x=PICTURE[1:], w=(4, 3, 2, 2)),
    sample("torch.conv_tbc(x, w, b)", x=(5, 2, 3), w=(2, 3, 4), b=(4,)),
    *(
        sample(code, x=x)
        for code, x in (
            ("F.max_pool1d(x, 2)", LINE),
            ("F.max_pool1d(x, 2, return_indices=True)[0]", LINE[1:]),
            ("F.max_pool3d(x, 2)", VOLUME),
            ("F.avg_pool1d(x, 2)", LINE),
            ("F.avg_pool3d(x, 2)", VOLUME),
            ("F.adaptive_avg_pool1d(x, 2)", LINE),
            ("F.adaptive_avg_pool1d(x, 1)", LINE),
            ("F.adaptive_avg_pool2d(x, 1)", PICTURE),
            ("F.adaptive_avg_pool3d(x, 2)", VOLUME),
            ("F.adaptive_max_pool1d(x, 2)", LINE),
            ("F.adaptive_max_pool2d(x, 2)", PICTURE),
            ("F.adaptive_max_pool3d(x, 2)", VOLUME),
            ("F.fractional_max_pool2d(x, 2, 3)", PICTURE),
            ("F.fractional_max_pool3d(x, 2, 3)", VOLUME),
            ("F.max_unpool1d(*F.max_pool1d(x, 2, return_indices=True), 2)", LINE),
            ("F.max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), 2)", PICTURE),
            ("F.max_unpool3d(*F.max_pool3d(x, 2, return_indices=True), 2)", VOLUME),
            ("F.lp_pool1d(x, 2, 2)", LINE),
            ("F.lp_pool2d(x, 2, 2)", PICTURE),
            ("F.lp_pool3d(x, 2, 2)", VOLUME),
            ("F.unfold(x, 2)", PICTURE),
            ("F.fold(F.unfold(x, 2), (6, 6), 2)", PICTURE),
            ("F.pad(x, (0, 0))", LINE),
            ("F.pad(x, (1, -1), 'reflect')", LINE),
            ("F.pad(x, (1, 1, 1, 1), 'reflect')", PICTURE),
            ("F.pad(x, (1, 1, 1, 1), 'replicate')", PICTURE),
            ("F.pad(x, (1, 1) * 3, 'replicate')", VOLUME),
            ("F.pad(x, (1, 2), 'circular')", LINE),
            ("F.pad(x, (1, 2, -1, 1), 'circular')", PICTURE),
            ("F.interpolate(x, 8)", LINE),
            ("F.interpolate(x, 8, mode='nearest-exact')", PICTURE),
            ("F.interpolate(x, 8, mode='linear')", LINE),
            ("F.interpolate(x, 8, mode='bilinear')", PICTURE),
            ("F.interpolate(x, 8, mode='bilinear', antialias=True)", PICTURE),
            ("F.interpolate(x, 8, mode='bicubic')", PICTURE),
            ("F.interpolate(x, 8, mode='bicubic', antialias=True)", PICTURE),
            ("F.interpolate(x, 8, mode='trilinear')", VOLUME),
            ("F.interpolate(x, 8, mode='area')", PICTURE),
            ("F.pixel_shuffle(x, 2)", PICTURE),
            ("F.pixel_unshuffle(x, 2)", PICTURE),
            ("F.channel_shuffle(x, 2)", PICTURE),
            ("F.batch_norm(x, None, None, training=True)", PICTURE),
            ("F.group_norm(x, 2)", PICTURE),
            ("F.instance_norm(x)", PICTURE),
            ("F.layer_norm(x, (6,))", PICTURE),
            ("F.rms_norm(x, (6,))", PICTURE),
            ("F.local_response_norm(x, 2)", LINE),
            ("F.local_response_norm(x, 2)", PICTURE),
        )
    ),
    sample("F.instance_norm(x, weight=w, bias=w)", x=PICTURE, w=(4,)),
    sample("F.rms_norm(x, (6,), w)", x=PICTURE, w=(6,)),
    sample("F.grid_sample(x, g, align_corners=False)", x=PICTURE, g=(2, 3, 3, 2)),
    sample("F.grid_sample(x, g, align_corners=False)", x=VOLUME, g=(2, 3, 3, 3, 3)),
    sample("F.affine_grid(x, (2, 1, 3, 3), align_corners=False)", x=(2, 2, 3)),
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("row", [pytest.param(row, id=str(row)) for row in GRAPHS])
def test_graph_equals_torchs(row: Sample) -> None:
    assert tree(gradviz, row) == tree(torch, row)


@pytest.mark.filterwarnings("ignore")  # torch says once that an even kernel may need a copy
@pytest.mark.parametrize(
    ("dims", "kernel", "dilation"),
    [(d, k, dil) for d, k, dil in itertools.product((1, 2, 3), (1, 2, 3, 4), (1, 2))],
)
def test_padding_same_keeps_the_size(dims: int, kernel: int, dilation: int) -> None:
    size, window = (7, 6, 5)[:dims], (kernel, 2, 3)[:dims]
    row = sample(
        f"F.conv{dims}d(x, w, padding='same', dilation={dilation})", x=(1, 2, *size), w=(1, 2, *window), rtol=1e-4
    )
    compare(row, run(torch, row), run(gradviz, row))


# -- sizes by the hundred ------------------------------------------------------------------------------------------
def both(code: str, shape: tuple[int, ...], dtype: Any = np.float32) -> tuple[Any, Any]:
    """What a snippet about `x` gives here and in PyTorch, for numbers that are all different."""
    x = np.random.default_rng(0).permutation(int(np.prod(shape))).reshape(shape).astype(dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        want, got = (eval(code, {"x": lib.from_numpy(x), "F": lib.nn.functional}).numpy() for lib in (torch, gradviz))
    return want, got


@pytest.mark.parametrize("mode", ["nearest", "nearest-exact", "area", "linear"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_size_from_every_size(mode: str, dtype: Any) -> None:
    """Where rounding decides which of two places is nearest it is PyTorch's rounding, for each type."""
    for size, wanted in itertools.product(range(1, 24), range(1, 40)):
        want, got = both(f"F.interpolate(x, {wanted}, mode='{mode}')", (1, 1, size), dtype)
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4, err_msg=f"{size} -> {wanted}")


@pytest.mark.parametrize("mode", ["nearest", "nearest-exact", "linear"])
def test_every_scale(mode: str) -> None:
    for size, scale in itertools.product(range(1, 14), (0.3, 0.5, 0.7, 0.9, 1.0, 1.1, 1.3, 1.9, 2.0, 2.7, 3.3)):
        if int(size * scale):
            want, got = both(f"F.interpolate(x, scale_factor={scale}, mode='{mode}')", (1, 1, size))
            np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4, err_msg=f"{size} * {scale}")


small = st.integers(1, 3)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    st.sampled_from(["max", "avg"]), st.integers(1, 3), st.lists(st.integers(1, 7), min_size=3, max_size=3),
    st.lists(small, min_size=3, max_size=3), st.lists(small, min_size=3, max_size=3),
    st.lists(st.integers(0, 1), min_size=3, max_size=3), small, st.booleans(),
)  # fmt: skip
def test_pooling_of_any_window(
    kind: str, dims: int, size: list[int], kernel: list[int], stride: list[int], padding: list[int], dilation: int,
    ceil_mode: bool,
) -> None:  # fmt: skip
    """The same numbers and indices, or the same error, whatever the window."""
    options = f"{kernel[:dims]}, {stride[:dims]}, {padding[:dims]}"
    rest = f"{dilation}, {ceil_mode}, True" if kind == "max" else f"{ceil_mode}, False"
    row = sample(f"F.{kind}_pool{dims}d(x, {options}, {rest})", x=(1, 2, *size[:dims]), order=1, text=False)
    compare(row, run(torch, row), run(gradviz, row))


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    st.booleans(), st.integers(1, 3), st.lists(st.integers(1, 5), min_size=3, max_size=3),
    st.lists(small, min_size=3, max_size=3), st.lists(small, min_size=3, max_size=3),
    st.lists(st.integers(0, 2), min_size=3, max_size=3), st.lists(small, min_size=3, max_size=3), st.integers(1, 2),
)  # fmt: skip
def test_convolution_of_any_window(
    turned: bool, dims: int, size: list[int], kernel: list[int], stride: list[int], padding: list[int],
    dilation: list[int], groups: int,
) -> None:  # fmt: skip
    """The same numbers and gradients, or the same error, whatever the window."""
    name = "conv_transpose" if turned else "conv"
    options = f"stride={stride[:dims]}, padding={padding[:dims]}, dilation={dilation[:dims]}, groups={groups}"
    row = sample(
        f"F.{name}{dims}d(x, w, b, {options})", x=(2, 2, *size[:dims]),
        w=(2, 2 // groups, *kernel[:dims]), b=(2,), order=1, rtol=1e-4, text=False,
    )  # fmt: skip
    theirs = run(torch, row)
    if "descriptor" not in str(theirs.error):  # what oneDNN cannot do is not the caller's mistake
        compare(row, theirs, run(gradviz, row))


# -- running statistics --------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["batch_norm", "instance_norm"])
def test_running_statistics_follow_torchs(name: str) -> None:
    seen = []
    for lib in (torch, gradviz):
        mean, var = lib.zeros(3), lib.ones(3)
        for step in range(3):
            lib.manual_seed(step)
            getattr(lib.nn.functional, name)(lib.randn(4, 3, 5), mean, var, None, None, True, 0.3)
        seen.append((mean.numpy(), var.numpy()))
    for want, got in zip(*seen, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-5)


def test_a_constant_is_refused_where_it_wants_a_gradient() -> None:
    x, mean, var = gradviz.randn(4, 3), gradviz.zeros(3, requires_grad=True), gradviz.ones(3)
    with pytest.raises(RuntimeError, match="'running_mean'"):
        gradviz.nn.functional.batch_norm(x, mean, var)


# -- other numbers -------------------------------------------------------------------------------------------------
def summed(lib: Any, code: str, dtype: str, shapes: dict[str, tuple[int, ...]]) -> list[Any]:
    """The value of a snippet and the gradients of the sum of its absolute squares, as float64 or complex128."""
    rng = np.random.default_rng(0)
    inputs = {}
    for name, shape in shapes.items():
        array = rng.standard_normal(shape) + (1j * rng.standard_normal(shape) if dtype == "complex128" else 0)
        inputs[name] = lib.tensor(array).to(getattr(lib, dtype)).requires_grad_()
    out = eval(code, {"F": lib.nn.functional, "torch": lib, **inputs})
    (out.abs() ** 2).sum().backward()
    wide = lib.complex128 if dtype == "complex128" else lib.float64
    made = [t.detach().to(wide) for t in (out, *(x.grad for x in inputs.values()))]
    return [(t.resolve_conj() if lib is torch else t).numpy() for t in made]


@pytest.mark.parametrize(("dtype", "rtol"), [("complex128", 1e-9), ("bfloat16", 3e-2), ("float16", 4e-3)])
@pytest.mark.parametrize(
    ("code", "shapes"),
    [
        ("F.conv1d(x, w, b, padding=1)", {"x": (2, 3, 6), "w": (4, 3, 3), "b": (4,)}),
        ("F.conv2d(x, w, b, stride=2)", {"x": (2, 3, 6, 5), "w": (4, 3, 3, 2), "b": (4,)}),
        ("F.conv3d(x, w)", {"x": (1, 2, 4, 3, 3), "w": (2, 2, 2, 2, 2)}),
        ("F.conv_transpose2d(x, w, b, stride=2)", {"x": (2, 3, 4, 3), "w": (3, 2, 2, 2), "b": (2,)}),
        ("F.pad(x, (2, 1), 'reflect')", {"x": (2, 3, 5)}),
        ("F.pad(x, (2, 1), 'circular')", {"x": (2, 3, 5)}),
        ("F.fold(F.unfold(x, 2), (4, 4), 2)", {"x": (1, 2, 4, 4)}),
        ("F.pixel_shuffle(x, 2)", {"x": (1, 4, 2, 3)}),
    ],
)
def test_complex_and_short_numbers(code: str, shapes: dict[str, tuple[int, ...]], dtype: str, rtol: float) -> None:
    for want, got in zip(summed(torch, code, dtype, shapes), summed(gradviz, code, dtype, shapes), strict=True):
        np.testing.assert_allclose(got, want, rtol=rtol, atol=rtol * float(np.abs(want).max()))
