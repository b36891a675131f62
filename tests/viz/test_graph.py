"""What is drawn of a record: portals, folded modules, frames, limits."""

from __future__ import annotations

import pytest

from gradviz.viz.graph import drawing
from gradviz.viz.layers import acyclic
from tests.viz import samples
from tests.viz.zoo import ZOO


def kinds(drawn) -> dict[str, int]:
    found: dict[str, int] = {}
    for item in drawn.items:
        found[item.kind] = found.get(item.kind, 0) + 1
    return found


def fan(users: int) -> dict:
    tape = samples.Tape()
    x = tape.leaf("x", 2.0)
    for _ in range(users):
        tape.op("tanh", x)
    return tape.record()


@pytest.mark.parametrize(("users", "portals"), [(1, 0), (3, 0), (4, 3), (9, 8)])
def test_a_leaf_with_more_than_three_users_is_repeated_beside_each(users, portals):
    drawn = drawing(fan(users))
    assert kinds(drawn).get("portal", 0) == portals
    assert len(drawn.links) == users
    assert {link.n_from for link in drawn.links} == {0}
    starts = [link.a for link in drawn.links]
    assert len(set(starts)) == (users if portals else 1)


def test_both_slots_of_one_user_share_a_portal():
    tape = samples.Tape()
    x = tape.leaf("x", 2.0)
    for _ in range(5):
        tape.op("mul", x, x)
    drawn = drawing(tape.record())
    assert kinds(drawn)["portal"] == 4
    assert [link.slot for link in drawn.links] == ["a", "b"] * 5


@pytest.mark.parametrize(
    ("depth", "titles"),
    [
        (0, ["images", "MLP", "labels", "log_softmax", "nll_loss"]),
        (1, ["images", "fc1 · Linear", "fc2 · Linear", "act · ReLU", "labels", "log_softmax", "nll_loss"]),
    ],
)
def test_modules_fold_to_a_depth_and_data_stays_outside(depth, titles):
    assert sorted(item.label for item in drawing(samples.mlp(), depth=depth).items) == sorted(titles)


def test_a_folded_module_stands_for_its_output():
    record = samples.mlp()
    group = next(item for item in drawing(record, depth=1).items if item.label == "fc1 · Linear")
    assert [record["nodes"][n]["label"] for n in group.members] == ["fc1.weight", "fc1.bias", "t", "addmm"]
    assert record["nodes"][group.n]["label"] == "addmm"


def test_every_call_of_a_module_is_a_box_of_its_own_unless_merged():
    record = samples.lstm(4)
    assert sum(item.label == "LSTMCell" for item in drawing(record, depth=0).items) == 4
    merged = [item.label for item in drawing(record, depth=0, merge=True).items if item.kind == "group"]
    assert merged == ["LSTMCell ×4"]


@pytest.mark.parametrize("name", ["cnn", "resnet18", "lstm x5", "transformer x2", "densenet121", "hostile"])
@pytest.mark.parametrize("depth", [None, 0, 1, 2, 3])
@pytest.mark.parametrize("merge", [False, True])
def test_folding_makes_no_loops_and_loses_no_node(name, depth, merge):
    record = ZOO[name]()
    drawn = drawing(record, depth=depth, merge=merge)
    edges = [(link.a, link.b) for link in drawn.links]
    assert all(acyclic(len(drawn.items), edges)[1])
    held = sorted(n for item in drawn.items if item.kind != "portal" for n in item.members)
    assert held == list(range(len(record["nodes"])))


def test_above_the_limit_modules_fold_by_themselves_and_the_note_says_so():
    drawn = drawing(samples.lstm(100))
    assert len(drawn.items) <= 800
    assert "modules are folded to depth" in drawn.note


def test_joined_calls_are_the_last_resort():
    drawn = drawing(samples.lstm(100), limit=120)
    assert len(drawn.items) <= 120
    assert "repeated calls joined" in drawn.note


def test_without_modules_everything_is_kept_and_the_note_says_what_is_left_out():
    record = samples.micrograd(2, 16, 16, 1)
    drawn = drawing(record)
    assert len(drawn.items) >= len(record["nodes"])
    assert drawn.note.endswith("text is left out of the picture")


def test_frames_hold_the_ops_and_parameters_of_a_call():
    frames = drawing(samples.mlp()).frames
    assert [(f.path, f.label, len(f.items)) for f in frames] == [("fc1", "fc1 · Linear", 4), ("fc2", "fc2 · Linear", 4)]
