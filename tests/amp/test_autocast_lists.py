"""Autocast's lists against PyTorch's own: the macros of its header, and the calls of its tests (autocast_test_lists).

On the CPU each call runs under both libraries. For cuda it runs on the stand-in device and must give the type that
PyTorch's tests ask for on a GPU; no GPU code is executed.
"""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradviz
from gradviz.core.autocast import LISTS
from gradviz.core.device import Device
from gradviz.core.tensor import Tensor
from tests.strict_device import StrictArray, namespace, sp, to_device

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("expecttest", reason="expecttest is not installed, which torch.testing needs")
from torch.testing._internal import autocast_test_lists as theirs  # noqa: E402

pytestmark = pytest.mark.oracle
HEADER = Path(torch.__file__).parent / "include" / "ATen" / "autocast_mode.h"
# What a macro of the header is called here, and how many names of public functions it has.
MACROS = {
    "LOWER_PRECISION_FP": ("lower", 27), "FP32": ("float32", 42), "FP32_SET_OPT_DTYPE": ("float32 dtype", 8),
    "DIFFERENT_REDISPATCH_SIGNATURE": ("float32 dtype", 1), "PROMOTE": ("widest", 11),
}  # fmt: skip
PRIVATE = re.compile(r"_|native_|upsample_|convolution$|nll_loss2d$")


@pytest.mark.parametrize("macro", MACROS)
def test_every_name_of_the_header_is_on_the_list_it_is_on_there(macro: str) -> None:
    policy, count = MACROS[macro]
    text = re.search(rf"#define AT_FORALL_{macro}\(_\)(.*?)\n\n", HEADER.read_text(), re.DOTALL)
    assert text is not None
    names = set(re.findall(r"\b_\((?:ADD_NS\()?(\w+)", text[1]))
    public = {name for name in names if not PRIVATE.match(name)}
    assert len(public) == count
    assert public <= set(LISTS[policy]["cuda"].split())


# -- the calls of PyTorch's tests --------------------------------------------------------------------------------------
# Calls without a public function of this name here: operators that are the insides of others. Cells, grid_sample and
# padding are in test_autocast_dtypes; so is einsum, whose call there names more dimensions than its arguments have.
INSIDE = {
    "_convolution", "convolution", "cudnn_convolution", "cudnn_convolution_transpose", "_addmm_activation",
    "_native_multi_head_attention", "nll_loss2d", "__div__", "lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell",
    "grid_sampler", "reflection_pad1d", "einsum",
}  # fmt: skip
CUDA_WANTS = {
    "torch_fp16": "float16", "nn_fp16": "float16", "linalg_fp16": "float16", "methods_fp16": "float16",
    "torch_fp32": "float32", "nn_fp32": "float32", "methods_fp32": "float32", "torch_need_autocast_promote": "float32",
}  # fmt: skip
GPU = Device(
    "cuda", 8, namespace(), array_type=StrictArray, wrap=to_device, to_numpy=lambda array: array._a, sp=sp,
    address=lambda array: array._a.__array_interface__["data"][0],
)  # fmt: skip


def calls(kind: type, parts: Any) -> list[Any]:
    """(list, number, name, arguments, keywords) of PyTorch's calls that have a public function."""
    made = kind(torch.device("cpu"))
    rows = [(part, i, row) for part in parts for i, row in enumerate(getattr(made, part))]
    public = [
        (part, i, row[0], row[1], row[-1] if isinstance(row[-1], dict) else {})
        for part, i, row in rows
        if row[0] not in INSIDE
    ]
    return [pytest.param(*row, id=f"{row[0]} {row[1]} {row[2]}") for row in public]


def found(library: Any, name: str) -> Any:
    """A function by the name it has in torch, in torch.nn.functional, torch.linalg, or of a tensor."""
    places = (library, library.nn.functional, library._C._nn if library is torch else library.nn.functional)
    if name.startswith("linalg_"):
        return getattr(library.linalg, name.removeprefix("linalg_"))
    for place in (library.Tensor,) if name.startswith("__") else places:
        if hasattr(place, name):
            return getattr(place, name)
    raise AttributeError(name)


def twin(value: Any, move: Any) -> Any:
    if isinstance(value, torch.Tensor):
        low = value.dtype == torch.bfloat16
        made = gradviz.tensor((value.float() if low else value).detach().numpy().copy())
        return move(made.bfloat16() if low else made)
    if isinstance(value, (list, tuple)):
        return type(value)(twin(v, move) for v in value)
    if isinstance(value, dict):
        return {k: twin(v, move) for k, v in value.items()}
    if isinstance(value, torch.dtype):
        return getattr(gradviz, str(value).removeprefix("torch."))
    return value


def types(out: Any) -> list[str]:
    """The types of all tensors in a result; of what is none, the value."""
    if isinstance(out, (list, tuple)):
        return [t for o in out for t in types(o)]
    return [str(out.dtype)] if hasattr(out, "dtype") else [str(out)]


CPU_PARTS = (
    "torch_expect_builtin_promote", "methods_expect_builtin_promote", "torch_16", "torch_fp32", "nn_16", "nn_fp32",
    "torch_need_autocast_promote",
)  # fmt: skip


@pytest.mark.parametrize(("part", "number", "name", "args", "kwargs"), calls(theirs.AutocastCPUTestLists, CPU_PARTS))
@pytest.mark.filterwarnings("ignore")
def test_on_the_cpu_as_in_torch(part: str, number: int, name: str, args: Any, kwargs: Any) -> None:
    args = args if isinstance(args, tuple) else (args,)
    with torch.autocast("cpu"):
        want = types(found(torch, name)(*args, **kwargs))
    with gradviz.autocast("cpu"):
        got = types(found(gradviz, name)(*twin(args, lambda x: x), **twin(kwargs, lambda x: x)))
    assert got == want


@pytest.mark.parametrize(("part", "number", "name", "args", "kwargs"), calls(theirs.AutocastTestLists, CUDA_WANTS))
@np.errstate(all="ignore")
def test_for_cuda_as_torchs_tests_ask(part: str, number: int, name: str, args: Any, kwargs: Any) -> None:
    def move(x: Any) -> Any:
        return Tensor._of(to_device(x._array), GPU)

    args = args if isinstance(args, tuple) else (args,)
    gradviz.set_autocast_enabled("cuda", True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            out = found(gradviz, name)(*twin(args, move), **twin(kwargs, move))
    finally:
        gradviz.set_autocast_enabled("cuda", False)
    assert set(types(out)) == {f"torch.{CUDA_WANTS[part]}"}


@pytest.mark.parametrize("part", ["torch_expect_builtin_promote", "methods_expect_builtin_promote"])
def test_for_cuda_what_is_not_listed_promotes_as_it_does_without(part: str) -> None:
    def move(x: Any) -> Any:
        return Tensor._of(to_device(x._array), GPU)

    for name, args, want in getattr(theirs.AutocastTestLists(torch.device("cpu")), part):
        if name in (*INSIDE, "equal"):  # which gives a truth
            continue
        gradviz.set_autocast_enabled("cuda", True)
        try:
            out = found(gradviz, name)(*twin(args, move))
        finally:
            gradviz.set_autocast_enabled("cuda", False)
        assert types(out) == ([str(want)] if isinstance(want, torch.dtype) else types(out)), name
        assert isinstance(want, torch.dtype) or type(out) is want


def test_what_is_banned_is_refused_as_torchs_tests_ask() -> None:
    name, args, module = theirs.AutocastTestLists(torch.device("cpu")).banned[0]
    assert (name, module) == ("binary_cross_entropy", torch._C._nn)
    gradviz.set_autocast_enabled("cuda", True)
    try:
        with pytest.raises(RuntimeError, match="are unsafe to autocast"):
            gradviz.nn.functional.binary_cross_entropy(*twin(args, lambda x: Tensor._of(to_device(x._array), GPU)))
    finally:
        gradviz.set_autocast_enabled("cuda", False)
