"""The switches for how exactly cuda devices multiply: as PyTorch's, heeded at each product, taken back after it.

cuBLAS is stood in for (tests/cublas_on_cpu.py). No GPU code is executed.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradviz as torch
from gradviz import nn
from gradviz.core import precision
from gradviz.gpu import convolution, cublas_library, products, switches
from tests import cublas_on_cpu
from tests.cublas_on_cpu import TF32, TF32_MATH, cublas
from tests.strict_machine import here

from . import stand_in
from .run_kernel import needs_compiler
from .stand_in import two_gpus

F = nn.functional
matmul = torch.backends.cuda.matmul


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    table, older, reduced = dict(precision._table), dict(vars(precision.Older)), dict(switches.reduced)
    yield
    precision._table.update(table)
    switches.reduced.update(reduced)
    for name in ("matmul", "cudnn_tf32"):
        setattr(precision.Older, name, older[name])
    precision._settle()


# -- the switches, beside PyTorch --------------------------------------------------------------------------------------
BESIDE = '''
import random, warnings
import torch, gradviz

PLACES = ["backends", "backends.cudnn", "backends.cudnn.conv", "backends.cudnn.rnn", "backends.cuda.matmul",
          "backends.mkldnn", "backends.mkldnn.matmul", "backends.mkldnn.conv", "backends.mkldnn.rnn"]
READ = [f"t.{p}.fp32_precision" for p in PLACES] + ["t.backends.cuda.matmul.allow_tf32", "t.backends.cudnn.allow_tf32",
        "t.get_float32_matmul_precision()"]
WORDS = ["none", "ieee", "tf32", "bf16", "exact"]
SET = [f"t.{p}.fp32_precision = {v!r}" for p in PLACES for v in WORDS]
SET += 4 * [f"t.backends.{p}.allow_tf32 = {v}" for p in ("cuda.matmul", "cudnn") for v in (True, False, 1)]
SET += 3 * [f"t.set_float32_matmul_precision({v!r})" for v in ("highest", "high", "medium", "HIGH", 3)]
SET += ["t.backends.cudnn.set_flags(True)", "t.backends.mkldnn.set_flags()", "t.backends.set_flags()",
        "t.backends.cudnn.enabled = 1", "t.backends.cudnn.benchmark = None", "t.backends.cudnn.conv.tf32 = True",
        "t.backends.cuda.matmul.tf32 = True", "t.backends.cudnn.depthwise_kernel = 'fast'"]

def done(t, code):
    """What it gives, and what it warns of."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            value = exec(code, {"t": t}) if " = " in code else eval(code, {"t": t})
        except Exception as error:
            value = type(error), str(error).splitlines()[0]
    value = value if "flags" not in code or not isinstance(value, tuple) else value[3:]
    return value, [str(w.message).split(" (Triggered")[0] for w in told]

for seed in range(3):
    chosen = random.Random(seed)
    for code in chosen.choices(SET, k=250):
        assert done(torch, code) == done(gradviz, code), (code, done(torch, code), done(gradviz, code))
        for read in READ:
            assert done(torch, read) == done(gradviz, read), (code, read, done(torch, read), done(gradviz, read))
print("the same")
'''


def test_any_order_of_switching_reads_as_in_pytorch() -> None:
    """In a process of its own: PyTorch's switches cannot be put back to what they are at first."""
    run = subprocess.run(
        [sys.executable, "-c", BESIDE], capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2]
    )
    assert run.stdout == "the same\n", run.stderr


def test_reductions_are_set_as_in_pytorch() -> None:
    other: Any = pytest.importorskip("torch")
    name = "allow_fp16_reduced_precision_reduction"
    before = getattr(other.backends.cuda.matmul, name)
    try:
        for value in (False, True, [False], (True, True), (True, False), 1, (), (1,), (True, 2), (True, True, True)):
            found = []
            for library in (other, torch):
                try:
                    setattr(library.backends.cuda.matmul, name, value)
                    found.append(getattr(library.backends.cuda.matmul, name))
                except (RuntimeError, TypeError) as error:
                    found.append((type(error), str(error).splitlines()[0]))
            assert found[0] == found[1], value
    finally:
        setattr(other.backends.cuda.matmul, name, before)
    with pytest.raises(NotImplementedError, match="allow_splitk=False is not supported"):
        setattr(matmul, name, (False, False))
    assert matmul.allow_fp16_reduced_precision_reduction_split_k


def test_flags_hold_in_their_block_only() -> None:
    cudnn = torch.backends.cudnn
    with cudnn.flags(enabled=False, benchmark=True, deterministic=True, allow_tf32=False):
        assert (cudnn.enabled, cudnn.benchmark, cudnn.benchmark_limit, cudnn.deterministic) == (False, True, 10, True)
        assert not cudnn.allow_tf32
        assert not precision.Allowed.conv
    assert (cudnn.enabled, cudnn.benchmark, cudnn.benchmark_limit, cudnn.deterministic) == (True, False, None, False)
    assert cudnn.allow_tf32
    assert precision.Allowed.conv
    with torch.backends.flags("ieee"):
        assert torch.backends.cuda.matmul.fp32_precision == "ieee"
    assert torch.backends.fp32_precision == "none"
    with pytest.raises(NotImplementedError, match="depthwise_kernel = 'native' is not supported"):
        cudnn.depthwise_kernel = "native"


# -- what is multiplied how --------------------------------------------------------------------------------------------
def drawn(*shape: int) -> Any:
    return torch.rand(*shape, device="cuda")


PRODUCTS = {
    "mm": lambda: drawn(3, 4) @ drawn(4, 5),
    "bmm": lambda: drawn(2, 3, 4) @ drawn(2, 4, 5),
    "folded": lambda: drawn(2, 3, 4) @ drawn(4, 5),
    "addmm": lambda: torch.addmm(drawn(5), drawn(3, 4), drawn(4, 5)),
    "baddbmm": lambda: torch.baddbmm(drawn(2, 3, 5), drawn(2, 3, 4), drawn(2, 4, 5)),
    "addbmm": lambda: torch.addbmm(drawn(3, 5), drawn(2, 3, 4), drawn(2, 4, 5)),
    "einsum": lambda: torch.einsum("bik,bkj->bij", drawn(2, 3, 4), drawn(2, 4, 5)),
    "tensordot": lambda: torch.tensordot(drawn(3, 4), drawn(4, 5), 1),
    "bilinear": lambda: F.bilinear(drawn(3, 4), drawn(3, 5), drawn(2, 4, 5)),
    "linear": lambda: F.linear(drawn(3, 4), drawn(5, 4), drawn(5)),
    "attention": lambda: F.scaled_dot_product_attention(*(drawn(2, 2, 3, 4) for _ in range(3))),
    "lstm": lambda: nn.LSTM(4, 5).to("cuda")(drawn(3, 2, 4))[0],
    "multi_dot": lambda: torch.linalg.multi_dot([drawn(3, 4), drawn(4, 5), drawn(5, 2)]),
}
EXACT = {
    "mv": lambda: drawn(3, 4) @ drawn(4),
    "dot": lambda: drawn(4) @ drawn(4),
    "addmv": lambda: torch.addmv(drawn(3), drawn(3, 4), drawn(4)),
    "lu_solve": lambda: torch.linalg.lu_solve(*torch.linalg.lu_factor(drawn(3, 3) + 3), drawn(3, 2)),
    "cholesky_solve": lambda: torch.cholesky_solve(drawn(3, 2), torch.eye(3, device="cuda") + drawn(3, 3)),
    "affine_grid": lambda: F.affine_grid(drawn(1, 2, 3), (1, 1, 4, 4), align_corners=False),
    "embedding_bag": lambda: F.embedding_bag(
        torch.tensor([[1, 2]], device="cuda"), drawn(4, 3), mode="sum", per_sample_weights=drawn(1, 2)
    ),
}


@pytest.mark.parametrize("name", [*PRODUCTS, *EXACT])
@pytest.mark.parametrize("tf32", [False, True])
def test_which_products_the_switch_is_about(name: str, tf32: bool, machine: Any) -> None:
    matmul.allow_tf32 = tf32
    {**PRODUCTS, **EXACT}[name]()
    assert cublas.products
    assert {p.tf32 for p in cublas.products} == {tf32 and name in PRODUCTS}
    assert (cublas.compute, cublas.math) == (cublas_on_cpu.DEFAULT, 0)


@pytest.mark.parametrize("name", [*PRODUCTS, *EXACT])
def test_what_the_program_has_set_is_not_inherited_and_not_lost(name: str, machine: Any) -> None:
    """As with CUPY_TF32=1, or after a user's own `set_compute_type`."""
    cublas.compute, cublas.math = TF32, TF32_MATH
    {**PRODUCTS, **EXACT}[name]()
    assert not any(p.tf32 for p in cublas.products)
    assert (cublas.compute, cublas.math) == (TF32, TF32_MATH)


@pytest.mark.parametrize(
    "name", [n for n in PRODUCTS if n != "addbmm"]
)  # whose gradients are products with broadcasting
def test_gradients_are_multiplied_as_the_forward_is(name: str, machine: Any) -> None:
    matmul.fp32_precision = "tf32"
    real = drawn

    def learning(*shape: int) -> Any:
        return real(*shape).requires_grad_()

    globals()["drawn"] = learning
    try:
        out = PRODUCTS[name]()
    finally:
        globals()["drawn"] = real
    cublas.products.clear()
    out.sum().backward()
    two = [p for p in cublas.products if p.dims > 1]
    assert two
    assert all(p.tf32 for p in two)


@needs_compiler
@pytest.mark.parametrize("engine", ["gemm", "naive"])
@pytest.mark.parametrize("tf32", [False, True])
def test_convolutions_without_cudnn_obey_the_products_switch(engine: str, tf32: bool, machine: Any) -> None:
    torch.set_float32_matmul_precision("high" if tf32 else "highest")
    cublas.compute = TF32
    x, w = drawn(2, 4, 6, 6).requires_grad_(), drawn(4, 2, 3, 3).requires_grad_()
    with convolution.use(engine):
        F.conv2d(x, w, groups=2).sum().backward()
    assert len(cublas.products) >= 3
    assert {p.tf32 for p in cublas.products} == {tf32}
    assert cublas.compute == TF32


def test_a_tf32_product_is_as_far_off_as_tf32_is(machine: Any) -> None:
    a, b = torch.rand(20, 300), torch.rand(300, 30)
    exact = (a.double() @ b.double()).numpy()
    off = {}
    for word in ("highest", "high", "medium"):
        torch.set_float32_matmul_precision(word)
        off[word] = np.abs((a.cuda() @ b.cuda()).cpu().numpy() - exact).max() / exact.max()
    assert off["highest"] < 1e-6 < 1e-5 < off["high"] == off["medium"] < 1e-3


def test_double_and_whole_numbers_are_as_exact_as_ever(machine: Any) -> None:
    matmul.allow_tf32 = True
    a = torch.rand(3, 3, dtype=torch.float64)
    np.testing.assert_array_equal((a.cuda() @ a.cuda()).cpu().numpy(), (a @ a).numpy())
    i = torch.arange(9).reshape(3, 3)
    assert (i.cuda() @ i.cuda()).tolist() == (i @ i).tolist()


def test_it_is_taken_back_after_an_error(machine: Any) -> None:
    matmul.allow_tf32 = True
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        drawn(3, 4) @ drawn(3, 4)
    assert (cublas.compute, cublas.math) == (cublas_on_cpu.DEFAULT, 0)


def test_a_gpu_without_tf32_is_not_asked_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stand_in.Device, "compute_capability", "75")
    matmul.allow_tf32 = True
    with two_gpus():
        PRODUCTS["mm"](), PRODUCTS["bmm"]()
        assert not any(p.tf32 for p in cublas.products)
        narrow = drawn(3, 4).bfloat16() @ drawn(4, 5).bfloat16()
        assert cublas.products[-1].dtype == "float32"
        assert narrow.dtype is torch.bfloat16
        drawn(3, 4).half() @ drawn(4, 5).half()
        assert cublas.products[-1].dtype == "float16"


def test_threads_do_not_mix_their_arithmetic(machine: Any) -> None:
    """One multiplies by vectors, always exactly, while another has TF32 switched on for its matrices."""
    matmul.allow_tf32 = True
    a, v = drawn(4, 4), drawn(4)

    def run(multiply: Any) -> None:
        here.device = 0
        for _ in range(200):
            multiply()

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(run, f) for f in 2 * [lambda: a @ a, lambda: a @ v]]:
            done.result()
    assert {(p.vector, p.tf32) for p in cublas.products} == {(True, False), (False, True)}
    assert (cublas.compute, cublas.math) == (cublas_on_cpu.DEFAULT, 0)


# -- 16 bits -----------------------------------------------------------------------------------------------------------
SIXTEEN = {"fp16": torch.float16, "bf16": torch.bfloat16}


@pytest.mark.parametrize("direct", [True, False])
@pytest.mark.parametrize("kind", SIXTEEN)
def test_sixteen_bits_are_multiplied_as_they_are(
    kind: str, direct: bool, machine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not direct:
        monkeypatch.setattr(cublas_library, "find", lambda: None)
    dtype = SIXTEEN[kind]
    a, b = torch.rand(40, 600).to(dtype), torch.rand(600, 50).to(dtype)
    net = nn.Linear(600, 50).to(dtype)

    def large() -> dict[str, Any]:
        return {"mm": a @ b, "linear": net(a), "bmm": a.reshape(2, 20, 600) @ torch.stack([b, b])}

    def small() -> dict[str, Any]:
        return {"dot": a[0] @ a[1], "one": a[:1] @ b[:, :1]}

    wanted = {**large(), **small()}
    a, b, net = a.cuda(), b.cuda(), net.cuda()
    cublas.products.clear()
    found = large()
    assert {p.dtype for p in cublas.products} == {str(dtype).removeprefix("torch.")}
    found |= small()
    if not direct:  # CuPy adds up a single number in 16 bits
        assert {p.dtype for p in cublas.products[-2:]} == {"float32"}
    for name, value in found.items():
        assert value.dtype is dtype
        np.testing.assert_allclose(
            value.detach().float().cpu().numpy(),
            wanted[name].detach().float().numpy(),
            rtol=2 * torch.finfo(dtype).eps,
            atol=1e-2,
        )


@pytest.mark.parametrize("kind", SIXTEEN)
def test_reduced_reductions_are_forbidden_for_the_type_alone(kind: str, machine: Any) -> None:
    setattr(matmul, f"allow_{kind}_reduced_precision_reduction", False)
    for dtype in SIXTEEN.values():
        drawn(3, 4).to(dtype) @ drawn(4, 5).to(dtype)
    drawn(3, 4) @ drawn(4, 5)
    by_type = {p.dtype: p.math for p in cublas.products}
    wanted = {str(t).removeprefix("torch."): 16 * (name == kind) for name, t in SIXTEEN.items()}
    assert by_type == {**wanted, "float32": 0}
    assert cublas.math == 0


# -- nothing forgotten -------------------------------------------------------------------------------------------------
# Written for NumPy's arrays: they never run on a cuda device.
ON_CPU = {
    "on_cpu", "layers.attention_cpu", "layers.normalise_cpu", "layers.recurrent", "layers.recurrent_backward",
    "layers.recurrent_cells", "layers.convolve_pointwise", "layers.convolve_rows", "layers.convolve_winograd",
}  # fmt: skip


def test_every_file_that_multiplies_is_known() -> None:
    """An operation of another file would multiply with whatever CuPy was last told."""
    folder = Path(precision.__file__).parent / "ops"
    found = set()
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            called = getattr(node.func, "attr", "") if isinstance(node, ast.Call) else ""
            if isinstance(getattr(node, "op", None), ast.MatMult) or called in cublas_on_cpu.PRODUCTS:
                found.add(".".join(file.relative_to(folder).with_suffix("").parts))
    assert len(found) > 20
    assert {name for name in found - ON_CPU if not name.startswith(products.FILES)} == set()
