"""The zoo: no overlapping boxes, arrows that go round boxes, equal bytes everywhere, few crossings."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import shutil
import subprocess
import sys

import pytest

from gradviz.viz.coordinates import spread
from gradviz.viz.graph import drawing
from gradviz.viz.layers import acyclic, longest_path, pull
from gradviz.viz.layout import components, layout
from gradviz.viz.order import arrange, crossings
from gradviz.viz.scene import scene
from tests.viz import crossing
from tests.viz.zoo import ZOO

SMALL = [name for name in ZOO if name not in ("micrograd 2-24-24-1", "resnet152", "lstm x100", "transformer x12")]


@functools.cache
def pictured(name: str) -> dict:
    return scene(ZOO[name]())


def box(node: dict) -> tuple[float, float, float, float]:
    return node["x"], node["y"], node["x"] + node["w"], node["y"] + node["h"]


@pytest.mark.parametrize("name", ZOO)
def test_boxes_never_overlap_and_lie_inside_the_picture(name):
    drawn = pictured(name)
    boxes = sorted(box(n) for n in drawn["nodes"])
    for i, (left, top, right, bottom) in enumerate(boxes):
        assert 0 <= left < right <= drawn["width"]
        assert 0 <= top < bottom <= drawn["height"]
        for other in boxes[i + 1 :]:
            if other[0] >= right:
                break
            assert other[1] >= bottom or other[3] <= top, (name, boxes[i], other)


@pytest.mark.parametrize("name", SMALL)
def test_arrows_start_and_end_on_their_boxes_and_pass_round_all_others(name):
    drawn = pictured(name)
    nodes = drawn["nodes"]
    level = drawn["direction"] == "lr"
    for edge in drawn["edges"]:
        start, end = box(nodes[edge["from"]]), box(nodes[edge["to"]])
        first, last = edge["points"][0], edge["points"][-1]
        assert first[1 - level] == start[3 - level]
        assert last[1 - level] == end[1 - level]
        assert start[level] <= first[level] <= start[2 + level]
        assert end[level] <= last[level] <= end[2 + level]
        for x, y in crossing.ours([tuple(p) for p in edge["points"]], drawn["direction"]):
            for node in nodes:
                left, top, right, bottom = box(node)
                assert not (left < x < right and top < y < bottom), (name, edge, node)


@pytest.mark.parametrize("name", ZOO)
def test_coordinates_are_multiples_of_half_a_pixel(name):
    drawn = pictured(name)
    numbers = [n[k] for n in drawn["nodes"] for k in "xywh"] + [
        c for e in drawn["edges"] for p in e["points"] for c in p
    ]
    assert all(c * 2 == int(c * 2) for c in numbers)


@pytest.mark.parametrize("name", ["neuron", "micrograd 2-4-1", "cnn", "lstm x5", "hostile"])
def test_the_same_record_gives_the_same_picture(name):
    assert json.dumps(scene(ZOO[name]())) == json.dumps(pictured(name))


def test_bytes_do_not_depend_on_the_hash_seed():
    names = ["neuron", "cnn", "lstm x5", "micrograd 2-8-1", "hostile"]
    program = (
        "import hashlib, json\nfrom gradviz.viz.scene import scene\nfrom gradviz.viz.svg import to_svg\n"
        "from tests.viz.zoo import ZOO\n"
        f"drawn = [scene(ZOO[n]()) for n in {names!r}]\n"
        "text = json.dumps(drawn) + ''.join(to_svg(d, animated=True) for d in drawn)\n"
        "print(hashlib.sha256(text.encode()).hexdigest())"
    )
    hashes = {
        subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.getcwd()},  # noqa: PTH109
        ).stdout
        for seed in ("0", "1", "4242")
    }  # fmt: skip
    assert len(hashes) == 1
    assert len(hashes.pop().strip()) == len(hashlib.sha256().hexdigest())


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz's dot is not installed")
@pytest.mark.parametrize(
    "name", ["neuron", "micrograd 2-4-1", "micrograd 2-8-8-1", "resnet18", "densenet121", "lstm x5", "transformer x2"]
)
def test_crossings_are_at_most_a_tenth_more_than_those_of_dot(name):
    drawn = drawing(ZOO[name]())
    edges = [(link.a, link.b) for link in drawn.links]
    sizes = [(110.0, 48.0)] * len(drawn.items)
    found = crossing.crossings([crossing.ours(r) for r in layout(sizes, edges).routes], edges)
    assert found <= 1.1 * crossing.crossings(*crossing.dot_lines(sizes, edges))


@pytest.mark.parametrize(
    ("wanted", "apart", "weight", "expected"),
    [
        ([0, 10], [0, 5], [1, 1], [0, 10]),
        ([0, 0], [0, 10], [1, 1], [-5, 5]),
        ([0, 0], [0, 10], [3, 1], [-2.5, 7.5]),
        ([5, 0, -5], [0, 10, 10], [1, 1, 1], [-10, 0, 10]),
        ([], [], [], []),
    ],
)
def test_spread_is_the_closest_arrangement_without_overlap(wanted, apart, weight, expected):
    assert spread(wanted, apart, weight) == pytest.approx(expected)


def test_layers_follow_the_arrows_even_round_a_loop():
    edges = [(0, 1), (1, 2), (2, 0), (2, 3), (3, 3)]
    _, forwards = acyclic(4, edges)
    assert forwards == [True, True, False, True, False]
    placed = layout([(40, 20)] * 4, edges)
    assert placed.layer[:4] == [0, 1, 2, 3]
    assert placed.routes[4] == []
    assert placed.routes[2][0][0] > placed.routes[2][-1][0]


@pytest.mark.parametrize(
    ("count", "edges", "layers"),
    [
        (4, [(0, 1), (1, 2), (3, 2)], [0, 1, 2, 1]),  # a leaf stands next to its user
        (5, [(0, 1), (1, 2), (2, 3), (4, 3), (4, 1)], [0, 1, 2, 3, 0]),  # a shared leaf next to its first
        (6, [(0, 1), (1, 2), (2, 3), (4, 5), (5, 3)], [0, 1, 2, 3, 1, 2]),  # a side chain is pulled to the end
    ],
)
def test_nodes_are_pulled_towards_their_users(count, edges, layers):
    order, _ = acyclic(count, edges)
    assert pull(order, edges, longest_path(order, edges, count)) == layers


def test_a_tree_is_ordered_without_crossings_and_a_crossing_is_undone():
    layer_of = [0, 0, 0, 0, 1, 1, 2]
    edges = [(0, 5), (1, 4), (2, 5), (3, 4), (4, 6), (5, 6)]
    into = [[a for a, b in edges if b == v] for v in range(7)]
    out = [[b for a, b in edges if a == v] for v in range(7)]
    assert crossings([[0, 1, 2, 3], [4, 5], [6]], into) == 3
    assert crossings(arrange(layer_of, into, out), into) == 0


def test_separate_parts_are_laid_out_one_after_the_other():
    assert components(5, [(0, 3), (4, 1)]) == [[0, 3], [1, 4], [2]]
    placed = layout([(40, 20)] * 5, [(0, 3), (4, 1)])
    assert placed.y[0] < placed.y[1] < placed.y[2]


@pytest.mark.parametrize("direction", ["lr", "tb"])
def test_direction_decides_which_way_arrows_run(direction):
    placed = layout([(40, 20)] * 3, [(0, 1), (1, 2)], direction=direction)
    along, across = (placed.x, placed.y) if direction == "lr" else (placed.y, placed.x)
    assert along[0] < along[1] < along[2]
    assert across[0] == across[1] == across[2]
    assert all(len(route) == 2 for route in placed.routes)


def test_an_unknown_direction_is_refused():
    with pytest.raises(ValueError, match="direction must be 'lr' or 'tb', got 'up'"):
        layout([], [], direction="up")


def test_a_chain_of_100_000_nodes_needs_no_recursion():
    count = 100_000
    placed = layout([(10, 10)] * count, [(i, i + 1) for i in range(count - 1)])
    assert placed.layer == list(range(count))
