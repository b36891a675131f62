"""Containers, factories and small answers of layers against PyTorch's, one line of code each."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import pytest

from .both import both

MODULES = [
    "nn.ModuleList([nn.ReLU()]).extend(3)",
    "nn.ModuleList([nn.ReLU()]).append(3)",
    "nn.ModuleList([nn.ReLU()]).forward(1)",
    "nn.ModuleList([nn.ReLU(), nn.Tanh()])['a']",
    "repr(nn.ModuleList([nn.ReLU(), nn.Tanh()]).pop(0))",
    "repr(nn.ModuleList([nn.ReLU(), nn.Tanh()])[0:1])",
    "repr(nn.ModuleList([nn.ReLU()]) + nn.ModuleList([nn.Tanh()]))",
    "repr(changed(nn.ModuleList([nn.ReLU()]), 'insert', 0, nn.Tanh()))",
    "repr(changed(nn.ModuleList([nn.ReLU()]), '__iadd__', [nn.Tanh()]))",
    "repr(changed(nn.ModuleList([nn.ReLU(), nn.Tanh()]), '__delitem__', slice(0, 1)))",
    "changed(nn.ModuleList([nn.ReLU()]), '__setitem__', 5, nn.Tanh())",
    "'0' in dir(nn.ModuleList([nn.ReLU()]))",
    "nn.ModuleDict([('a', nn.ReLU(), 3)])",
    "nn.ModuleDict([3])",
    "nn.ModuleDict({'a': 3})",
    "nn.ModuleDict({3: nn.ReLU()})",
    "nn.ModuleDict({'a': nn.ReLU()})(3)",
    "nn.ModuleDict({'a': nn.ReLU()}).pop('b')",
    "repr(nn.ModuleDict({'a': nn.ReLU()}).pop('a'))",
    "repr(changed(nn.ModuleDict({'a': nn.ReLU()}), 'clear'))",
    "repr(changed(nn.ModuleDict({'a': nn.ReLU()}), 'update', {'b': nn.Tanh()}))",
    "changed(nn.ModuleDict({'a': nn.ReLU()}), '__delitem__', 'b')",
    "list(nn.ModuleDict([('b', nn.ReLU()), ('a', nn.Tanh())]).keys())",
    "nn.Sequential(nn.ReLU(), 'a')",
    "nn.Sequential(OrderedDict(a=3))",
    "nn.Sequential(nn.ReLU()).append(3)",
    "nn.Sequential(nn.ReLU()).extend(3)",
    "nn.Sequential(nn.ReLU()) + 3",
    "repr(2 * nn.Sequential(nn.ReLU()))",
    "repr(nn.Sequential(nn.ReLU()).insert(-1, nn.Tanh()))",
    "repr(nn.Sequential(OrderedDict(a=nn.ReLU(), b=nn.Tanh()))[1:])",
    "repr(nn.Sequential(OrderedDict(a=nn.ReLU(), b=nn.Tanh())).pop(0))",
    "repr(changed(nn.Sequential(OrderedDict(a=nn.ReLU(), b=nn.Tanh())), '__delitem__', 0))",
    "nn.Sequential()(3)",
    "nn.Sequential(nn.Linear(2, 2))(torch.ones(1, 2), 3)",
    "list(nn.Linear(1, 1))",
    "bool(nn.Sequential()), bool(nn.Linear(1, 1))",
]
PARAMETERS = [
    "nn.ParameterDict(3)",
    "nn.ParameterDict([1, 2])",
    "nn.ParameterDict([(1, 2, 3)])",
    "nn.ParameterDict({1: torch.ones(2)})",
    "nn.ParameterDict({'b': torch.ones(2)})['c']",
    "nn.ParameterDict({'b': torch.ones(2)}).pop('c')",
    "nn.ParameterDict({'b': torch.ones(2)}).popitem()",
    "nn.ParameterDict({'b': torch.ones(2)}).get('c', 3)",
    "nn.ParameterDict({'b': torch.ones(2)}).setdefault('c', torch.ones(1))",
    "repr(nn.ParameterDict({'b': torch.ones(2)}) | nn.ParameterDict({'c': torch.ones(1)}))",
    "repr(nn.ParameterDict({'b': torch.ones(2), 'a': torch.ones(3)}).copy())",
    "repr(nn.ParameterDict().fromkeys(['x', 'y'], torch.ones(2)))",
    "list(reversed(nn.ParameterDict(OrderedDict(b=torch.ones(2), a=torch.ones(3)))))",
    "nn.ParameterList(3)",
    "nn.ParameterList([torch.ones(1)])[2]",
    "nn.ParameterList([torch.ones(1), torch.ones(2)])[-1]",
    "repr(nn.ParameterList([torch.ones(1), torch.ones(2)])[:1])",
    "len(nn.ParameterList([torch.ones(1)]).extend([torch.ones(2)]).append(torch.ones(3)))",
    "nn.Parameter([1.0])",
    "nn.Buffer(torch.ones(2), persistent=False).persistent, nn.Buffer()",
    "type(nn.Buffer(torch.ones(2))).__name__, isinstance(nn.Buffer(torch.ones(2)), nn.Buffer)",
    "isinstance(torch.ones(1), nn.Buffer)",
]
KINDS = [
    "isinstance(nn.Conv2d(1, 1, 1), nn.modules.conv._ConvNd)",
    "isinstance(nn.BatchNorm2d(1), nn.modules.batchnorm._BatchNorm)",
    "isinstance(nn.InstanceNorm2d(1), nn.modules.batchnorm._NormBase)",
    "isinstance(nn.Dropout2d(), nn.modules.dropout._DropoutNd), isinstance(nn.Dropout2d(), nn.Dropout)",
    "isinstance(nn.CrossEntropyLoss(), nn.modules.loss._WeightedLoss)",
    "isinstance(nn.CELU(), nn.ELU), isinstance(nn.ReLU6(), nn.Hardtanh)",
    "isinstance(nn.LogSoftmax(1), nn.Softmax), isinstance(nn.Fold(2, 2), nn.Unfold)",
    "isinstance(nn.ZeroPad2d(1), nn.ConstantPad2d)",
    "isinstance(nn.LazyLinear(1), nn.Linear), isinstance(nn.LazyLinear(1), nn.modules.lazy.LazyModuleMixin)",
]
ANSWERS = [
    "nn.ConvTranspose2d(2, 3, 3, stride=2)(torch.ones(1, 2, 4, 4), output_size=(10, 10))",
    "nn.ConvTranspose2d(2, 3, 3, stride=2)(torch.ones(1, 2, 4, 4), output_size=[1, 3, 10, 9])",
    "nn.Conv2d(2, 3, (3, 4), padding='same')._reversed_padding_repeated_twice",
    "nn.Conv2d(2, 3, (3, 4), padding=(1, 2))._reversed_padding_repeated_twice",
    "nn.Conv2d(1, 1, 2)._conv_forward(torch.ones(1, 1, 2, 2), torch.ones(1, 1, 2, 2), None)",
    "nn.InstanceNorm2d(3)(torch.arange(64.0).view(2, 2, 4, 4))",
    "nn.Embedding.from_pretrained(torch.ones(3, 2)).weight.requires_grad",
    "nn.EmbeddingBag.from_pretrained(torch.ones(3, 2), mode='sum').weight.requires_grad",
    "nn.AdaptiveLogSoftmaxWithLoss(16, 10, [3, 5]).log_prob(torch.ones(2, 16))",
    "nn.AdaptiveLogSoftmaxWithLoss(16, 10, [3, 5]).predict(torch.randn(7, 16))",
    "nn.AdaptiveLogSoftmaxWithLoss(16, 10, [9]).predict(torch.randn(7, 16))",
    "nn.Hardtanh(min_value=-2, max_value=3).min_val",
    "nn.MSELoss(size_average=False).reduction, nn.MSELoss(reduce=False).reduction",
    "nn.modules.utils._ntuple(3)([1, 2, 3]), nn.modules.utils._pair(3), nn.modules.utils._quadruple(1)",
    "nn.modules.utils._reverse_repeat_tuple((1, 2), 2), nn.modules.utils._list_with_default([None, 3], [1, 2, 3])",
    "nn.modules.utils._list_with_default([None, 3], [1, 2])",
    "nn.factory_kwargs({'device': 'cpu', 'factory_kwargs': {'dtype': 3}})",
    "nn.factory_kwargs({'spam': 1})",
    "nn.factory_kwargs({'device': 'cpu', 'factory_kwargs': {'device': 3}})",
    "nn.init._calculate_correct_fan(torch.empty(3, 4), 'fan_in')",
    "stripped(nn, OrderedDict({'module.a': 1, 'b': 2}))",
    "stripped(nn, nn.ModuleDict({'module': nn.ModuleList([nn.Linear(1, 1)])}).state_dict())",
]  # fmt: skip


def changed(module: Any, method: str, *args: Any) -> Any:
    getattr(module, method)(*args)
    return module


def stripped(nn: Any, state: Any) -> Any:
    nn.modules.utils.consume_prefix_in_state_dict_if_present(state, "module.")
    return state, list(getattr(state, "_metadata", {}))


@pytest.mark.parametrize("code", MODULES + PARAMETERS + KINDS + ANSWERS)
def test_same_as_torch(code: str) -> None:
    names = {"changed": changed, "stripped": stripped, "OrderedDict": OrderedDict}
    both(lambda lib: eval(code, {"torch": lib, "nn": lib.nn, **names}))
