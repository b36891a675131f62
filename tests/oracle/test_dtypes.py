"""Types of elements against torch: promotion, limits, defaults, bfloat16 and the wide unsigned ones."""

from __future__ import annotations

import itertools
import operator
import random
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import gradviz
from gradviz.core.dtype import DTYPES

from .same import check_errors

torch = pytest.importorskip("torch")
LIBRARIES = (gradviz, torch)
NAMES = list(DTYPES)


@pytest.fixture(autouse=True)
def _defaults() -> Iterator[None]:
    yield
    for library in LIBRARIES:
        library.set_default_dtype(library.float32)
        library.set_default_device(None)


def outcome(library: Any, code: str, **names: Any) -> tuple[Any, BaseException | None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return eval(code, {"torch": library, "np": np, "operator": operator, **names}), None
        except Exception as error:
            return None, error


def assert_same(code: str, **names: Any) -> None:
    ours, our_error = outcome(gradviz, code, **names)
    theirs, their_error = outcome(torch, code, **names)
    check_errors(their_error, our_error)
    assert repr(ours) == repr(theirs), code


@pytest.mark.parametrize("first", NAMES)
def test_every_pair_of_types(first: str) -> None:
    for second in NAMES:
        assert_same(f"torch.promote_types(torch.{first}, torch.{second})")
        assert_same(f"torch.can_cast(torch.{first}, torch.{second})")


SAFE = [name for name in NAMES if name not in ("uint16", "uint32", "uint64")]
NUMBERS = ["2", "True", "1.5", "1j"]


@pytest.mark.parametrize("first", SAFE)
def test_what_tensors_and_numbers_are_computed_in(first: str) -> None:
    for second, a, b in itertools.product(SAFE, ("(2,)", "()"), ("(2,)", "()")):
        if "float16" in (first, second) and "complex" in first + second and a != b:
            continue  # torch answers complex32, which NumPy does not have
        x, y = f"torch.ones({a}, dtype=torch.{first})", f"torch.ones({b}, dtype=torch.{second})"
        assert_same(f"torch.result_type({x}, {y})")
        assert_same(f"({x} + {y}).dtype")
    for number, a in itertools.product(NUMBERS, ("(2,)", "()")):
        x = f"torch.ones({a}, dtype=torch.{first})"
        for code in ("{x} * {n}", "{n} * {x}", "{x} + {n}", "{x} == {n}", "torch.where({x} > 0, {x}, {n})"):
            if (first.startswith("complex") and ">" in code) or (first, number) == ("float16", "1j"):
                continue
            assert_same(f"({code.format(x=x, n=number)}).dtype")
        if (first, number) != ("float16", "1j"):
            assert_same(f"torch.result_type({x}, {number})")


@pytest.mark.parametrize("default", ["float64", "float16", "bfloat16"])
def test_the_default_type(default: str) -> None:
    for library in LIBRARIES:
        library.set_default_dtype(getattr(library, default))
    for code in (
        "torch.get_default_dtype()", "torch.tensor(1.5)", "torch.zeros(2)", "torch.rand(2).dtype", "torch.arange(3.0)",
        "torch.tensor([1, 2]) / 2", "torch.tensor([1]) * 1.5", "torch.ones(2, dtype=torch.float32) * 1j",
        "torch.tensor(1j).dtype", "torch.linspace(0, 1, 3)", "torch.Tensor([1, 2])", "torch.eye(2)",
        "torch.full((2,), 1.5)",
        "torch.nn.Linear(1, 1).weight.dtype", "torch.exp(torch.tensor([1]))", "torch.finfo().dtype",
        "torch.as_tensor([1.5])", "torch.scalar_tensor(2)", "torch.result_type(1, 2.5)",
    ):  # fmt: skip
        if default == "float64" or "1j" not in code:
            assert_same(code)


@pytest.mark.parametrize("name", NAMES)
def test_what_a_type_says_of_itself(name: str) -> None:
    for attribute in ("itemsize", "is_complex", "is_floating_point", "is_signed", "to_real()"):
        assert_same(f"torch.{name}.{attribute}")
    if name != "float16":
        assert_same(f"torch.{name}.to_complex()")
    for kind in ("finfo", "iinfo"):
        assert_same(f"torch.{kind}(torch.{name})")
        for field in ("bits", "eps", "max", "min", "tiny", "smallest_normal", "resolution", "dtype"):
            ours, ours_error = outcome(gradviz, f"torch.{kind}(torch.{name}).{field}")
            theirs, theirs_error = outcome(torch, f"torch.{kind}(torch.{name}).{field}")
            assert ours == theirs, field
            assert type(ours_error) is type(theirs_error), field
    assert_same(f"torch.zeros(2, dtype=torch.{name}).type()")
    assert_same(f"torch.zeros(2, dtype=torch.{name}).element_size()")


CODES = """
torch.finfo(torch.int32)
torch.iinfo(torch.float32)
torch.iinfo(torch.bool)
torch.finfo(3)
torch.iinfo(int)
torch.finfo(float)
torch.finfo(torch.float32) == torch.finfo(torch.float32)
torch.set_default_dtype(torch.int64)
torch.set_default_dtype(torch.complex64)
torch.set_default_dtype('a')
torch.float is torch.float32, torch.long is torch.int64, torch.half is torch.float16, torch.cdouble is torch.complex128
torch.ones(2).to(float), torch.ones(2).to(int), torch.ones(2).to(bool), torch.ones(2).to(complex)
torch.zeros(2, dtype=float), torch.zeros(2, dtype=int), torch.zeros(2, dtype=bool), torch.zeros(2, dtype=complex)
torch.result_type(1, 2), torch.result_type(1.0, torch.tensor(2)), torch.result_type(torch.tensor([1]), 1.5)
torch.set_default_tensor_type(torch.DoubleTensor), torch.tensor(1.5)
torch.set_default_tensor_type('torch.HalfTensor'), torch.tensor(1.5)
torch.set_default_tensor_type(torch.LongTensor)
torch.set_default_tensor_type(3)
torch.set_default_device('cpu'), torch.get_default_device(), torch.zeros(1).device
torch.set_num_threads(0)
torch.set_num_threads('a')
torch.set_num_threads(1), torch.get_num_threads(), torch.set_num_threads(2), torch.get_num_threads()
torch.set_float32_matmul_precision('high'), torch.get_float32_matmul_precision()
torch.set_float32_matmul_precision('highest'), torch.get_float32_matmul_precision()
torch.use_deterministic_algorithms(True), torch.are_deterministic_algorithms_enabled()
torch.get_deterministic_debug_mode(), torch.is_deterministic_algorithms_warn_only_enabled()
torch.set_deterministic_debug_mode('warn'), torch.get_deterministic_debug_mode()
torch.is_deterministic_algorithms_warn_only_enabled()
torch.set_deterministic_debug_mode(0), torch.are_deterministic_algorithms_enabled()
torch.set_deterministic_debug_mode('a')
torch.set_deterministic_debug_mode(4)
torch.set_deterministic_debug_mode(1.5)
torch.set_warn_always(True), torch.is_warn_always_enabled(), torch.set_warn_always(False)
torch.cuda.is_available(), torch.cuda.device_count()
torch.accelerator.is_available(), torch.accelerator.current_accelerator(), torch.accelerator.device_count()
torch.mps.is_available() if hasattr(torch.mps, 'is_available') else False, torch.xpu.is_available()
torch.backends.mps.is_available(), torch.backends.mps.is_built(), torch.backends.cuda.is_built()
torch.backends.cudnn.is_available(), torch.backends.cudnn.version(), torch.backends.cudnn.enabled
torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark, torch.backends.cudnn.allow_tf32
torch.backends.cuda.matmul.allow_tf32
torch.version.cuda, torch.version.hip, torch.version.debug
isinstance(torch.__version__, str)
torch.cpu.is_available(), torch.cpu.device_count(), torch.cpu.current_device()
torch.tensor([1, 2], dtype=torch.uint16) + 1.5
torch.tensor([1, 2], dtype=torch.uint16) * torch.tensor([1.5, 2])
torch.tensor([1, 2], dtype=torch.uint16) + torch.tensor([1, 2])
torch.tensor([1, 2], dtype=torch.uint16) + torch.tensor([1, 2], dtype=torch.uint32)
torch.tensor([1, 2], dtype=torch.uint16) * 3
torch.tensor([1, 2], dtype=torch.uint16).sum()
torch.tensor([1, 2], dtype=torch.uint32)[0]
torch.tensor([1, 2], dtype=torch.uint32).float()
torch.tensor([1, 2], dtype=torch.uint32).to(torch.uint8)
torch.zeros(2, dtype=torch.uint64), torch.ones(2, dtype=torch.uint16), torch.full((2,), 7, dtype=torch.uint32)
torch.tensor(-1, dtype=torch.uint16)
torch.tensor([2**64 - 1], dtype=torch.uint64)
torch.tensor([70000], dtype=torch.uint16)
torch.tensor([1, 2], dtype=torch.uint16) / 2
torch.tensor([1, 2], dtype=torch.uint16) == torch.tensor([1, 3], dtype=torch.uint16)
torch.tensor([1, 2], dtype=torch.uint16).tolist(), torch.tensor([1, 2], dtype=torch.uint16).numpy().dtype
torch.tensor([1, 2], dtype=torch.uint16) & 1
torch.tensor([1.7, -1.0, 300.0]).to(torch.uint8)[:1], torch.tensor([3.9]).int(), torch.tensor([True]).float()
torch.tensor([1.5]).bool(), torch.tensor([0.0, float('nan')]).bool()
"""


@pytest.mark.parametrize("code", CODES.strip().split("\n"))
def test_same(code: str) -> None:
    assert_same(code)


def test_what_there_is_not_says_its_name() -> None:
    with pytest.raises(NotImplementedError, match=r"torch.compile\(\) is not supported"):
        gradviz.compile(lambda x: x)
    with pytest.raises(NotImplementedError, match="set_num_interop_threads"):
        gradviz.set_num_interop_threads(4)
    with gradviz.backends.cudnn.flags(enabled=False, deterministic=True):
        assert gradviz.backends.cudnn.deterministic
    assert not gradviz.backends.cudnn.deterministic
    gradviz.backends.cudnn.deterministic = True
    assert gradviz.backends.cudnn.deterministic
    gradviz.backends.cudnn.deterministic = False
    assert gradviz.set_flush_denormal(True) is False
    assert gradviz.backends.cpu.get_cpu_capability() in ("AVX512", "AVX2", "DEFAULT")


# -- bfloat16 ------------------------------------------------------------------------------------------------------
BFLOAT16 = """
x + y | x - y | x * y | x / y | x ** 2 | x @ y.T | x * 0.1 | 3 - x | x / 3 | -x | x.abs() | x.exp() | x.abs().sqrt()
x > y | x == y | x >= 0.5 | x != 0 | x.sum() | x.sum(0) | x.mean() | x.mean(1) | x.var() | x.std(0) | x.max()
x.min(0).values | x.prod() | x.argmax() | x.argsort(1)
x.sort(1).values | x.cumsum(1) | x.norm() | x.softmax(1) | x.log_softmax(0)
x.sigmoid() | x.tanh() | x.relu() | x.clamp(-0.5, 0.5) | x.float() | x.double() | x.half() | x.int() | x.bool()
x.long() | x[0] | x[:, 1:] | x[x > 0]
x.t() | x.reshape(-1) | torch.cat([x, y]) | torch.stack([x, y]) | torch.where(x > 0, x, y)
x + y.float() | x + y.double() | x + y.half() | x * torch.tensor(2) | x * torch.tensor(2.0) | x + 1j | x * True
torch.maximum(x, y) | torch.atan2(x, y) | torch.lerp(x, y, 0.3)
torch.nn.functional.gelu(x) | torch.nn.functional.leaky_relu(x, 0.1) | torch.nn.functional.silu(x)
torch.nn.functional.linear(x, y) | torch.nn.functional.layer_norm(x, (4,)) | torch.nn.functional.mse_loss(x, y)
torch.nn.functional.softplus(x) | torch.nn.functional.elu(x) | torch.nn.functional.hardswish(x)
x.tolist() | x.item() if x.numel() == 1 else x[0, 0].item() | repr(x) | str(x.dtype) | x.element_size() | x.type()
torch.zeros_like(x) | torch.full_like(x, 0.3) | torch.arange(4, dtype=torch.bfloat16) | x.new_ones(2) | x.clone()
torch.linspace(0, 1, 5, dtype=torch.bfloat16) | torch.tensor([0.1, 1e38, 1e-39, 3.4e38], dtype=torch.bfloat16)
torch.tensor([float('inf'), float('nan')], dtype=torch.bfloat16).isnan() | torch.isfinite(x) | torch.allclose(x, x)
"""


@pytest.mark.parametrize("code", [c.strip() for line in BFLOAT16.strip().split("\n") for c in line.split(" | ")])
def test_bfloat16(code: str) -> None:
    rng = np.random.default_rng(3)
    arrays = [rng.standard_normal((3, 4)).astype(np.float32) for _ in range(2)]
    found = []
    for library in LIBRARIES:
        x, y = (library.from_numpy(a.copy()).to(library.bfloat16).requires_grad_() for a in arrays)
        out = eval(code, {"torch": library, "x": x, "y": y})
        gradients: list[Any] = []
        if isinstance(out, library.Tensor) and out.requires_grad and not out.is_complex():
            weight = library.arange(1.0, out.numel() + 1).reshape(out.shape)
            given = library.autograd.grad((out * weight).sum(), [x, y], allow_unused=True)
            gradients = [None if g is None else (str(g.dtype), g.float().numpy()) for g in given]
        if isinstance(out, library.Tensor):
            out = out.detach()
            out = (str(out.dtype), (out.float() if str(out.dtype) == "torch.bfloat16" else out).numpy())
        found.append([out, *gradients])
    for ours, theirs in zip(*found, strict=True):
        if isinstance(theirs, tuple):
            assert ours[0] == theirs[0]
            finite = np.abs(theirs[1][np.isfinite(theirs[1])])
            scale = float(finite.max(initial=0)) if theirs[1].dtype.kind == "f" else 1
            # Gradients round after each step of their formula, torch's after the last.
            np.testing.assert_allclose(
                ours[1], theirs[1], rtol=2e-2, atol=(0.01 if theirs is found[1][0] else 0.1) * scale
            )
        else:
            assert ours == theirs


def test_rounding_to_bfloat16_is_to_the_nearest_even() -> None:
    rng = random.Random(0)
    words = np.array([rng.getrandbits(32) for _ in range(20000)], np.uint32).view(np.float32)
    words = words[np.isfinite(words)]
    ours = gradviz.from_numpy(words.copy()).bfloat16().float().numpy()
    theirs = torch.from_numpy(words.copy()).bfloat16().float().numpy()
    np.testing.assert_array_equal(ours, theirs)
