"""StateDictDiff: what it says of loading is what load_state_dict does, and its numbers are those of the tensors."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import gradviz as torch
from gradviz.widgets.tensors.state_dict_diff import StateDictDiff

HOSTILE = "\"><img src=x onerror=alert(1)><script>alert(2)</script>&'\n\u202e" + "x" * 10_000


def net(hidden: int = 4, seed: int = 0) -> Any:
    torch.manual_seed(seed)
    return torch.nn.Sequential(torch.nn.Linear(2, hidden), torch.nn.Tanh(), torch.nn.Linear(hidden, 1))


def saved(**changes: Any) -> dict[str, Any]:
    """A state_dict with some names changed (None: taken out)."""
    held = {name: value.clone() for name, value in net(seed=1).state_dict().items()}
    held.update({name.replace("_", ".", 1): value for name, value in changes.items()})
    return {name: value for name, value in held.items() if value is not None}


CASES: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "as it should be": ({}, {}),
    "another shape": ({"0_weight": torch.ones(3, 2)}, {"0.weight": "shape"}),
    "another dtype": ({"0_weight": torch.ones(4, 2).double() / 3}, {"0.weight": "cast"}),
    "missing": ({"2_bias": None}, {"2.bias": "missing"}),
    "unexpected": ({"9_bias": torch.ones(1)}, {"9.bias": "unexpected"}),
    "everything": (
        {"0_weight": torch.ones(1, 1), "2_bias": None, "9_bias": torch.ones(1), "0_bias": torch.ones(4).half()},
        {"0.weight": "shape", "2.bias": "missing", "9.bias": "unexpected", "0.bias": "cast"},
    ),
}


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("case", CASES)
def test_it_says_what_load_state_dict_does(case: str, strict: bool) -> None:
    changes, special = CASES[case]
    held, model = saved(**changes), net()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    view = StateDictDiff(held, model, strict=strict)
    assert {pair.name: pair.verdict for pair in view.pairs} == {**dict.fromkeys(before, "differs"), **special}
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    try:
        model.load_state_dict(held, strict=strict)
        error = ""
    except RuntimeError as raised:
        error = str(raised)
    assert bool(error) == bool(view.errors())
    assert ("raises" in view.outcome()) == bool(error)
    for kind, words in {"shape": "size mismatch", "missing": "Missing key", "unexpected": "Unexpected key"}.items():
        told = any(word in " ".join(view.errors()) for word in {"shape": ["another shape"]}.get(kind, [kind]))
        assert told == (words in error)
    # and by the time it raises, every name that fits has been copied
    now = model.state_dict()
    for pair in view.pairs:
        if pair.verdict in ("differs", "cast"):
            assert torch.equal(now[pair.name], held[pair.name].to(now[pair.name].dtype))
        elif pair.verdict in ("shape", "missing"):
            assert torch.equal(now[pair.name], before[pair.name])


def test_numbers_are_those_of_the_tensors() -> None:
    held, model = saved(), net()
    rows = StateDictDiff(held, model).to_json()["rows"]
    for row in rows:
        for side, tensors in (("saved", held), ("model", model.state_dict())):
            packed, tensor = row[side], tensors[row["name"]]
            assert packed["numbers"] == tensor.double().reshape(-1).tolist()
            assert packed["about"].endswith("float32")
        want = (held[row["name"]] - model.state_dict()[row["name"]]).abs().max().item()
        assert row["far"] == pytest.approx(want, rel=1e-6)


def test_a_converted_dtype_shows_what_is_kept() -> None:
    third = torch.full((3,), 1 / 3, dtype=torch.float64)
    (row,) = StateDictDiff({"w": third}, {"w": torch.zeros(3)}).to_json()["rows"]
    assert row["verdict"] == "cast"
    assert row["after"]["numbers"] == [float(np.float32(1 / 3))] * 3
    assert "converted to float32 from float64: rounded by up to" in row["said"]
    (exact,) = StateDictDiff({"w": torch.ones(3).half()}, {"w": torch.zeros(3)}).to_json()["rows"]
    assert "nothing is lost" in exact["said"]


def test_nested_checkpoints_get_dotted_names() -> None:
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    (model(torch.ones(1, 2)) ** 2).sum().backward()
    optimizer.step()
    checkpoint = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3}
    other = {**checkpoint, "epoch": 4}
    view = StateDictDiff(checkpoint, other, names=("a", "b"))
    found = {pair.name: pair.verdict for pair in view.pairs}
    assert found["model.0.weight"] == found["optimizer.state.0.momentum_buffer"] == "equal"
    assert found["optimizer.param_groups.0.lr"] == "equal"
    assert found["epoch"] == "differs"


def test_what_is_not_finite_is_told() -> None:
    a, b = torch.tensor([float("nan"), float("inf"), 1.0]), torch.tensor([float("nan"), float("inf"), 1.5])
    (row,) = StateDictDiff({"w": a}, {"w": b}).to_json()["rows"]
    assert row["far"] == 0.5
    (gone,) = StateDictDiff({"w": a}, {"w": torch.ones(3)}).to_json()["rows"]
    assert gone["far"] == "nan"
    json.dumps([row, gone], allow_nan=False)


def test_real_torch_modules() -> None:
    real = pytest.importorskip("torch", reason="torch is not installed: real state_dicts are not compared")
    layer = real.nn.Linear(2, 3)
    ours = torch.nn.Linear(2, 3)
    ours.load_state_dict({name: torch.tensor(value.detach().numpy()) for name, value in layer.state_dict().items()})
    assert [pair.verdict for pair in StateDictDiff(layer, ours).pairs] == ["equal", "equal"]


def test_large_models_keep_to_the_budget() -> None:
    model = torch.vision.models.resnet18(num_classes=10)
    view = StateDictDiff(model, model)
    assert len(view.to_html()) < 120_000
    assert {pair.verdict for pair in view.pairs} == {"equal"}
    many = {f"w{i}": torch.ones(2) for i in range(500)}
    view = StateDictDiff(many, many)
    assert view.left_out == 100
    assert "100 more names" in view.to_text()
    assert "500 names: 500 equal" in view.summary()


def test_deterministic_and_hostile_names() -> None:
    held = {HOSTILE: torch.ones(2), "b": torch.zeros(1)}
    one, two = (StateDictDiff(held, dict(held), names=(HOSTILE, "model"), title=HOSTILE) for _ in range(2))
    assert one.to_html() == two.to_html()
    for text in (one.to_svg(), one.to_html()):
        assert "<img src=x" not in text
        assert "<script>alert" not in text
    assert repr(one) == one.to_text()


@pytest.mark.parametrize("bad", [3, "model.pt", [torch.ones(1)], torch.ones(2)])
def test_bad_input(bad: Any) -> None:
    with pytest.raises(TypeError, match="saved must be a module or a state_dict"):
        StateDictDiff(bad, {})
    with pytest.raises(ValueError, match="nothing to compare"):
        StateDictDiff({}, {})
