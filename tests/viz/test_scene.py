"""The scene JSON: its texts are the engine's numbers, its size is budgeted."""

from __future__ import annotations

import json

import pytest

from gradviz.viz.numbers import brief, elements, full, number
from gradviz.viz.scene import formula, gradients, scene
from gradviz.viz.svg import data_uri, to_svg
from tests.viz import samples
from tests.viz.zoo import ZOO


def test_a_small_scene_holds_what_the_record_says():
    drawn = scene(samples.small())
    assert (drawn["format"], drawn["direction"], drawn["rows"]) == ("gradviz.scene/1", "lr", ["value", "grad"])
    told = [(n["title"], n["kind"], n.get("sub", ""), n["value"], n["grad"]) for n in drawn["nodes"]]
    assert told == [
        ("x", "leaf", "", "3", "20"), ("w", "leaf", "", "-2", "-30"), ("b", "leaf", "", "1", "-10"),
        ("mul", "op", "x * w", "-6", "-10"), ("add", "op", "mul + b", "-5", "-10"),
        ("loss", "op", "add ** 2", "25", "1"),
    ]  # fmt: skip
    said = {(e["n_from"], e["n_to"], e["slot"]): e["message"] for e in drawn["edges"]}
    assert said == {
        (0, 3, "a"): "-10 × -2 = 20", (1, 3, "b"): "-10 × 3 = -30", (3, 4, "a"): "-10 × 1 = -10",
        (2, 4, "b"): "-10 × 1 = -10", (4, 5, "a"): "1 × -10 = -10",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["neuron", "micrograd 2-4-1"])
def test_every_number_shown_is_the_records(name):
    record = ZOO[name]()
    grads = gradients(record)
    for node in scene(record)["nodes"]:
        if node["kind"] != "portal":
            assert node["value"] == format(record["nodes"][node["n"]]["value"]["data"][0], ".4g")
            assert node["grad"] == format(grads[node["n"]]["data"][0], ".4g")


@pytest.mark.parametrize(
    ("name", "most"), [("resnet18", 120_000), ("micrograd 2-8-1", 120_000), ("micrograd 2-16-16-1", 500_000)]
)
def test_picture_and_scene_stay_within_their_bytes(name, most):
    drawn = scene(ZOO[name]())
    drawing_only = json.dumps({**drawn, "record": None}, separators=(",", ":"))
    assert len(data_uri(to_svg(drawn, animated=True))) + len(drawing_only) < most


def test_scenes_are_json_and_the_record_can_be_left_out():
    drawn = scene(samples.cnn(), with_record=False)
    assert json.loads(json.dumps(drawn)) == drawn
    assert drawn["record"] is None


def test_short_graphs_run_left_to_right_and_deep_ones_down():
    assert scene(samples.small())["direction"] == "lr"
    deep = scene(samples.cnn())
    assert deep["direction"] == "tb"
    assert deep["width"] <= 1280
    assert scene(samples.small(), direction="tb")["direction"] == "tb"


def test_frames_enclose_their_own_and_nothing_else():
    drawn = scene(samples.cnn())
    assert len(drawn["groups"]) == 5
    for frame in drawn["groups"]:
        name = frame["path"]
        for n in drawn["nodes"]:
            inside = frame["x"] < n["x"] and n["x"] + n["w"] < frame["x"] + frame["w"]
            inside = inside and frame["y"] < n["y"] and n["y"] + n["h"] < frame["y"] + frame["h"]
            path = drawn["record"]["nodes"][n["n"]]["path"]
            assert inside == (path == frame["path"] or n["title"].startswith(name + "."))


def test_wrong_inputs_are_refused():
    with pytest.raises(TypeError, match="expected a recording or its JSON"):
        scene({"format": "x"})
    with pytest.raises(ValueError, match="direction must be"):
        scene(samples.small(), direction="rl")


@pytest.mark.parametrize(
    ("forward", "inputs", "settings", "text"),
    [
        ("a ** b", [{"slot": "a", "n": 0}, {"slot": "b", "value": 2.0}], {}, "x ** 2"),
        ("x ** exponent", [{"slot": "x", "n": 0}], {"exponent": 3}, "x ** 3"),
        ("sum(a, axis=dim, keepdims=keepdim)", [{"slot": "a", "n": 0}], {"dim": None, "keepdim": False}, "sum(x)"),
        ("b.T @ ab", [{"slot": "b", "n": 0}], {}, "x.T @ ab"),
        ("a.b", [{"slot": "b", "n": 0}], {}, "a.b"),
    ],
)
def test_formulas_name_their_inputs(forward, inputs, settings, text):
    assert formula({"forward": forward, "inputs": inputs, "settings": settings}, {0: "x"}) == text


def value(data, shape, **more) -> dict:
    return {"shape": shape, "dtype": "float32", "data": data, "nan": 0, "inf": 0, **more}


@pytest.mark.parametrize(
    ("held", "short", "long"),
    [
        (value([1 / 3], []), "0.3333", "0.333333"),
        (value(["nan"], [], nan=1), "nan", "nan"),
        (value([True], []), "True", "True"),
        (value([1.0, 2.5], [2]), "[1, 2.5]", "[1, 2.5]"),
        (value([1.0, 2.0, 3.0, 4.0], [2, 2]), "[[1, 2], [3, 4]]", "[[1, 2], [3, 4]]"),
        (value([], [0]), "[]", "[]"),
        (value(None, [64, 10], mean=0.123456, norm=2.0), "mean 0.1235", "64×10 (mean 0.123456, norm 2)"),
        (value(None, [64, 10], mean=0.1, nan=3), "64×10 ⚠ 3 nan", "64×10 (mean 0.1, 3 nan)"),
        (None, "", "unknown"),
    ],
)
def test_values_are_written_short_in_boxes_and_long_in_text(held, short, long):
    assert (brief(held), full(held)) == (short, long)


def test_numbers_have_as_many_digits_as_asked():
    assert [number(v, 4) for v in (1.23456, 12345678, "inf", True, {"re": 1.0, "im": -2.0})] == [
        "1.235",
        "1.235e+07",
        "inf",
        "True",
        "1-2j",
    ]
    assert elements(value([1.0] * 9, [9]), 4, 8) is None
