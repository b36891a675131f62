"""Every layer against PyTorch's: the same start from the same seed, repr, state_dict, outputs and gradients."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np
import pytest

import gradviz
from tests.oracle.same import check_errors

torch = pytest.importorskip("torch")

LIBRARIES = (torch, gradviz)
NET = """nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
                       nn.Linear(54, 5), nn.LogSoftmax(1))"""
# (constructor, shapes of its inputs; a negative number asks for class numbers below its absolute value)
LAYERS: list[tuple[str, list[Any]]] = [
    ("nn.Linear(5, 3)", [(4, 5)]),
    ("nn.Linear(5, 3, bias=False)", [(2, 4, 5)]),
    ("nn.Linear(5, 3, dtype=torch.float64)", [(4, 5)]),
    ("nn.Identity(3, spam=4)", [(4, 5)]),
    ("nn.Conv2d(3, 4, 3)", [(2, 3, 6, 6)]),
    ("nn.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(1, 0), dilation=2, groups=2, bias=False)", [(2, 4, 8, 8)]),
    ("nn.Conv2d(3, 4, 3, padding='same')", [(3, 6, 6)]),
    ("nn.Conv2d(3, 4, 3, padding='valid')", [(2, 3, 6, 6)]),
    ("nn.MaxPool2d(2)", [(2, 3, 6, 6)]),
    ("nn.MaxPool2d((3, 2), stride=2, padding=1, ceil_mode=True)", [(2, 3, 6, 7)]),
    ("nn.AvgPool2d(2, padding=1, count_include_pad=False)", [(2, 3, 6, 6)]),
    ("nn.AdaptiveAvgPool2d((3, None))", [(2, 3, 7, 4)]),
    ("nn.ReLU()", [(4, 5)]),
    ("nn.ReLU6()", [(4, 5)]),
    ("nn.LeakyReLU(0.2)", [(4, 5)]),
    ("nn.PReLU()", [(4, 5)]),
    ("nn.PReLU(5)", [(4, 5)]),
    ("nn.Hardtanh(-0.5, 0.5)", [(4, 5)]),
    ("nn.Hardsigmoid()", [(4, 5)]),
    ("nn.Hardswish()", [(4, 5)]),
    ("nn.Threshold(0.1, 2.0)", [(4, 5)]),
    ("nn.Sigmoid()", [(4, 5)]),
    ("nn.Tanh()", [(4, 5)]),
    ("nn.LogSigmoid()", [(4, 5)]),
    ("nn.Softsign()", [(4, 5)]),
    ("nn.Tanhshrink()", [(4, 5)]),
    ("nn.SiLU()", [(4, 5)]),
    ("nn.Mish()", [(4, 5)]),
    ("nn.SELU()", [(4, 5)]),
    ("nn.ELU(0.7)", [(4, 5)]),
    ("nn.CELU(0.7)", [(4, 5)]),
    ("nn.GELU()", [(4, 5)]),
    ("nn.GELU('tanh')", [(4, 5)]),
    ("nn.Softplus(2.0, 1.0)", [(4, 5)]),
    ("nn.Hardshrink()", [(4, 5)]),
    ("nn.Softshrink(0.3)", [(4, 5)]),
    ("nn.Softmax(dim=1)", [(4, 5)]),
    ("nn.LogSoftmax(1)", [(4, 5)]),
    ("nn.Softmin(0)", [(4, 5)]),
    ("nn.Flatten()", [(2, 3, 4)]),
    ("nn.Flatten(0, 1)", [(2, 3, 4)]),
    ("nn.Unflatten(1, (2, 3))", [(4, 6)]),
    ("nn.Dropout(0.4)", [(40, 5)]),
    ("nn.Dropout2d(0.4)", [(4, 5, 2, 2)]),
    ("nn.BatchNorm1d(5)", [(4, 5)]),
    ("nn.BatchNorm2d(3, momentum=None)", [(4, 3, 2, 2)]),
    ("nn.BatchNorm2d(3, affine=False, track_running_stats=False)", [(4, 3, 2, 2)]),
    ("nn.LayerNorm(5)", [(4, 5)]),
    ("nn.LayerNorm((3, 4), bias=False)", [(2, 3, 4)]),
    ("nn.Embedding(5, 3)", [(-5, 4, 6)]),
    ("nn.Embedding(5, 3, padding_idx=-1)", [(-5, 4, 6)]),
    ("nn.MSELoss()", [(4, 5), (4, 5)]),
    ("nn.MSELoss(reduction='sum')", [(4, 5), (4, 5)]),
    ("nn.L1Loss()", [(4, 5), (4, 5)]),
    ("nn.SmoothL1Loss(beta=0.5)", [(4, 5), (4, 5)]),
    ("nn.HuberLoss(delta=0.5)", [(4, 5), (4, 5)]),
    ("nn.KLDivLoss(reduction='batchmean', log_target=True)", [(4, 5), (4, 5)]),
    ("nn.BCEWithLogitsLoss()", [(4, 5), (4, 5)]),
    ("nn.BCEWithLogitsLoss(pos_weight=torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0]))", [(4, 5), (4, 5)]),
    ("nn.NLLLoss()", [(4, 5), (-5, 4)]),
    ("nn.CrossEntropyLoss()", [(4, 5), (-5, 4)]),
    ("nn.CrossEntropyLoss(torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0]), ignore_index=2)", [(4, 5), (-5, 4)]),
    ("nn.CrossEntropyLoss(label_smoothing=0.2, reduction='none')", [(4, 5), (-5, 4)]),
    ("nn.CrossEntropyLoss()", [(4, 5, 2, 2), (-5, 4, 2, 2)]),
    ("nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))", [(5, 3)]),
    ("nn.Sequential(OrderedDict(fc=nn.Linear(3, 4), act=nn.Tanh()))", [(5, 3)]),
    (NET, [(4, 3, 6, 6)]),
]


def build(lib: Any, code: str) -> Any:
    return eval(code, {"torch": lib, "nn": lib.nn, "OrderedDict": OrderedDict})


def inputs(lib: Any, shapes: list[Any], dtype: Any) -> list[Any]:
    rng = np.random.RandomState(0)
    made = []
    for shape in shapes:
        if shape and shape[0] < 0:
            made.append(lib.from_numpy(rng.randint(-shape[0], size=shape[1:])))
        else:
            made.append(lib.from_numpy(rng.randn(*shape).astype("float32")).to(dtype).requires_grad_())
    return made


def host(x: Any) -> np.ndarray:
    return x.detach().numpy()


def same(got: Any, want: Any, what: str, rtol: float = 2e-5) -> None:
    assert str(got.dtype) == str(want.dtype), what
    np.testing.assert_allclose(host(got), host(want), rtol=rtol, atol=rtol, err_msg=what)


@pytest.mark.parametrize(("code", "shapes"), [pytest.param(*row, id=f"{i} {row[0]}") for i, row in enumerate(LAYERS)])
def test_layer(code: str, shapes: list[Any]) -> None:
    made, results = [], []
    for lib in LIBRARIES:
        lib.manual_seed(5)
        layer = build(lib, code)
        made.append(layer)
        kind = next((p.dtype for p in layer.parameters()), lib.float32)
        args = inputs(lib, shapes, kind)
        out = layer(*args)
        lib.manual_seed(9)
        weights = lib.rand(tuple(out.shape), dtype=out.dtype)
        (out * weights).sum().backward()
        layer.eval()
        results.append((out, [a.grad for a in args], layer(*args)))
    theirs, ours = made
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert ours.state_dict()._metadata == theirs.state_dict()._metadata
    for key, want in theirs.state_dict().items():
        same(ours.state_dict()[key], want, key, 1e-5)
    for key, want in theirs.named_parameters():
        same(ours.get_parameter(key).grad, want.grad, f"gradient of {key}", 2e-4)
    (out, grads, calm), (want, want_grads, want_calm) = results[1], results[0]
    same(out, want, "output", 5e-5)
    same(calm, want_calm, "output in evaluation mode", 5e-5)
    for i, (got, wanted) in enumerate(zip(grads, want_grads, strict=True)):
        if wanted is not None:
            same(got, wanted, f"gradient of input {i}", 2e-4)


@pytest.mark.parametrize(
    "code",
    [
        "nn.ReLU(inplace=True)",
        "nn.ELU(inplace=True)",
        "nn.LeakyReLU(inplace=True)",
        "nn.Hardtanh(inplace=True)",
        "nn.Threshold(0.1, 20, inplace=True)",
        "nn.SELU(True)",
        "nn.CELU(inplace=True)",
        "nn.Hardsigmoid(True)",
        "nn.Dropout(0.2, inplace=True)",
        "nn.Softmax()",
        "nn.BatchNorm1d(3, bias=False)",
        "nn.Embedding(4, 2, padding_idx=0)",
        "nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2)])",
        "nn.ModuleList([nn.Sequential(nn.Linear(2, 2), nn.ReLU()) for _ in range(3)])",
        "nn.ModuleList()",
        "nn.ModuleDict({'a': nn.Linear(3, 4), 'b': nn.ReLU()})",
        "nn.ModuleDict()",
        "nn.Sequential()",
        "nn.Sequential(nn.Sequential(nn.ReLU()), nn.Sequential())",
        "nn.ParameterList([nn.Parameter(torch.ones(2, 3)), torch.ones(()), 'text'])",
        "nn.ParameterDict({'w': nn.Parameter(torch.ones(2, 3)), 'n': 4})",
        "nn.Parameter(torch.tensor([1.0, 2.0]))",
        "nn.Parameter(torch.tensor([1.0, 2.0]), requires_grad=False)",
        "nn.Parameter(torch.arange(3), requires_grad=False)",
        "nn.Sequential(nn.Linear(2, 2), nn.ReLU()) + nn.Sequential(nn.Tanh())",
        "nn.Sequential(nn.Linear(2, 2), nn.ReLU()) * 2",
        "nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Tanh())[1:]",
        "nn.Sequential(nn.Linear(2, 2), nn.ReLU()).append(nn.Tanh()).insert(0, nn.Sigmoid()).extend([nn.ELU()])",
    ],
)
def test_repr(code: str) -> None:
    assert repr(build(gradviz, code)) == repr(build(torch, code))


@pytest.mark.parametrize(
    "code",
    [
        "nn.Linear(2)",
        "nn.Linear(2, 3)(torch.ones(4, 3))",
        "nn.Linear(2, 3)(torch.ones(4, 2, dtype=torch.float64))",
        "nn.Conv2d(3, 4, 3, groups=2)",
        "nn.Conv2d(4, 3, 3, groups=2)",
        "nn.Conv2d(4, 4, 3, groups=0)",
        "nn.Conv2d(4, 4, 3, stride=2, padding='same')",
        "nn.Conv2d(3, 4, 3)(torch.ones(1, 2, 5, 5))",
        "nn.Conv2d(3, 4, 3)(torch.ones(3, 5))",
        "nn.Dropout(1.5)",
        "nn.Hardtanh(1.0, 0.5)",
        "nn.Unflatten(1, 3)",
        "nn.Unflatten(1, (2, 'a'))",
        "nn.HuberLoss(delta='a')",
        "nn.BatchNorm2d(3)(torch.ones(2, 3))",
        "nn.BatchNorm1d(3)(torch.ones(1, 3))",
        "nn.BatchNorm1d(3)(torch.ones(4, 2))",
        "nn.Embedding(3, 2, padding_idx=5)",
        "nn.Embedding(3, 2)(torch.tensor([4]))",
        "nn.Sequential(nn.ReLU())[3]",
        "nn.Sequential(3)",
        "nn.Sequential(nn.ReLU()).insert(5, nn.ReLU())",
        "nn.ModuleList([nn.ReLU()])[-2]",
        "nn.ModuleList(3)",
        "nn.ModuleList([nn.ReLU()])(3)",
        "nn.ModuleDict({'a.b': nn.ReLU()})",
        "nn.ModuleDict({'keys': nn.ReLU()})",
        "nn.ModuleDict({})['a']",
        "nn.ModuleDict(3)",
        "nn.ParameterList([1])(3)",
        "nn.ParameterDict({})(3)",
        "nn.Parameter(torch.arange(3))",
        "nn.MSELoss(reduction='all')(torch.ones(2), torch.ones(2))",
        "nn.CrossEntropyLoss()(torch.ones(2, 3), torch.tensor([1, 3]))",
    ],
)
def test_errors(code: str) -> None:
    raised = []
    for lib in LIBRARIES:
        with pytest.raises(Exception) as found:
            build(lib, code)
        raised.append(found.value)
    if not isinstance(raised[0], KeyError):
        check_errors(*raised)
    assert type(raised[1]) is type(raised[0])
    assert str(raised[1]).startswith(str(raised[0])[:20])


def test_sequential_edits_like_a_list() -> None:
    results = []
    for lib in LIBRARIES:
        nn = lib.nn
        net = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Tanh(), nn.Sigmoid())
        del net[1]
        net[0] = nn.ELU()
        popped = net.pop(1)
        net += nn.Sequential(nn.SiLU())
        net *= 2
        results.append((repr(net), repr(popped), len(net), [repr(m) for m in net[:2]], repr(net[-1])))
    assert results[0] == results[1]


def test_shared_layers_keep_one_set_of_parameters() -> None:
    lists = []
    for lib in LIBRARIES:
        layer = lib.nn.Linear(2, 2)
        net = lib.nn.Sequential(layer, lib.nn.ReLU(), layer)
        lists.append(
            (
                [n for n, _ in net.named_parameters()],
                [n for n, _ in net.named_parameters(remove_duplicate=False)],
                [n for n, _ in net.named_modules()],
                [n for n, _ in net.named_children()],
                list(net.state_dict()),
            )
        )
    assert lists[0] == lists[1]
