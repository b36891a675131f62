"""The public classes of nn: none is missing, and arguments, defaults and attributes have PyTorch's names."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

import gradviz
from gradviz import nn

from .layers import LAYERS
from .steps import build

torch = pytest.importorskip("torch")

# Deprecated, for several processes or devices, or an option that is refused by name.
NOT_HERE = {"Container", "DataParallel", "NLLLoss2d", "SyncBatchNorm", "LinearCrossEntropyOptions"}
CLASSES = sorted(n for n, c in vars(torch.nn).items() if isinstance(c, type) and n not in NOT_HERE)


def arguments(function: Any) -> list[tuple[str, str, str]]:
    def shown(default: Any) -> str:
        return default.__name__ if inspect.isfunction(default) else repr(default)

    found = inspect.signature(function).parameters.values()
    return [(p.name, p.kind.name, "" if p.default is p.empty else shown(p.default)) for p in found]


@pytest.mark.parametrize("name", CLASSES)
def test_arguments(name: str) -> None:
    ours, theirs = getattr(nn, name), getattr(torch.nn, name)
    if issubclass(theirs, torch.Tensor):
        assert issubclass(ours, gradviz.Tensor)
        return
    for method in ("__init__", "forward", "from_pretrained", "log_prob", "predict", "load_state_dict", "to_empty"):
        if hasattr(theirs, method):
            assert arguments(getattr(ours, method)) == arguments(getattr(theirs, method)), method


@pytest.mark.parametrize("name", [n for n in CLASSES if issubclass(getattr(torch.nn, n), torch.nn.Module)])
def test_documented(name: str) -> None:
    assert "https://docs.pytorch.org/docs/2.13/generated/torch.nn." in (getattr(nn, name).__doc__ or "")


@pytest.mark.parametrize("code", {code: None for code, _ in LAYERS})
def test_attributes(code: str) -> None:
    settings = []
    for lib in (torch, gradviz):
        public = {k: v for k, v in vars(build(lib, code)).items() if not k.startswith("_")}
        settings.append({k: v if isinstance(v, (int, float, str, tuple, list)) else None for k, v in public.items()})
    assert settings[1] == settings[0]
