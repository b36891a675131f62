"""In which type every operation runs under autocast: on the CPU as torch's, op by op; for cuda as its list says.

The samples are those of PyTorch's operator database. No GPU is needed: the cuda policy runs on arrays of the stand-in
device, so what this shows is the table and the casting, not a GPU. Its source is
https://docs.pytorch.org/docs/2.13/amp.html#cuda-op-specific-behavior and `ATen/autocast_mode.h` of torch 2.13.
"""

# ruff: noqa: E501  (tables)

from __future__ import annotations

import itertools
import warnings
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
from tests.oracle import test_op_db as database  # noqa: E402

pytestmark = pytest.mark.oracle


# -- the CPU: torch is the oracle ----------------------------------------------------------------------------------
def twin(value: Any) -> Any:
    """A sample's argument for gradviz; bfloat16 goes by way of float32, which NumPy has."""
    if isinstance(value, torch.Tensor) and value.dtype == torch.bfloat16:
        return gradviz.tensor(value.float().numpy()).bfloat16()
    if type(value) in (list, tuple):
        return type(value)(twin(v) for v in value)
    if isinstance(value, dict):
        return {k: twin(v) for k, v in value.items()}
    return database.twin(value, [], {})


def dtypes(library: Any, name: str, args: Any, kwargs: Any, low: str) -> list[str]:
    with library.autocast("cpu", dtype=getattr(library, low)):
        out = database.find(library, name)(*args, **kwargs)
    return [str(o.dtype) for o in database.flat(library, out)]


ON_THE_CPU = {n for policy in LISTS.values() for n in policy.get("cpu", "").split()}


@pytest.mark.parametrize(("given", "low"), [("float32", "bfloat16"), ("float16", "bfloat16"), ("float32", "float16")])
def test_every_operator_on_the_cpu(given: str, low: str) -> None:
    """The types of all outputs are torch's, whatever comes in, for every operator of the database."""
    kind, compared, wrong = getattr(torch, given), 0, []
    complex_half = {"chalf", "complex"}  # a type that gradviz does not have
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for info in database.OPS:
            if kind not in info.dtypes or info.name in complex_half:
                continue
            if low == "float16" and info.name.replace(".", "_").removeprefix("nn_functional_") not in ON_THE_CPU:
                continue
            torch.manual_seed(0)
            np.random.seed(0)  # noqa: NPY002  (the database's own samples draw from it)
            try:
                samples = list(itertools.islice(info.sample_inputs("cpu", kind, requires_grad=False), 1))
            except RuntimeError:
                continue
            for sample in samples[:1]:
                args = [sample.input, *sample.args]
                try:
                    want = dtypes(
                        torch,
                        info.name,
                        database.copies(args, [], {}),
                        database.copies(dict(sample.kwargs), [], {}),
                        low,
                    )
                except Exception:  # what torch cannot run in this type
                    continue
                try:
                    ours, named = twin(args), twin(dict(sample.kwargs))
                except (database.UntranslatableError, TypeError, AttributeError):
                    continue
                compared += 1
                got = dtypes(gradviz, info.name, ours, named, low)
                if got != want:
                    wrong.append(f"{info.name}: {got}, torch {want}")
    assert not wrong, "\n".join(wrong)
    assert (
        compared > {("float32", "bfloat16"): 500, ("float16", "bfloat16"): 400, ("float32", "float16"): 90}[given, low]
    ), compared


def test_the_cpu_list_is_torchs() -> None:
    """Every operator that torch's dispatcher has a cast for on the CPU is on our list, under its public name."""
    names = torch._C._dispatch_get_all_op_names()
    theirs = {
        n.removeprefix("aten::").partition(".")[0]
        for n in names
        if torch._C._dispatch_has_kernel_for_dispatch_key(n, "AutocastCPU")
    }
    private = {n for n in theirs if n.startswith("_")} | {
        "multilabel_margin_loss_forward",
        "nll_loss2d",
        "mkldnn_rnn_layer",
    }
    spelled = {
        "cross_entropy_loss": "cross_entropy",
        "grid_sampler_2d": "grid_sampler",
        "grid_sampler_3d": "grid_sampler",
    }
    ours = {n for policy in LISTS.values() for n in policy.get("cpu", "").split()}
    assert {spelled.get(n, n) for n in theirs - private} <= ours
    # What is on ours besides: other names of the same, and functions that are several operators in torch.
    assert ours - {spelled.get(n, n) for n in theirs} == {
        "linalg_matmul", "linalg_multi_dot", "linalg_pinv", "lstm", "max_unpool1d", "concat", "concatenate", "grid_sample",
    }  # fmt: skip


# -- cuda: the documented list -------------------------------------------------------------------------------------
GPU = Device(
    "cuda", 7, namespace(), array_type=StrictArray, wrap=to_device, to_numpy=lambda array: array._a, sp=sp,
    address=lambda array: array._a.__array_interface__["data"][0],
)  # fmt: skip
# One call of every function on the list: `h` and `f` are a float16 and a float32 tensor (3, 3), `i` whole numbers.
CALLS = {
    "lower": """
        F.conv1d(f[None], f[:, :, None]) F.conv2d(f[None,None], f[None,None]) F.conv3d(f[None,None,None], f[None,None,None])
        F.conv_tbc(f[None], f[None], f[0]) F.conv_transpose1d(f[None], f[:, :, None])
        F.conv_transpose2d(f[None,None], f[None,None]) F.conv_transpose3d(f[None,None,None], f[None,None,None])
        F.prelu(f, f[0]) t.addmm(f, f, f) t.addmv(f[0], f, f[0]) t.addr(f, f[0], f[0]) t.matmul(f, f) t.einsum("ij,jk",f,f)
        t.mm(f, f) t.mv(f, f[0]) t.linalg.matmul(f, f) t.linalg.vecdot(f, f) F.linear(f, f) t.addbmm(f, f[None], f[None])
        t.baddbmm(f[None], f[None], f[None]) t.bmm(f[None], f[None]) t.chain_matmul(f, f) t.linalg.multi_dot([f,f,f])
        F.scaled_dot_product_attention(f[None], f[None], f[None])
    """,
    "float32": """
        t.acos(h) t.arccos(h) t.asin(h) t.arcsin(h) t.cosh(h) t.erfinv(h) t.special.erfinv(h) t.exp(h) t.expm1(h) t.special.expm1(h)
        t.log(h) t.log10(h) t.log2(h) t.log1p(h) t.special.log1p(h) t.reciprocal(h) t.rsqrt(h) t.sinh(h) t.tan(h) t.pow(h, 2) t.pow(h, h)
        t.pow(2, h) F.softplus(h) F.layer_norm(h,(3,)) F.rms_norm(h,(3,)) F.group_norm(h, 3) F.cosine_similarity(h, h)
        F.poisson_nll_loss(h, h) F.cosine_embedding_loss(h, h, h[0]) F.nll_loss(h, i) F.hinge_embedding_loss(h, h)
        F.kl_div(h, h, reduction="sum") F.l1_loss(h, h) F.smooth_l1_loss(h, h) F.huber_loss(h, h) F.mse_loss(h, h)
        F.margin_ranking_loss(h, h, h) F.multilabel_margin_loss(h[0], i) F.soft_margin_loss(h, h) F.triplet_margin_loss(h, h, h)
        F.multi_margin_loss(h, i) F.binary_cross_entropy_with_logits(h, h) t.dist(h, h) F.pdist(h) t.cdist(h, h)
        t.renorm(h, 2, 0, 1.0) t.logsumexp(h, 0) t.special.logsumexp(h, 0) F.interpolate(h[None,None],scale_factor=2)
        F.interpolate(h[None,None],scale_factor=2,mode="bilinear")
    """,
    "float32 dtype": """
        t.prod(h) t.prod(h, 0) t.softmax(h, 0) F.softmax(h, 0) t.special.softmax(h, 0) t.log_softmax(h, 0) F.log_softmax(h, 0)
        t.special.log_softmax(h, 0) t.cumprod(h, 0) t.cumsum(h, 0) t.linalg.vector_norm(h) t.linalg.matrix_norm(h) t.sum(h)
        t.sum(h, 0) t.norm(h) F.cross_entropy(h, i)
    """,
    "widest": """
        t.addcdiv(h, f, h) t.addcmul(h, f, h) t.atan2(h, f) t.arctan2(h, f) F.bilinear(h, f, h[None]) t.cross(h, f) t.dot(h[0], f[0])
        t.vdot(h[0], f[0]) F.grid_sample(h[None,None], f[None,:,None,:2], align_corners=False) t.index_put(h, (i,), f[0])
        t.tensordot(h, f) t.scatter_add(h, 0, i[None], f)
    """,
}  # fmt: skip
# Names without a public function of their own here, and why.
NO_CALL = {
    "frobenius_norm": "torch.norm", "nuclear_norm": "torch.norm", "grid_sampler": "grid_sample", "interpolated": "interpolate",
    "lstm": "test_recurrent_layers", "gru": "test_recurrent_layers", "rnn_tanh": "test_recurrent_layers", "rnn_relu": "test_recurrent_layers",
    "lstm_cell": "test_recurrent_layers", "gru_cell": "test_recurrent_layers", "rnn_tanh_cell": "test_recurrent_layers",
    "rnn_relu_cell": "test_recurrent_layers",
}  # fmt: skip


def calls(policy: str) -> list[str]:
    """The calls of a policy's text: split where a new `t.` or `F.` begins outside brackets."""
    made, depth, word = [], 0, ""
    for letter in CALLS[policy]:
        depth += (letter in "([") - (letter in ")]")
        if letter.isspace() and depth == 0:
            made += [word] if word else []
            word = ""
        else:
            word += letter
    return made


@pytest.fixture
def on_gpu() -> Any:
    """`h`, `f`, `i` on the stand-in, and autocast on for its device type."""
    gradviz.set_autocast_enabled("cuda", True)
    values = np.random.default_rng(0).uniform(0.1, 0.9, (3, 3))
    made = {"f": values.astype(np.float32), "h": values.astype(np.float16), "i": np.array([0, 1, 2])}
    try:
        yield {k: Tensor._of(to_device(v), GPU) for k, v in made.items()} | {"t": gradviz, "F": gradviz.nn.functional}
    finally:
        gradviz.set_autocast_enabled("cuda", False)


@pytest.mark.parametrize(("policy", "call"), [(p, c) for p in CALLS for c in calls(p)])
def test_the_cuda_list(on_gpu: Any, policy: str, call: str) -> None:
    want = "float16" if policy == "lower" else "float32"
    assert str(eval(call, on_gpu).dtype) == f"torch.{want}"


def test_every_name_of_the_cuda_list_has_a_call() -> None:
    for policy, devices in LISTS.items():
        if policy in CALLS:
            named = {
                c.partition("(")[0].replace("t.linalg.", "linalg_").replace("t.special.", "special_")[:40]
                for c in calls(policy)
            }
            named = {n.removeprefix("t.").removeprefix("F.") for n in named}
            assert set(devices["cuda"].split()) - named <= set(NO_CALL), policy


def test_the_cuda_list_is_torchs() -> None:
    """Every operator that torch's dispatcher has a cast for on cuda (known to its CPU build too) is on our list."""
    names = torch._C._dispatch_get_all_op_names()
    theirs = {
        n.removeprefix("aten::").partition(".")[0]
        for n in names
        if torch._C._dispatch_has_kernel_for_dispatch_key(n, "AutocastCUDA")
    }
    inside = {n for n in theirs if n.startswith(("_", "cudnn_", "native_", "upsample_"))} | {
        "convolution",
        "nll_loss2d",
    }
    ours = {n for policy in LISTS.values() for n in policy.get("cuda", "").split()}
    assert theirs - inside <= ours
    twins = {n for n in ours if n.startswith(("special_", "arc"))} | {"linalg_matmul"}
    assert (
        ours - theirs - twins
        == {"lstm", "gru", "rnn_tanh", "rnn_relu", "interpolated", "linalg_pinv", "grid_sample", "norm"} - theirs
    )


def test_half_products_of_the_gpu_stay_half_where_nothing_is_listed(on_gpu: Any) -> None:
    for call in (
        "h + h",
        "h * 2",
        "h.relu()",
        "F.max_pool2d(h[None], 2)",
        "F.dropout(h)",
        "h.mean()",
        "F.gelu(h)",
        "t.cat([h, h])",
    ):
        assert str(eval(call, on_gpu).dtype) == "torch.float16", call


def test_recurrent_layers(on_gpu: Any) -> None:
    """All recurrent layers and cells give float16 on cuda, from float32 weights."""
    nn, x = gradviz.nn, on_gpu["f"]
    for name in ("LSTM", "GRU", "RNN"):
        layer, cell = getattr(nn, name)(3, 4), getattr(nn, name + "Cell")(3, 4)
        for module in (layer, cell):
            for key, p in list(module._parameters.items()):
                module._parameters[key] = nn.Parameter(Tensor._of(to_device(p._array), GPU))
        out, state = layer(x[None])
        assert str(out.dtype) == "torch.float16", name
        assert {str(s.dtype) for s in (state if isinstance(state, tuple) else (state,))} == {"torch.float16"}
        made = cell(x)
        assert {str(s.dtype) for s in (made if isinstance(made, tuple) else (made,))} == {"torch.float16"}, name


def test_banned(on_gpu: Any) -> None:
    F, h = on_gpu["F"], on_gpu["h"]
    with pytest.raises(RuntimeError, match=r"binary_cross_entropy and torch.nn.BCELoss are unsafe to autocast"):
        F.binary_cross_entropy(h, h)
