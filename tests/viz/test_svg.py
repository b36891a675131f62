"""SVG: well-formed, self-contained, safe with hostile names, readable without motion."""

from __future__ import annotations

import base64
import re
import xml.etree.ElementTree as ET

import pytest

from gradviz.viz.measure import clean, clip, escape, width
from gradviz.viz.scene import scene
from gradviz.viz.svg import curve, data_uri, label_spots, to_svg
from gradviz.viz.theme import DARK, LIGHT, TEXT_PAIRS, contrast, css_variables
from tests.viz import samples
from tests.viz.zoo import ZOO

SVG = "{http://www.w3.org/2000/svg}"
TAGS = {"svg", "style", "defs", "marker", "path", "rect", "g", "text", "tspan", "title"}


@pytest.mark.parametrize("name", ["small", "cnn", "lstm x5", "micrograd 2-16-16-1", "hostile"])
@pytest.mark.parametrize("animated", [False, True])
def test_pictures_are_well_formed_and_reach_for_nothing(name, animated):
    svg = to_svg(scene(ZOO[name]()), animated=animated)
    root = ET.fromstring(svg)
    assert {e.tag.removeprefix(SVG) for e in root.iter()} <= TAGS
    assert not any(key.startswith("on") or "href" in key for e in root.iter() for key in e.attrib)
    assert re.findall(r"https?://[^\"' ]+", svg) == ["http://www.w3.org/2000/svg"]
    name = root.attrib["id"]
    assert all(found == name or found.startswith(name) for found in (e.get("id", name) for e in root.iter()))
    assert all(rule.strip().startswith((f"#{name}", f"@keyframes {name}", "@media", "0%", "to")) or "%" in rule
               for rule in re.findall(r"(?:^|\})([^{}]+)\{", root.find(f"{SVG}style").text))  # fmt: skip


def test_hostile_names_stay_text_and_the_whole_name_is_in_the_title():
    root = ET.fromstring(to_svg(scene(samples.hostile())))
    texts = [e.text or "" for e in root.iter(f"{SVG}text")] + [e.tail or "" for e in root.iter(f"{SVG}title")]
    assert "<script>alert(1)</script>" in " ".join(texts)
    titles = {e.text for e in root.iter(f"{SVG}title")}
    assert "x" * 10_000 in titles
    assert max(len(t) for t in texts) < 100
    assert not any(ord(c) < 32 or 0x202A <= ord(c) <= 0x202E for t in [*texts, *titles] for c in t or "")


def test_the_final_state_is_there_without_motion_and_motion_asks_first():
    still, moving = (to_svg(scene(samples.small()), animated=flag) for flag in (False, True))
    assert "@keyframes" not in still
    assert "animation" not in still
    head, _, rest = moving.partition("@media (prefers-reduced-motion:no-preference){")
    assert "animation" not in head
    assert rest.count("@keyframes") > 10
    assert "opacity" not in head
    shown = [e.text for e in ET.fromstring(moving).iter(f"{SVG}text") if e.text]
    assert {"20", "-30", "25", "-10 × -2 = 20"} <= set(shown)


def test_the_waves_follow_the_record():
    from gradviz.viz.animate import waves

    drawn = scene(samples.small())
    wave = waves(drawn)
    at = {n["title"]: (wave.forward[n["id"]], wave.backward[n["id"]]) for n in drawn["nodes"]}
    assert at == {"x": (0, 3), "w": (0, 3), "b": (0, 2), "mul": (1, 2), "add": (2, 1), "loss": (3, 0)}
    assert wave.backwards == 4
    assert wave.length < 12


def test_no_backward_means_no_backward_wave():
    tape = samples.Tape()
    tape.op("tanh", tape.leaf("x", 1.0))
    drawn = scene(tape.record())
    assert drawn["rows"] == ["value"]
    assert "backward" not in re.sub(r"--gv-backward[-a-z]*", "", to_svg(drawn, animated=True))


def test_large_pictures_say_what_they_leave_out():
    drawn = scene(samples.micrograd(2, 16, 16, 1))
    svg = to_svg(drawn)
    assert "text is left out" in svg
    assert svg.count("<text") < 12
    assert svg.count("<rect") < 5
    named = to_svg(scene(samples.resnet(2, 2, 2, 2)))
    assert "layer" not in named
    assert ">conv2d_3<" in named
    assert "mean " not in named


def test_products_cover_no_box_and_no_other_product():
    drawn = scene(samples.neuron())
    spots = label_spots(drawn)
    assert len(spots) >= 10
    areas = [(x - 0.5 * width(t, 11, True), y - 6, x + 0.5 * width(t, 11, True), y + 6) for x, y, t, _ in spots]
    areas += [(n["x"], n["y"], n["x"] + n["w"], n["y"] + n["h"]) for n in drawn["nodes"]]
    for i, a in enumerate(areas):
        for b in areas[:i]:
            assert a[0] >= b[2] or b[0] >= a[2] or a[1] >= b[3] or b[1] >= a[3]


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("pair", TEXT_PAIRS, ids="-".join)
def test_text_has_contrast(theme, pair):
    ink, ground = pair
    assert contrast(theme[ink], theme[ground]) >= 4.5


def test_both_themes_name_the_same_colours():
    assert LIGHT.keys() == DARK.keys()
    assert css_variables("dark").startswith("--gv-ground:#12161f;")
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize(
    ("points", "direction", "path"),
    [
        ([(0, 0), (10, 0)], "lr", "M0 0H10"),
        ([(0, 0), (10, 4)], "lr", "M0 0C5 0 5 4 10 4"),
        ([(0, 0), (4, 10.5)], "tb", "M0 0C0 5.2 4 5.2 4 10.5"),
        ([(3, 0), (3, 10)], "tb", "M3 0V10"),
        ([], "lr", ""),
    ],
)
def test_curves(points, direction, path):
    assert curve(points, direction) == path


@pytest.mark.parametrize(
    ("raw", "plain"),
    [
        ("a\nb\tc", "a b c"), ("\u202ex\u2069", "\ufffdx\ufffd"), ("\x00\x7f\ud800\ufffe", "\ufffd" * 4),
        ("é文字🙂", "é文字🙂"), (3, "3"), ("", ""),
    ],
)  # fmt: skip
def test_clean(raw, plain):
    assert clean(raw) == plain


def test_clip_keeps_what_fits():
    assert clip("short", 100, 12) == "short"
    clipped = clip("w" * 10_000, 100, 12)
    assert clipped.endswith("…")
    assert 60 < width(clipped, 12) <= 100
    assert width("文", 10) == 10.5
    assert width("e\u0301", 10) == width("e", 10)
    assert escape("<&>\"'") == "&lt;&amp;&gt;&quot;&#39;"


def test_a_data_uri_is_the_picture():
    svg = to_svg(scene(samples.small()))
    head, _, body = data_uri(svg).partition(",")
    assert head == "data:image/svg+xml;base64"
    assert base64.b64decode(body).decode() == svg
