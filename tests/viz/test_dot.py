"""make_dot against real PyTorch graphs, which torchviz's contents are defined on."""

from __future__ import annotations

import re
import shutil

import pytest

graphviz = pytest.importorskip("graphviz")
torch = pytest.importorskip("torch")

from gradviz.viz.dot import make_dot  # noqa: E402
from tests.viz.samples import HOSTILE  # noqa: E402

NEEDS_DOT = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz's dot is not installed")


def net():
    model = torch.nn.Sequential(torch.nn.Linear(5, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))
    return model, model(torch.zeros(3, 5)).mean()


def labels(dot) -> dict[str, str]:
    return dict(re.findall(r'^\t(\d+) \[label="?(.*?)"?(?: fillcolor=\w+)?\]$', dot.source, re.MULTILINE | re.DOTALL))


def test_the_graph_is_torchvizs():
    model, loss = net()
    dot = make_dot(loss, params=dict(model.named_parameters()))
    assert isinstance(dot, graphviz.Digraph)
    names = sorted(labels(dot).values())
    assert names == sorted([
        *["AccumulateGrad"] * 4, *["AddmmBackward0"] * 2, *["TBackward0"] * 2, "MeanBackward0", "TanhBackward0",
        "\n ()", "0.bias\n (4)", "0.weight\n (4, 5)", "2.bias\n (2)", "2.weight\n (2, 4)",
    ])  # fmt: skip
    assert dot.source.count("fillcolor=lightblue") == 4
    assert dot.source.count("fillcolor=darkolivegreen1") == 1
    assert dot.source.count("->") == 14
    assert dot.node_attr["shape"] == "box"
    assert dot.node_attr["style"] == "filled"


def test_arrows_run_from_leaf_to_result():
    x = torch.ones(3, requires_grad=True)
    dot = make_dot((x * 2).sum(), params={"x": x})
    name = labels(dot)
    arrows = [(name[a], name[b]) for a, b in re.findall(r"^\t(\d+) -> (\d+)$", dot.source, re.MULTILINE)]
    assert sorted(arrows) == sorted([
        ("x\n (3)", "AccumulateGrad"), ("AccumulateGrad", "MulBackward0"), ("MulBackward0", "SumBackward0"),
        ("SumBackward0", "\n ()"),
    ])  # fmt: skip


def test_saved_tensors_are_orange_and_attributes_listed():
    x = torch.ones(2, 3, requires_grad=True)
    dot = make_dot(torch.tanh(x).sum(dim=1), show_attrs=True, show_saved=True)
    assert "result\n (2, 3)" in labels(dot).values()
    assert dot.source.count("fillcolor=orange") == 1
    assert dot.source.count("dir=none") == 1
    assert any(re.search(r"dim +: \(1,\)", text) for text in labels(dot).values())
    short = make_dot(torch.tanh(x).sum(dim=1), show_attrs=True, max_attr_chars=5)
    assert any("[s..." in text for text in labels(short).values())


def test_saved_tensors_of_a_custom_function_are_shown():
    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return 2 * x * g

    y = torch.ones(3, requires_grad=True) * 2
    dot = make_dot(Square.apply(y), show_saved=True)
    assert "SquareBackward" in dot.source
    assert "\n (3)" in labels(dot).values()


def test_views_name_their_base_and_several_results_are_drawn():
    x = torch.ones(4, requires_grad=True)
    y = x * 2
    dot = make_dot((y.view(2, 2), y.sum()))
    assert "darkolivegreen3" in dot.source
    assert "style=dotted" in dot.source
    assert dot.source.count("darkolivegreen1") == 2


def test_freed_graphs_and_plain_tensors_can_be_drawn():
    x = torch.ones(3, requires_grad=True)
    y = torch.exp(x).sum()
    y.backward()
    assert "ExpBackward0" in make_dot(y, show_attrs=True, show_saved=True).source
    assert len(make_dot(torch.ones(2)).walk.things) == 1


def test_equal_graphs_give_equal_bytes():
    first, second = (make_dot(net()[1], show_saved=True) for _ in range(2))
    assert first.source == second.source
    assert first._repr_mimebundle_() == second._repr_mimebundle_()
    assert repr(first) == f"Dot({len(first.walk.things)} nodes, {len(first.walk.arrows)} arrows)"


def test_depth_has_no_limit():
    x = torch.ones(1, requires_grad=True)
    for _ in range(20_000):
        x = x + 1
    dot = make_dot(x)
    assert dot.source.count("AddBackward0") == 20_000
    assert "first 2,000 of 20,003 nodes" in dot.to_svg()


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_names_stay_text(name):
    x = torch.ones(2, requires_grad=True)
    dot = make_dot(x.sum(), params={name: x})
    assert not re.search(r"label=<", dot.source)
    assert "\x00" not in dot.source
    assert "<script" not in dot._repr_mimebundle_()["text/html"]
    if shutil.which("dot") and len(name) < 200:
        assert b"<script" not in dot.pipe("svg")
        assert b"</svg>" in dot.pipe("svg")


def test_it_shows_itself_without_dot(monkeypatch):
    monkeypatch.setenv("PATH", "")
    dot = make_dot(net()[1])
    bundle = dot._repr_mimebundle_()
    assert bundle.keys() == {"text/plain", "text/html"}
    assert bundle["text/html"].startswith('<img src="data:image/svg+xml;base64,')
    with pytest.raises(graphviz.ExecutableNotFound):
        dot.pipe("svg")


@NEEDS_DOT
def test_render_and_pipe_use_the_real_dot(tmp_path):
    dot = make_dot(net()[1])
    assert dot.pipe("png").startswith(b"\x89PNG")
    assert "<svg" in dot.pipe("svg", encoding="utf-8")
    path = dot.render("graph", directory=tmp_path, format="svg", cleanup=True)
    assert path == str(tmp_path / "graph.svg")
    assert not (tmp_path / "graph").exists()
    assert dot.render(outfile=tmp_path / "again.png") == str(tmp_path / "again.png")
    assert (tmp_path / "again.gv").read_text(encoding="utf-8") == dot.source
    with pytest.raises(graphviz.FileExistsError):
        dot.render("graph", directory=tmp_path, format="svg", raise_if_result_exists=True)


@NEEDS_DOT
def test_dot_has_a_time_limit():
    dot = make_dot(net()[1])
    dot.time_limit = 1e-6
    with pytest.raises(TimeoutError, match=r"dot took more than 1e-06 s .* set \.time_limit higher"):
        dot.pipe("svg")


@NEEDS_DOT
def test_a_failing_dot_says_so():
    with pytest.raises(graphviz.CalledProcessError):
        make_dot(net()[1]).pipe("nonsense")
