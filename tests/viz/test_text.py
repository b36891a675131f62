"""The text twin says every step with its numbers."""

from __future__ import annotations

import json

from gradviz.viz.text import lines, summary_line, to_text
from tests.viz import samples

SMALL = """\
loss = (x · w + b)²: graph of 3 operations, 3 leaves
  x = 3
  w = -2
  b = 1
  forward 1/3  mul = x * w = -6
  forward 2/3  add = mul + b = -5
  forward 3/3  loss = add ** 2 = 25
  backward 1/3  loss  grad 1  -> add: 1 × -10 = -10
  backward 2/3  add  grad -10  -> mul: -10 × 1 = -10; b: -10 × 1 = -10
  backward 3/3  mul  grad -10  -> x: -10 × -2 = 20; w: -10 × 3 = -30
  x.grad = 20
  w.grad = -30
  b.grad = -10"""


def test_a_small_run_in_words():
    assert to_text(samples.small()) == SMALL


def test_partial_sums_are_told():
    text = to_text(samples.neuron())
    assert "error: 1 × 0.381258 = 0.381258 (1 of 2)" in text
    assert "error: 1 × 0.381258 = 0.381258, 0.381258 += 0.381258 -> 0.762517 (2 of 2)" in text


def test_lines_point_at_their_steps():
    record = samples.small()
    found = lines(record)
    assert [record["steps"][i]["kind"] for i, _ in found] == ["forward"] * 3 + ["backward"] * 3 + ["accumulate"] * 3
    assert found[-1][1] == ".grad 3/3  x  20"


def test_long_runs_are_cut_and_say_so():
    text = to_text(samples.lstm(20), most=5)
    assert len(text.splitlines()) == 1 + 6 + 6 + 4
    assert text.count(" more") == 2


def test_other_steps_have_lines_too():
    record = samples.small()
    value = samples.value
    record["steps"] += [
        {"kind": "optimizer", "n": 1, "before": value(-2.0), "after": value(1.0)},
        {"kind": "zero_grad", "n": 1}, {"kind": "zero_grad", "n": None},
        {"kind": "error", "text": "one of the variables\nwas modified", "n": 3},
        {"kind": "error", "text": "late", "n": None},
    ]  # fmt: skip
    assert [text for _, text in lines(record)[-4:]] == [
        "update 1/1  w  -2 -> 1", "zero_grad 1/1  w", "error at mul: one of the variables was modified", "error: late",
    ]  # fmt: skip


def test_hostile_names_cannot_break_lines():
    text = to_text(samples.hostile(), most=1000)
    assert all(line.startswith("  ") for line in text.splitlines()[1:])
    assert "\u202e" not in text
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) < 500
    assert json.dumps(text)


def test_an_empty_record_is_a_graph_of_nothing():
    assert summary_line(samples.Tape().record()) == "graph of nothing"
