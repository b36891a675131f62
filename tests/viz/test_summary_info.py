"""torchinfo's summary: the same text as the real torchinfo prints for the same model of PyTorch's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import gradviz
import gradviz.nn
from gradviz.viz.summary_info import ColumnSettings, clear_cached_forward_pass, summary

ALL = ("kernel_size", "input_size", "output_size", "num_params", "params_percent", "mult_adds", "trainable")


def lenet(t: Any) -> Any:
    n = t.nn
    features = n.Sequential(n.Conv2d(1, 6, 5, padding=2), n.ReLU(), n.MaxPool2d(2), n.Conv2d(6, 16, 5), n.ReLU())
    return n.Sequential(features, n.AdaptiveAvgPool2d(5), n.Flatten(), n.Linear(400, 84), n.ReLU(), n.Linear(84, 10))


def mlp(t: Any) -> Any:
    return t.nn.Sequential(t.nn.Linear(20, 30), t.nn.Tanh(), t.nn.Dropout(0.5), t.nn.Linear(30, 3, bias=False))


def block(t: Any) -> Any:
    """A residual block with a shortcut, in a net that uses one activation throughout."""
    n = t.nn

    class Block(n.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv1, self.bn1 = n.Conv2d(3, 8, 3, padding=1, bias=False), n.BatchNorm2d(8)
            self.conv2, self.bn2 = n.Conv2d(8, 8, 3, padding=1, bias=False), n.BatchNorm2d(8)
            self.relu = n.ReLU()
            self.shortcut = n.Sequential(n.Conv2d(3, 8, 1), n.BatchNorm2d(8))

        def forward(self, x: Any) -> Any:
            y = self.relu(self.bn1(self.conv1(x)))
            return self.relu(self.bn2(self.conv2(y)) + self.shortcut(x))

    return n.Sequential(Block(), n.AdaptiveAvgPool2d(1), n.Flatten(), n.Linear(8, 2))


def lstm(t: Any) -> Any:
    n = t.nn

    class Tagger(n.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = n.Embedding(50, 8)
            self.lstm = n.LSTM(8, 16, num_layers=2, batch_first=True)
            self.out = n.Linear(16, 5)

        def forward(self, x: Any) -> Any:
            return self.out(self.lstm(self.embedding(x))[0])

    return Tagger()


def containers(t: Any) -> Any:
    """Layers in lists that are not called themselves, one of them used twice, and a parameter of the model's own."""
    n = t.nn

    class Net(n.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = n.Parameter(t.ones(1))
            self.layers = n.ModuleList([n.Linear(4, 4), n.Sequential(n.Linear(4, 4), n.ReLU())])
            self.heads = n.ModuleDict({"a": n.Linear(4, 1), "unused": n.Linear(4, 9)})

        def forward(self, x: Any) -> Any:
            for layer in self.layers:
                x = layer(x)
            return self.heads["a"](self.layers[0](x)) * self.scale

    return Net()


def two_inputs(t: Any) -> Any:
    n = t.nn

    class Both(n.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = n.Linear(3, 2), n.Bilinear(2, 4, 5)

        def forward(self, x: Any, y: Any, factor: float = 1.0) -> Any:
            z = self.second(self.first(x), y) * factor
            return {"z": z, "pair": (z, z)}

    return Both()


def frozen(t: Any) -> Any:
    model = mlp(t)
    model[0].weight.requires_grad_(False)
    model[3].weight.requires_grad_(False)
    return model


def deep(t: Any) -> Any:
    n = t.nn
    return n.Sequential(
        n.Linear(2, 3), n.Sequential(n.Linear(3, 4), n.Sequential(n.ReLU(), n.Sequential(n.Linear(4, 5))))
    )


def tied(t: Any) -> Any:
    model = t.nn.Sequential(t.nn.Linear(3, 3), t.nn.Linear(3, 3))
    model[1].weight = model[0].weight
    return model


# name: (model, options; a function of the library where they hold tensors or types)
CASES: dict[str, tuple[Any, Any]] = {
    "lenet": (lenet, {"input_size": (4, 1, 28, 28)}),
    "lenet, all columns": (lenet, {"input_size": (4, 1, 28, 28), "col_names": ALL}),
    "lenet, parameters": (lenet, {"input_size": (4, 1, 28, 28), "col_names": ALL, "verbose": 2}),
    "lenet, names": (lenet, {"input_size": (1, 1, 28, 28), "row_settings": ("var_names", "depth")}),
    "lenet, plain": (lenet, {"input_size": (1, 1, 28, 28), "row_settings": ("var_names", "ascii_only")}),
    "lenet, batch_dim": (lenet, {"input_size": (1, 28, 28), "batch_dim": 0, "col_names": ALL}),
    "lenet, no input": (lenet, {}),
    "lenet, no input, parameters": (lenet, {"col_names": ("kernel_size", "num_params", "trainable"), "verbose": 2}),
    "mlp": (mlp, {"input_size": [8, 20]}),
    "mlp, narrow": (mlp, {"input_size": (8, 20), "col_width": 14, "col_names": ("num_params", "mult_adds")}),
    "mlp, train": (mlp, {"input_size": (8, 20), "mode": "train"}),
    "mlp, double": (lambda t: mlp(t).double(), lambda t: {"input_size": (8, 20), "dtypes": [t.float64]}),
    "frozen": (frozen, {"input_size": (8, 20), "col_names": ALL}),
    "block": (block, {"input_size": (2, 3, 8, 8), "col_names": ALL}),
    "block, recursive hidden": (
        block,
        {"input_size": (2, 3, 8, 8), "row_settings": ("hide_recursive_layers", "depth")},
    ),
    "block, depth 1": (block, {"input_size": (2, 3, 8, 8), "depth": 1, "col_names": ALL}),
    "block, depth 2": (block, {"input_size": (2, 3, 8, 8), "depth": 2, "verbose": 2}),
    "lstm": (lstm, lambda t: {"input_size": (2, 7), "dtypes": [t.int64], "col_names": ALL}),
    "lstm, parameters": (lstm, lambda t: {"input_data": t.zeros(2, 7, dtype=t.int64), "verbose": 2}),
    "containers": (containers, {"input_size": (2, 4), "col_names": ALL, "row_settings": ("var_names", "depth")}),
    "containers, no input": (containers, {}),
    "two inputs": (two_inputs, {"input_size": [(6, 3), (6, 4)], "col_names": ALL}),
    "two inputs as a dict": (two_inputs, lambda t: {"input_data": {"x": t.ones(6, 3), "y": t.ones(6, 4)}}),
    "two inputs and an option": (two_inputs, lambda t: {"input_data": [t.ones(6, 3), t.ones(6, 4)], "factor": 2.0}),
    "deep": (deep, {"input_size": (1, 2), "depth": 2, "col_names": ALL}),
    "very deep": (deep, {"input_size": (1, 2), "depth": 9, "row_settings": ("ascii_only", "depth")}),
    "one layer": (lambda t: t.nn.Linear(3, 4), {"input_size": (2, 3)}),
    "no parameters": (lambda t: t.nn.ReLU(), {"input_size": (2, 3), "col_names": ALL}),
    "tied": (tied, {"input_size": (2, 3), "col_names": ALL}),
    "transposed": (lambda t: t.nn.ConvTranspose1d(2, 3, 5), {"input_size": (2, 2, 9), "col_names": ALL}),
    "attention": (
        lambda t: t.nn.MultiheadAttention(8, 2, batch_first=True),
        lambda t: {"input_data": [t.ones(2, 5, 8)] * 3, "col_names": ALL, "verbose": 2},
    ),
    "large": (lambda t: t.nn.Linear(2000, 3000), {"input_size": (500, 2000)}),
}
TOTALS = ("total_params", "trainable_params", "total_mult_adds", "total_param_bytes", "total_output_bytes")


def told(module: Any, function: Any, name: str) -> Any:
    make, options = CASES[name]
    return function(make(module), **{"verbose": 0, **(options(module) if callable(options) else options)})


@pytest.mark.parametrize("name", CASES)
def test_the_text_is_torchinfos(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    torch, torchinfo = pytest.importorskip("torch"), pytest.importorskip("torchinfo", reason="pip install torchinfo")
    expected, found = told(torch, torchinfo.summary, name), told(gradviz, summary, name)
    # Python 3.11 writes the unit of torchinfo 1.8 by its name in the program.
    text = str(expected)
    for unit, letter in (("MEGABYTES", "M"), ("GIGABYTES", "G"), ("TERABYTES", "T")):
        text = text.replace(f"(Units.{unit})", f"({letter})")
    assert str(found) == text
    assert [getattr(found, n) for n in TOTALS] == [getattr(expected, n) for n in TOTALS]
    assert [(r.var_name, r.depth, r.input_size) for r in found.summary_list] == [
        (r.var_name, r.depth, r.input_size) for r in expected.summary_list
    ]
    printed = capsys.readouterr().out
    assert (str(found) + "\n" in printed) == (found.formatting.verbose > 0)


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"col_width": 0}, ValueError, "^Column width must be greater than 0: col_width=0$"),
        ({"verbose": 3}, ValueError, r"^Verbose must be either 0 \(quiet\), 1 \(default\), or 2 \(verbose\)\.$"),
        ({"input_size": (1, 20), "input_data": [1]}, RuntimeError, "^Only one of"),
        (
            {"col_names": ("output_size",)},
            ValueError,
            "^You must pass input_data or input_size in order to use columns",
        ),
        ({"col_names": ("size",)}, ValueError, "^'size' is not a valid ColumnSettings$"),
        ({"input_size": 3, "dtypes": []}, TypeError, "^Input_size is not a recognized type"),
        ({"input_size": (0, 20)}, ValueError, "^Input_data is invalid, or negative size found in input_data"),
        ({"input_size": (1, 21)}, RuntimeError, r"^Failed to run torchinfo\..*Executed layers up to: \[\]"),
        ({"mode": "test"}, ValueError, "'test' is not a valid Mode"),
    ],
)
def test_errors(options: Any, error: Any, text: str) -> None:
    torchinfo = pytest.importorskip("torchinfo", reason="pip install torchinfo")
    torch = pytest.importorskip("torch")
    for module, function in ((gradviz, summary), (torch, torchinfo.summary)):
        with pytest.raises(error, match=text):
            function(mlp(module), **options)


def test_the_model_and_the_random_numbers_are_left_alone() -> None:
    model = gradviz.nn.Sequential(gradviz.nn.Linear(3, 4), gradviz.nn.BatchNorm1d(4), gradviz.nn.Dropout())
    model[1].eval()
    before, state = {k: v.tolist() for k, v in model.state_dict().items()}, gradviz.get_rng_state()
    summary(model, (8, 3), verbose=0)
    assert {k: v.tolist() for k, v in model.state_dict().items()} == before
    assert [m.training for m in model] == [True, False, True]
    assert gradviz.equal(gradviz.get_rng_state(), state)
    with pytest.raises(RuntimeError):
        summary(model, (8, 4), verbose=0)
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def test_a_kept_run() -> None:
    calls = []

    class Counted(gradviz.nn.Linear):
        def forward(self, x: Any) -> Any:
            calls.append(x)
            return super().forward(x)

    for depth in (1, 2):
        summary(Counted(2, 3), (1, 2), cache_forward_pass=True, depth=depth, verbose=0)
    assert len(calls) == 1
    clear_cached_forward_pass()
    summary(Counted(2, 3), (1, 2), verbose=0)
    assert len(calls) == 2


def test_a_pruned_layer_counts_what_is_left() -> None:
    layer = gradviz.nn.Linear(3, 2)
    weight = layer.weight
    del layer.weight
    layer.weight_orig = weight
    layer.register_buffer("weight_mask", gradviz.tensor([[1.0, 0, 0], [0, 1, 1]]))
    layer.weight = weight.detach()
    assert summary(layer, (1, 3), verbose=0).total_params == 5


def test_under_torchs_names() -> None:
    program = """
import gradviz; gradviz.as_torch()
import torch, torchinfo
from torchinfo import summary, ModelStatistics
from torchsummary import summary as old
assert isinstance(summary(torch.nn.Linear(2, 3), input_size=(1, 2)), ModelStatistics)
assert torchinfo.summary is summary
old(torch.nn.Linear(2, 3), (2,), device="cpu")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=Path(__file__).parents[2], check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Layer (type:depth-idx)" in done.stdout
    assert "Linear-1" in done.stdout
    assert ColumnSettings("num_params") is ColumnSettings.NUM_PARAMS


@pytest.mark.parametrize(("make", "size"), [(lenet, (1, 28, 28)), (mlp, (20,)), (block, (3, 8, 8)), (deep, (2,))])
@pytest.mark.parametrize("batch", [-1, 16])
def test_the_text_is_torchsummarys(make: Any, size: Any, batch: int, capsys: pytest.CaptureFixture[str]) -> None:
    torch = pytest.importorskip("torch")
    torchsummary = pytest.importorskip("torchsummary", reason="pip install torchsummary")
    gradviz.viz.summary(make(gradviz), size, batch_size=batch, device="cpu")
    found = capsys.readouterr().out
    torchsummary.summary(make(torch), size, batch_size=batch, device="cpu")
    assert found == capsys.readouterr().out


def test_deep_nests_take_no_longer_than_they_are_deep() -> None:
    """Each container looks at all that lies in it: worked out anew each time, 60 levels would take 2 ** 60 looks."""
    nn = gradviz.nn
    model: Any = nn.Linear(4, 4)
    for level in range(60):
        model = nn.Sequential(model)
        if level == 30:
            model.register_parameter("own", nn.Parameter(gradviz.ones(7)))
    made = summary(model, input_size=(2, 4), verbose=0, depth=100)
    assert made.total_params == 27
    assert [row.leftover_params() for row in made.summary_list if row.num_params == 27][-1] == 7
