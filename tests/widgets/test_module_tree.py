"""`ModuleTree`: every number is the model's, the model is left as it was, and the text is torchinfo's table."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import xml.etree.ElementTree as ET
from typing import Any

import numpy as np
import pytest

import gradviz as torch
from gradviz import nn
from gradviz.utils.flop_counter import FlopCounterMode
from gradviz.vision.models import resnet18
from gradviz.vision.models.resnet import Bottleneck, ResNet
from gradviz.viz.summary_info import summary
from gradviz.widgets.tensors.module_svg import runs, visible
from gradviz.widgets.tensors.module_text import depth_for
from gradviz.widgets.tensors.module_tree import ModuleTree
from tests.growth import growth
from tests.widgets.test_names import NAMES


class Text(nn.Module):
    """Blocks in a list, one of them used again, and a head that shares the embedding's weight."""

    def __init__(self, blocks: int = 12) -> None:
        super().__init__()
        self.emb = nn.Embedding(50, 16)
        self.blocks = nn.ModuleList([nn.TransformerEncoderLayer(16, 4, 32, batch_first=True) for _ in range(blocks)])
        self.head = nn.Linear(16, 50, bias=False)
        self.head.weight = self.emb.weight
        self.again = self.blocks[0]

    def forward(self, x: Any) -> Any:
        x = self.emb(x)
        for block in self.blocks:
            x = block(x)
        return self.head(self.again(x))


def mlp() -> Any:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 3))


def rows(view: ModuleTree) -> dict[str, dict[str, Any]]:
    """By path."""
    made: dict[str, dict[str, Any]] = {}
    paths: list[str] = []
    for row in view.to_json()["rows"]:
        paths.append(f"{paths[row['u']]}.{row['n']}" if row["u"] > 0 else row["n"])
        made[paths[-1]] = row
    return made


def test_every_module_has_a_row_with_its_numbers() -> None:
    net = resnet18(num_classes=10)
    found = rows(ModuleTree(net, torch.randn(1, 3, 32, 32)))
    modules = dict(net.named_modules())
    assert list(found) == list(modules)
    for path, module in modules.items():
        row = found[path]
        assert row["c"] == type(module).__name__
        assert row.get("x", "") == " ".join(module.extra_repr().split())[:160]
        assert row.get("all", 0) == sum(p.numel() for p in module.parameters())
        assert row.get("own", 0) == sum(p.numel() for p in module.parameters(recurse=False))
        assert row.get("b", 0) == sum(p.numel() * p.element_size() for p in module.parameters())
        assert row.get("f", 0) == sum(b.numel() * b.element_size() for b in module.buffers())
        assert [p[:2] for p in row.get("p", [])] == [
            [name, f"({', '.join(map(str, p.shape))}{',' if p.ndim == 1 else ''})"]
            for name, p in (*module.named_parameters(recurse=False), *module.named_buffers(recurse=False))
        ]


def test_shapes_are_those_of_a_run() -> None:
    net = resnet18(num_classes=10)
    x = torch.randn(2, 3, 32, 32)
    shapes: dict[str, str] = {}
    handles = [
        module.register_forward_hook(lambda m, i, o, name=name: shapes.update({name: str(tuple(o.shape))}))
        for name, module in net.named_modules()
    ]
    net.eval()(x)
    for handle in handles:
        handle.remove()
    found = rows(ModuleTree(net, x))
    relu = {name for name in shapes if name.endswith("relu") and name != "relu"}  # they run twice
    assert {path: row["o"] for path, row in found.items() if path not in relu} == {
        path: text for path, text in shapes.items() if path not in relu
    }
    assert found["layer1.0.relu"]["k"] == 2


def test_operations_are_the_counters() -> None:
    net, x = resnet18(num_classes=10).eval(), torch.randn(2, 3, 32, 32)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net(x)
    counts = {name: sum(by.values()) for name, by in counter.get_flop_counts().items()}
    found = rows(ModuleTree(net, x))
    assert found[""]["fl"] == counts["Global"]
    for path, row in found.items():
        assert row.get("fl", 0) == counts.get(f"ResNet.{path}" if path else "ResNet", 0), path


def test_activations_are_the_outputs_that_are_new_memory() -> None:
    net = nn.Sequential(nn.Linear(8, 4), nn.ReLU(inplace=True), nn.Flatten(), nn.ReLU())
    found = rows(ModuleTree(net, torch.randn(5, 8)))
    assert [found[str(i)].get("a", 0) for i in range(4)] == [80, 0, 0, 80]
    assert found[""]["a"] == 160
    attention = rows(ModuleTree(nn.MultiheadAttention(8, 2), *[torch.ones(3, 1, 8)] * 3))
    assert attention[""]["a"] == 4 * (3 * 8 + 3 * 3), "its projection is never called"


@pytest.mark.parametrize("mode", ["eval", "train"])
def test_the_text_is_torchinfos_table(mode: str) -> None:
    net, x = resnet18(num_classes=10), torch.randn(2, 3, 32, 32)
    view = ModuleTree(net, x, mode=mode)
    told = summary(
        net, input_data=x, depth=3, mode=mode, verbose=0, row_settings=["depth", "var_names"],
        col_names=["output_size", "num_params", "mult_adds", "trainable"],
    )  # fmt: skip
    assert depth_for(view.rows) == 3
    assert str(told) in view.to_text()
    still = summary(net, verbose=0, row_settings=["depth", "var_names"], col_names=["num_params", "trainable"])
    assert str(still) in ModuleTree(net).to_text()


# -- what makes modules special ----------------------------------------------------------------------------------------


def test_shared_modules_and_parameters_are_counted_once_and_marked() -> None:
    net = Text(3)
    view = ModuleTree(net, torch.zeros(2, 5, dtype=torch.long))
    found = rows(view)
    total = sum(p.numel() for p in net.parameters())
    assert found[""]["all"] == total
    assert f"Total params: {total:,}" in view.to_text()
    assert found["head"]["p"] == [["weight", "(50, 16)", 800, "float32", "", "emb.weight"]]
    data = view.to_json()["rows"]
    assert data[found["again"]["same"]] is found["blocks.0"]
    assert "again.linear1" not in found
    assert found["blocks.0"]["k"] == 2
    assert found["blocks"]["fl"] + found["head"]["fl"] == found[""]["fl"]
    assert "(recursive)" in view.to_text()


def test_a_module_used_under_two_parents_tells_each_call_at_its_place() -> None:
    class Pair(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            inner = nn.Linear(4, 4)
            self.a, self.b = nn.Sequential(inner), nn.Sequential(nn.Linear(3, 4), inner)

        def forward(self, x: Any, y: Any) -> Any:
            return self.a(x).sum() + self.b(y).sum()

    found = rows(ModuleTree(Pair(), torch.zeros(2, 4), torch.zeros(7, 3)))
    assert (found["a.0"]["o"], found["b.1"]["o"]) == ("(2, 4)", "(7, 4)")
    assert found["a.0"]["fl"] == 2 * 2 * 4 * 4
    assert found[""]["fl"] == found["a"]["fl"] + found["b"]["fl"]


def test_a_module_inside_itself_ends() -> None:
    class Snake(nn.Module):
        def forward(self, x: Any) -> Any:
            return x

    snake = Snake()
    snake._modules["tail"] = snake
    found = rows(ModuleTree(snake))
    assert list(found) == ["", "tail"]
    assert found["tail"]["same"] == 0


def test_repeated_blocks_are_one_row() -> None:
    net = ResNet(Bottleneck, [3, 8, 36, 3], num_classes=10)
    data = ModuleTree(net).to_json()
    shown = {(data["rows"][i]["n"], times) for i, _, times in visible(data)}
    assert {("1", 2), ("1", 7), ("1", 35)} <= shown
    assert "×35" in ModuleTree(net).to_svg()
    net.layer3[7].eval()
    data = ModuleTree(net).to_json()
    assert {times for i, _, times in visible(data) if data["rows"][i]["c"] == "Bottleneck"} == {1, 2, 7, 6, 28}


def test_runs() -> None:
    signs = [{"s": s} for s in (1, 1, 2, 2, 2, 3)]
    assert runs(range(6), signs, [[]] * 6) == [(0, 1), (1, 1), (2, 3), (5, 1)]
    assert runs(range(6), signs, [[0]] * 6) == [(0, 2), (2, 3), (5, 1)]


def test_modes_and_what_learns() -> None:
    net = nn.Sequential(nn.Sequential(nn.Linear(2, 2), nn.Dropout()), nn.Linear(2, 2))
    net[0][1].eval()
    net[0][0].weight.requires_grad_(False)
    for p in net[1].parameters():
        p.requires_grad_(False)
    found = rows(ModuleTree(net))
    assert [found[path]["m"] for path in ("", "0", "0.0", "0.1", "1")] == ["mixed", "mixed", "train", "eval", "train"]
    assert (found["0"]["all"], found["0"]["learn"], found["1"].get("learn", 0)) == (6, 2, 0)
    assert found["0.0"]["p"][0][4] == "f"
    assert "○ frozen" in ModuleTree(net).to_svg()
    assert "◐ 16.7 %" in ModuleTree(net).to_svg()


def test_gradients_take_memory() -> None:
    net = mlp()
    net(torch.randn(4, 8)).sum().backward()
    found = rows(ModuleTree(net))
    assert found["0"]["g"] == found["0"]["b"] == 4 * (8 * 16 + 16)
    assert found["0"]["p"][0][4] == "g"


def test_lazy_modules_stay_lazy_and_show_what_they_would_be() -> None:
    net = nn.Sequential(nn.LazyConv2d(8, 3), nn.Flatten(), nn.LazyLinear(10))
    view = ModuleTree(net, torch.randn(2, 3, 8, 8))
    found = rows(view)
    assert type(net[0]) is nn.LazyConv2d
    assert net[0].has_uninitialized_params()
    assert (found["0"]["c"], found["0"]["all"]) == ("LazyConv2d → Conv2d", 8 * 3 * 9 + 8)
    assert (found["2"]["o"], found["2"]["lazy"]) == ("(2, 10)", True)
    assert "still lazy" in view.to_text()
    assert "no shapes yet" in ModuleTree(net).to_text()
    assert rows(ModuleTree(net))["0"]["p"][0][:2] == ["weight", "not yet"]


def test_parametrized_modules() -> None:
    class Symmetric(nn.Module):
        def forward(self, w: Any) -> Any:
            return w + w.t()

    net = nn.Sequential(nn.Linear(3, 3))
    nn.utils.parametrize.register_parametrization(net[0], "weight", Symmetric())
    found = rows(ModuleTree(net, torch.randn(2, 3)))
    assert found["0"]["c"] == "ParametrizedLinear"
    assert found["0.parametrizations.weight.0"]["o"] == "(3, 3)"
    assert found[""]["all"] == 12


def test_a_forward_that_fails_says_where_and_why() -> None:
    class Wrong(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.enc = nn.Sequential(nn.Linear(3, 4), nn.ReLU())
            self.dec = nn.Linear(5, 2)

        def forward(self, x: Any) -> Any:
            return self.dec(self.enc(x))

    view = ModuleTree(Wrong(), torch.randn(2, 3))
    assert view.to_json()["error"].startswith("The forward pass stopped in dec (Linear): RuntimeError: mat1 and mat2")
    found = rows(view)
    assert found["dec"]["bad"]
    assert found["enc"]["o"] == "(2, 4)", "what ran before is told"
    assert "stopped in dec" in view.to_text()
    assert "stopped in dec" in view.to_svg()
    assert "ReLU" in ModuleTree(nn.Sequential(nn.ReLU()), 3).to_text(), "an input of the wrong kind is told too"


def test_outputs_of_every_kind() -> None:
    class Odd(nn.Module):
        def __init__(self, made: Any) -> None:
            super().__init__()
            self.made = made

        def forward(self, x: Any) -> Any:
            return self.made(x)

    cases = {
        "(2, 3)": lambda x: x,
        "(2, 3), [(2, 3), None]": lambda x: (x, [x, None]),
        "{out: (2, 3), n: 3}": lambda x: {"out": x, "n": 3},
        "None": lambda x: None,
        "set": lambda x: {1},
        "(2, 3), (2, 3), (2, 3), (2, 3), … 5 more": lambda x: (x,) * 9,
    }
    for text, made in cases.items():
        net = nn.Sequential(Odd(made))
        assert rows(ModuleTree(net, torch.ones(2, 3)))["0"]["o"] == text
    lstm = rows(ModuleTree(nn.Sequential(nn.LSTM(3, 4)), torch.ones(5, 2, 3)))
    assert lstm["0"]["o"] == "(5, 2, 4), [(1, 2, 4), (1, 2, 4)]"


def test_arguments_by_name_arrays_and_other_modes() -> None:
    class Named(nn.Module):
        def forward(self, x: Any, *, scale: Any) -> Any:
            assert not self.training or self.expected
            return x * scale

    net = Named()
    net.expected = False
    assert rows(ModuleTree(net, np.ones((2, 3), dtype=np.float32), scale=2.0))[""]["o"] == "(2, 3)"
    assert "AssertionError" in ModuleTree(net, torch.ones(1), scale=2.0, mode="as is").to_json()["error"]
    assert "AssertionError" in ModuleTree(net.eval(), torch.ones(1), scale=2.0, mode="train").to_json()["error"]


# -- the model is left as it was ---------------------------------------------------------------------------------------


class Busy(nn.Module):
    """A forward that touches everything it can."""

    def __init__(self) -> None:
        super().__init__()
        self.emb = nn.Embedding(5, 4, max_norm=0.1)
        self.norm, self.drop = nn.BatchNorm1d(4), nn.Dropout(0.5)
        self.runs, self.kept = 0, []

    def forward(self, i: Any, x: Any) -> Any:
        self.runs += 1
        self.kept.append(x)
        x += 1
        random.random()
        np.random.rand()  # noqa: NPY002
        return self.drop(self.norm(self.emb(i) + x)) + torch.randn(4)


@pytest.mark.parametrize("mode", ["eval", "train", "as is"])
def test_nothing_is_changed(mode: str) -> None:
    torch.manual_seed(3)
    net = Busy()
    net.norm.eval()
    seen: list[Any] = []
    net.drop.register_forward_hook(lambda *args: seen.append(args))
    i, x = torch.tensor([1, 2, 3]), torch.ones(3, 4)
    state = {key: value.tolist() for key, value in net.state_dict().items()}
    versions = [t._version for t in (*net.parameters(), *net.buffers(), x)]
    flags = [m.training for m in net.modules()]
    hooks = [len(m._forward_hooks) + len(m._forward_pre_hooks) for m in net.modules()]
    drawn = torch.get_rng_state().tolist(), random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    with torch.record() as tape:
        view = ModuleTree(net, i, x, mode=mode)
    assert view.to_json()["error"] == ""
    assert rows(view)[""]["o"] == "(3, 4)"
    assert {key: value.tolist() for key, value in net.state_dict().items()} == state
    assert [t._version for t in (*net.parameters(), *net.buffers(), x)] == versions
    assert [m.training for m in net.modules()] == flags
    assert [len(m._forward_hooks) + len(m._forward_pre_hooks) for m in net.modules()] == hooks
    now = torch.get_rng_state().tolist(), random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    assert now == drawn
    assert (net.runs, net.kept, seen) == (0, [], [])
    assert x.tolist() == torch.ones(3, 4).tolist()
    assert len(tape.nodes) == 0
    assert "1 hook did not run" in view.note()


def test_a_model_that_cannot_be_copied_is_put_back() -> None:
    net = mlp()
    net.extra = torch.ones(2, requires_grad=True) * 2  # not a leaf: copy.deepcopy refuses it
    state = {key: value.tolist() for key, value in net.state_dict().items()}
    buffers = [id(b) for b in net.buffers()]
    view = ModuleTree(net, torch.randn(4, 8), mode="train")
    assert rows(view)["4"]["o"] == "(4, 3)"
    assert {key: value.tolist() for key, value in net.state_dict().items()} == state
    assert [id(b) for b in net.buffers()] == buffers
    assert all(m.training for m in net.modules())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())


# -- real PyTorch ------------------------------------------------------------------------------------------------------


def test_real_torch_modules() -> None:
    real = pytest.importorskip("torch", reason="torch is not installed")
    from torch.utils.flop_counter import FlopCounterMode as Counter

    real.manual_seed(0)
    block = real.nn.TransformerEncoderLayer(16, 4, 32, batch_first=True)
    net = real.nn.Sequential(real.nn.Linear(8, 16), real.nn.BatchNorm1d(5), block, real.nn.Linear(16, 3))
    net.shared = net[0]
    x = real.randn(2, 5, 8)
    state = {key: value.clone() for key, value in net.state_dict().items()}
    drawn = real.get_rng_state()
    del net.shared
    view = ModuleTree(net, x)
    found = rows(view)
    assert real.backends.mha.get_fastpath_enabled()
    assert all(real.equal(value, state[key]) for key, value in net.state_dict().items())
    assert real.equal(real.get_rng_state(), drawn)
    assert found["0"]["o"] == "(2, 5, 16)"
    assert found[""]["all"] == sum(p.numel() for p in net.parameters())
    assert all(m.training for m in net.modules())
    with Counter(display=False) as counter, real.no_grad():
        net(x)  # in evaluation its fused encoder would not be counted
    assert found[""]["fl"] == counter.get_total_flops() > 0
    assert f"Total params: {found['']['all']:,}" in view.to_text()
    lazy = real.nn.Sequential(real.nn.LazyLinear(4))
    assert rows(ModuleTree(lazy, real.ones(2, 3)))["0"]["all"] == 16
    assert type(lazy[0]) is real.nn.LazyLinear
    failed = ModuleTree(real.nn.Linear(3, 2), real.ones(1, 4))
    assert "stopped in forward (Linear)" in failed.to_json()["error"]


# -- what every view does ----------------------------------------------------------------------------------------------


def cases() -> dict[str, ModuleTree]:
    torch.manual_seed(0)
    return {
        "mlp": ModuleTree(mlp(), torch.randn(4, 8)),
        "text": ModuleTree(Text(), torch.zeros(1, 3, dtype=torch.long)),
        "resnet": ModuleTree(ResNet(Bottleneck, [3, 8, 36, 3])),
        "transformer": ModuleTree(nn.Transformer(16, 2, 6, 6, 32, batch_first=True)),
        "chosen": ModuleTree(mlp(), columns=["memory", "dtype", "device"], depth=1, title="Mine"),
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
        "import gradviz as torch, hashlib; from gradviz.widgets.tensors.module_tree import ModuleTree;"
        "net = torch.nn.Transformer(8, 2, 2, 2, 8, batch_first=True);"
        "v = ModuleTree(net, torch.ones(1, 3, 8), torch.ones(1, 2, 8));"
        "print(hashlib.sha256((v.to_html() + v.to_text()).encode()).hexdigest())"
    )
    run = [sys.executable, "-c", code]
    found = {
        subprocess.run(run, env={"PYTHONHASHSEED": seed}, check=True, capture_output=True).stdout for seed in ("0", "1")
    }
    assert len(found) == 1


def test_deep_and_wide_trees() -> None:
    deep: Any = nn.Linear(2, 2)
    for _ in range(150):
        deep = nn.Sequential(deep)
    found = ModuleTree(deep, torch.ones(1, 2))
    assert len(found.to_json()["rows"]) == 151

    def wide_one(n: int) -> ModuleTree:
        return ModuleTree(nn.ModuleList([nn.Sequential(nn.Linear(1, 1), nn.ReLU()) for _ in range(n)]))

    wide = wide_one(2200)
    assert growth(wide_one, 220, 2200) < 30
    assert "6,000 places are shown and 601 are left out" in wide.note()
    assert len(wide.to_html()) < 200_000
    assert len(wide.to_text().splitlines()) < 130


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_names_are_text(name: str) -> None:
    class Odd(nn.Module):
        def extra_repr(self) -> str:
            return name

    net = nn.Sequential(Odd(), nn.Linear(2, 2))
    net._modules[name] = nn.Linear(1, 1)
    net[0]._parameters[name] = nn.Parameter(torch.ones(2))
    net[0].__class__.__name__ = name.replace("\x00", "") or "x"
    view = ModuleTree(net, title=name)
    html = view.to_html()
    assert html.count("<script") == html.count("</script>") == 3
    for text in (html, view.to_svg()):
        assert "onerror=alert(1)>" not in text
        assert not {"\x00", "\u202e", "\u2066", "\u2028"} & set(text)
    assert not {"\x00", "\x1b", "\u202e", "\u2066", "\u2028"} & set(view.to_text())
    ET.fromstring(view.to_svg())
    assert max(len(line) for line in view.to_text().splitlines()) < 400
    assert len(html) < 60_000


WRONG: list[tuple[Any, dict[str, Any], type[Exception], str]] = [
    (torch.ones(2), {}, TypeError, "shows modules .* got Tensor"),
    (nn.Linear, {}, TypeError, "on an instance"),
    (nn.Linear(1, 1), {"columns": ["colour"]}, ValueError, "no column 'colour'; choose of settings"),
    (nn.Linear(1, 1), {"mode": "test"}, ValueError, "mode must be one of 'eval'"),
    (nn.Linear(1, 1), {"depth": -1}, ValueError, "0 or more"),
]


@pytest.mark.parametrize(
    ("thing", "settings", "kind", "text"), WRONG, ids=["tensor", "class", "column", "mode", "depth"]
)
def test_what_cannot_be_shown(thing: Any, settings: dict[str, Any], kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=text):
        ModuleTree(thing, **settings)
