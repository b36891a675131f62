"""Containers and the texts of layers against PyTorch's: repr, errors, edits."""

from __future__ import annotations

import pytest

import gradviz
from tests.oracle.same import check_errors

from .steps import build

torch = pytest.importorskip("torch")

LIBRARIES = (torch, gradviz)


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
        "nn.RReLU(inplace=True)",
        "nn.Conv3d(2, 4, 3, padding=1, dilation=2, groups=2, padding_mode='circular', bias=False)",
        "nn.ConvTranspose2d(2, 4, 3, 2, 1, 1, 2, False, 2)",
        "nn.Embedding(4, 2, max_norm=1, norm_type=1.0, scale_grad_by_freq=True, sparse=True)",
        "nn.EmbeddingBag(3, 2, max_norm=1, norm_type=1.0, scale_grad_by_freq=True, padding_idx=-1)",
        "nn.Sequential(nn.LazyLinear(3), nn.ReLU(), nn.LazyConv2d(2, 3, padding='same', bias=False))",
        "nn.LazyBatchNorm2d()",
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
        "nn.Conv2d(3, 4, 3, stride=(1, 2, 3))(torch.ones(1, 3, 9, 9))",
        "nn.ConvTranspose2d(2, 3, 3, padding_mode='circular')",
        "nn.ConvTranspose2d(2, 3, 3, groups=2)",
        "nn.ConvTranspose2d(2, 3, 3, stride=2)(torch.ones(1, 2, 4, 4), output_size=(12, 12))",
        "nn.ConvTranspose2d(2, 3, 3, stride=2)(torch.ones(1, 2, 4, 4), output_size=(12,))",
        "nn.Bilinear(0, 2, 3)",
        "nn.Bilinear(2, 3, 4)(torch.ones(5, 2), torch.ones(5, 4))",
        "nn.FractionalMaxPool2d(2)",
        "nn.FractionalMaxPool2d(2, 3, 0.5)",
        "nn.FractionalMaxPool2d(2, output_ratio=1.5)",
        "nn.FractionalMaxPool3d(0, 3)",
        "nn.CircularPad2d(1)(torch.ones(2))",
        "nn.ReflectionPad2d(1)(torch.ones(2))",
        "nn.ConstantPad2d((1, 2, 3), 1.0)(torch.ones(1, 2, 2))",
        "nn.BatchNorm3d(3)(torch.ones(2, 3))",
        "nn.InstanceNorm2d(3)(torch.ones(2, 3))",
        "nn.InstanceNorm2d(3, affine=True)(torch.ones(2, 2, 4, 4))",
        "nn.InstanceNorm2d(3)(torch.ones(1, 3, 1, 1))",
        "nn.InstanceNorm1d(3).load_state_dict({'running_mean': torch.ones(3), 'running_var': torch.ones(3)})",
        "nn.GroupNorm(2, 3)",
        "nn.CrossMapLRN2d(3)(torch.ones(2, 3))",
        "nn.Softmax2d()(torch.ones(2, 2))",
        "nn.GLU()(torch.ones(3))",
        "nn.PixelShuffle(2)(torch.ones(1, 3, 2, 2))",
        "nn.ChannelShuffle(2)(torch.ones(1, 3, 2, 2))",
        "nn.Upsample()(torch.ones(1, 1, 2, 2))",
        "nn.Dropout3d(1.2)",
        "nn.Embedding(3, 2, padding_idx=-4)",
        "nn.Embedding(3, 2, _weight=torch.ones(2, 2))",
        "nn.Embedding.from_pretrained(torch.ones(3))",
        "nn.EmbeddingBag(3, 2, padding_idx=7)",
        "nn.EmbeddingBag(3, 2, mode='spam')(torch.tensor([[1]]))",
        "nn.EmbeddingBag(3, 2)(torch.tensor([1, 2]), torch.tensor([0]), torch.ones(2))",
        "nn.MultiMarginLoss(p=3)",
        "nn.MultiMarginLoss(weight=torch.ones(2, 2))",
        "nn.TripletMarginLoss(margin=-1)",
        "nn.TripletMarginWithDistanceLoss(margin=0)",
        "nn.GaussianNLLLoss(reduction='spam')(torch.zeros(2), torch.ones(2), torch.ones(2))",
        "nn.GaussianNLLLoss()(torch.zeros(2), torch.ones(2), -torch.ones(2))",
        "nn.LinearCrossEntropyLoss(3, 4, label_smoothing=3)",
        "nn.LinearCrossEntropyLoss(3, 4, weight=torch.ones(3))",
        "nn.AdaptiveLogSoftmaxWithLoss(16, 10, [])",
        "nn.AdaptiveLogSoftmaxWithLoss(16, 10, [5, 3])",
        "nn.AdaptiveLogSoftmaxWithLoss(16, 10, [10])",
        "nn.AdaptiveLogSoftmaxWithLoss(16, 10, [3, 5])(torch.ones(3, 16), torch.tensor([0, 4, 10]))",
        "nn.AdaptiveLogSoftmaxWithLoss(16, 10, [3, 5])(torch.ones(3, 16), torch.tensor([0, 4]))",
        "nn.AdaptiveLogSoftmaxWithLoss(16, 10, [3, 5])(torch.ones(1), torch.tensor([0]))",
        "nn.AdaptiveLogSoftmaxWithLoss(16, 10, [3, 5])(torch.ones(4, 3), torch.tensor(0))",
        "nn.AdaptiveLogSoftmaxWithLoss(16, 10, [3, 5])(torch.ones(4, 3), torch.ones(2, 2))",
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
