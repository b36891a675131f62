"""Where results lie in memory when pictures or weights have their channels last: PyTorch's strides."""

from __future__ import annotations

from typing import Any

import pytest

import gradviz

torch = pytest.importorskip("torch", reason="PyTorch is the oracle of these tests")
FORMATS = {4: "channels_last", 5: "channels_last_3d"}


def made(lib: Any, shape: Any, last: bool, kind: str = "float32") -> Any:
    """An array of ones, perhaps with channels last."""
    x = lib.ones(*shape, dtype=getattr(lib, kind))
    return x.contiguous(memory_format=getattr(lib, FORMATS[len(shape)])) if last else x


def strides(found: Any) -> Any:
    return [t.stride() for t in (found if isinstance(found, (tuple, list)) else (found,))]


# -- convolutions --------------------------------------------------------------------------------------------------
CONVOLUTIONS = [
    ("conv2d", (2, 3, 8, 8), (4, 3, 3, 3), {}),
    ("conv2d", (2, 3, 8, 8), (4, 3, 3, 3), {"stride": 2, "padding": 1}),
    ("conv2d", (2, 6, 8, 8), (4, 3, 3, 3), {"groups": 2}),
    ("conv2d", (2, 6, 8, 8), (6, 1, 3, 3), {"groups": 6}),
    ("conv2d", (2, 3, 8, 8), (4, 3, 1, 1), {}),
    ("conv2d", (2, 3, 8, 8), (4, 3, 8, 8), {}),  # one result: strides may be read either way
    ("conv2d", (2, 32, 8, 8), (32, 32, 3, 3), {"padding": 1}),
    ("conv2d", (2, 1, 8, 8), (1, 1, 3, 3), {}),
    ("conv3d", (2, 3, 4, 8, 8), (4, 3, 2, 3, 3), {}),
    ("conv_transpose2d", (2, 4, 8, 8), (4, 3, 3, 3), {}),
    ("conv_transpose3d", (2, 4, 4, 5, 6), (4, 3, 2, 3, 3), {}),
]


@pytest.mark.parametrize("kind", ["float32", "float64", "bfloat16", "int64"])
@pytest.mark.parametrize(("name", "shape", "weights", "options"), CONVOLUTIONS)
def test_convolutions(name: str, shape: Any, weights: Any, options: Any, kind: str) -> None:
    for which in ((False, False), (False, True), (True, False), (True, True)):
        found = []
        for lib in (gradviz, torch):
            x, w = (made(lib, s, last, kind) for s, last in zip((shape, weights), which, strict=True))
            found.append(getattr(lib.nn.functional, name)(x, w, **options).stride())
        assert found[0] == found[1], (name, which, *found)


@pytest.mark.parametrize("case", CONVOLUTIONS[:2] + CONVOLUTIONS[8:9])
@pytest.mark.parametrize("last", [(False, True), (True, False), (True, True), (False, False)])
def test_gradients_on_their_way_back(case: Any, last: tuple[bool, bool]) -> None:
    """As a hook sees them: with the order of pictures and weights, whatever that of the gradient that arrives."""
    name, shape, weights, options = case
    for arrives in (False, True):
        found: dict[str, list[Any]] = {"gradviz": [], "torch": []}
        for lib in (gradviz, torch):
            leaves = [made(lib, s, a).requires_grad_(True) for s, a in zip((shape, weights), last, strict=True)]
            x, w = (leaf * 1 for leaf in leaves)
            for t in (x, w):
                t.register_hook(lambda g, seen=found[lib.__name__]: seen.append(g.stride()))
            y = getattr(lib.nn.functional, name)(x, w, **options)
            y.backward(made(lib, y.shape, arrives))
        assert sorted(found["gradviz"]) == sorted(found["torch"])
        assert len(found["torch"]) == 2


# -- pooling -------------------------------------------------------------------------------------------------------
POOLS: dict[str, Any] = {
    "max": lambda F, x: F.max_pool2d(x, 2, return_indices=True),
    "max with a border": lambda F, x: F.max_pool2d(x, 3, 2, 1, return_indices=True),
    "mean": lambda F, x: F.avg_pool2d(x, 2),
    "mean with a border": lambda F, x: F.avg_pool2d(x, 3, 1, 1),
    "adaptive mean": lambda F, x: F.adaptive_avg_pool2d(x, (3, 2)),
    "adaptive max": lambda F, x: F.adaptive_max_pool2d(x, (3, 2), return_indices=True),
    "nearest": lambda F, x: F.interpolate(x, scale_factor=2),
    "bilinear": lambda F, x: F.interpolate(x, scale_factor=2, mode="bilinear"),
    "reflected": lambda F, x: F.pad(x, (1, 2, 1, 0), mode="reflect"),
}
VOLUMES: dict[str, Any] = {
    "max": lambda F, x: F.max_pool3d(x, 2, return_indices=True),
    "mean": lambda F, x: F.avg_pool3d(x, 2),
    "adaptive mean": lambda F, x: F.adaptive_avg_pool3d(x, 3),
    "adaptive max": lambda F, x: F.adaptive_max_pool3d(x, 3),
    "nearest": lambda F, x: F.interpolate(x, scale_factor=2),
}


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize(
    ("pool", "shape"),
    [(p, (2, 4, 8, 8)) for p in POOLS.values()] + [(p, (2, 4, 8, 8, 8)) for p in VOLUMES.values()],
    ids=[*POOLS, *(f"{name}, volumes" for name in VOLUMES)],
)
def test_pooling(pool: Any, shape: Any, last: bool) -> None:
    ours, theirs = (strides(pool(lib.nn.functional, made(lib, shape, last))) for lib in (gradviz, torch))
    assert ours == theirs


def test_the_gradient_of_max_pooling() -> None:
    found: dict[str, list[Any]] = {"gradviz": [], "torch": []}
    for lib in (gradviz, torch):
        x = made(lib, (2, 4, 8, 8), True).requires_grad_(True) * 1
        x.register_hook(lambda g, seen=found[lib.__name__]: seen.append((g.stride(), g.tolist())))
        lib.nn.functional.max_pool2d(x, 2).sum().backward()
    assert found["gradviz"] == found["torch"]


# -- what leaves keep ----------------------------------------------------------------------------------------------
LEAVES = [
    "x.contiguous(memory_format=torch.channels_last)",
    "x.transpose(0, 1)",
    "x[:, :, ::2]",
    "x[:1].expand(2, 3, 4, 5)",
    "x[:, :1]",
    "x",
]
LOSSES = ["x.sum()", "(x * 2).sum()", "x.flip(0).pow(2).sum()", "x.permute(3, 2, 1, 0).contiguous().pow(2).sum()"]


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("leaf", LEAVES)
@pytest.mark.parametrize("hooked", [False, True])
def test_gradients_of_leaves(leaf: str, loss: str, hooked: bool) -> None:
    """`.grad` has its leaf's order in memory, or is in order where the leaf does not fill its memory once."""
    found = []
    for lib in (gradviz, torch):
        x = eval(leaf, {"torch": lib, "x": lib.arange(120.0).reshape(2, 3, 4, 5)}).detach().requires_grad_()
        if hooked:
            x.register_hook(lambda g: None)
        eval(loss, {"x": x}).backward()
        first = x.grad.stride()
        eval(loss, {"x": x}).backward()
        found.append((first, x.grad.stride(), x.grad.tolist()))
    assert found[0] == found[1]
