"""Every public name of torch, Tensor and the function namespaces exists here, or in a table that says why not."""

from __future__ import annotations

import importlib
import re
import types
import warnings
from typing import Any

import numpy as np
import pytest

import gradviz

torch = pytest.importorskip("torch")

# Names torch has and gradviz has not, by what they belong to.
ABSENT = {
    "sparse layouts": r".*sparse.*|.*_?mm|jagged|.*(col|row|crow|ccol)_indices.*|nonzero_static",
    "quantization": r"q(_|scheme|u?int).*|.*quantize.*|fbgemm.*|per_(channel|tensor).*|fused_moving.*|choose_q.*",
    "types that NumPy does not have": r"u?int\d$|bits\d.*|bit|float[48]_.*|chalf|complex32",
    "other libraries and machines": r"(cudnn|miopen|mkldnn|thnn|nnpack|batch_norm)_.*|.*_copy|has_.*|compiled_with_.*|"
    r"is_vulkan_available|prepare_multi.*|USE_.*|PRIVATE_OPS|profiler_.*",
    "functions under public ones": r"native_.*|affine_grid_generator|grid_sampler.*|constant_pad_nd|convolution|"
    r"(rnn|gru|lstm)(_.*)?|norm_except_dim|(frobenius|nuclear)_norm|segment_reduce|unsafe_.*|hash_tensor|empty_permuted",
    "tracing": r".*Type|.*Context|.*Script.*|.*(Graph|Executor|Block|Argument|Error|Module|Serialization|Stream).*|"
    r"(AVG|SUM|Capsule|Code|Node|Use|Value|Tag|Gradient|Future|fork|wait|cond|while_loop|AliasDb|CallStack)|"
    r"Sym.*|sym_(constrain|fresh).*|import_ir.*|parse_.*|merge_type.*|unify_.*|.*Logger.*|.*Benchmark.*|Dispatch.*|"
    r"Disable.*|Exclude.*|Deep.*|PyTorch.*|FileCheck|FunctionSchema|ExecutionPlan|JITException|IODescriptor|"
    r"AggregationType|CompilationUnit|.*State|OperatorInfo|LockingLogger|BufferDict|ModuleDict|ParameterDict",
    "mixed precision": r".*autocast.*|GradScaler",
    "storage classes": r".*Storage(Base)?|storage_type",
    "helpers that are not public": r"TYPE_CHECKING|classproperty|get_file_path|get_device_module|"
    r"set_anomaly_enabled|init_num_threads|legacy_contiguous_format|Event|module_load|reinforce|resize|resize_as|volatile|"
    r"slice_inverse|index|lobpcg|range|to_dlpack|is_distributed|map2?_",
}  # fmt: skip
ABSENT_PATTERN = re.compile("|".join(f"(?:{pattern})" for pattern in ABSENT.values()))
# What modules hold besides their own functions: imports, constants, documentation.
BESIDES = re.compile(
    r"Any|Callable|Optional|Literal|Sequence|Mapping|TYPE_CHECKING|Tensor|Broadcasting.*|DType|.*_notes|.*common.*|cast|"
    r"GRID_SAMPLE.*|ScalingType|SwizzleType|.*handle_torch_function|has_torch_function.*|assert_int_or_pair|overload|"
    r"boolean_dispatch|.*grouped_mm|scaled_mm|native_channel_shuffle|multi_dim_common|TypeVar|ParamSpec|"
    r"chebyshev.*|shifted_cheb.*|hermite.*|laguerre.*|legendre.*|is_tensor_like|DeviceType|Profiler.*|NestedIOFunction|"
    r"kineto_available|enforce_grad_layout_policy|.*multithreading_enabled|is_view_replay_enabled|SavedTensor"
)


def names(module: Any) -> list[str]:
    found = [name for name in dir(module) if not name.startswith("_")]
    return [name for name in found if not isinstance(getattr(module, name, None), types.ModuleType)]


def missing(theirs: Any, ours: Any, allowed: re.Pattern[str]) -> list[str]:
    return [name for name in names(theirs) if not hasattr(ours, name) and not allowed.fullmatch(name)]


def test_tensor_has_every_method_and_attribute() -> None:
    assert not missing(torch.Tensor, gradviz.Tensor, ABSENT_PATTERN)


def test_torch_has_every_function() -> None:
    assert not missing(torch, gradviz, ABSENT_PATTERN)


SPACES = [
    "nn.functional", "linalg", "fft", "special", "signal.windows", "autograd", "autograd.functional", "nn.init",
    "utils.dlpack", "random",
]  # fmt: skip


@pytest.mark.parametrize("path", SPACES)
def test_namespaces(path: str) -> None:
    theirs = importlib.import_module(f"torch.{path}")
    ours = importlib.import_module(f"gradviz.{path}")
    assert not missing(theirs, ours, BESIDES)


def test_what_is_absent_is_refused_by_name() -> None:
    x = gradviz.ones(2, 2)
    for refused, name in (
        (lambda: x.to_sparse(), r"Tensor.to_sparse\(\) is not supported"),
        (lambda: gradviz.sparse_coo_tensor([[0]], [1.0]), r"torch.sparse_coo_tensor\(\) is not supported"),
        (lambda: x.share_memory_(), r"Tensor.share_memory_\(\) is not supported"),
        (lambda: gradviz.quantize_per_tensor(x, 1.0, 0), r"torch.quantize_per_tensor\(\) is not supported"),
    ):
        with pytest.raises(NotImplementedError, match=name):
            refused()
    for name in ("eig", "solve", "symeig", "lstsq", "matrix_rank"):
        with pytest.raises(RuntimeError, match=r"deprecated since version 1\.9 and is now removed"):
            getattr(gradviz, name)(x)


ODD = """
x.clone().apply_(lambda v: v * 2)
x.clone().map_(torch.ones(3), lambda a, b: a + b)
x.clone().map2_(torch.ones(3), torch.ones(1), lambda a, b, c: a + b * c)
x.clone().requires_grad_().apply_(lambda v: v)
x.clone().apply_(3)
x.clone().map_(3, lambda a, b: a)
x.is_meta, x.is_sparse, x.is_quantized, x.is_nested, x.is_mkldnn, x.is_xpu, x.is_mps, x.is_cuda, x.is_cpu
x.is_pinned(), x.is_shared(), x.is_distributed()
x.grad_dtype, (x.clone().requires_grad_()).grad_dtype
(x.clone().requires_grad_() * 2).grad_dtype
x.to_dense() is x, x.sparse_dim(), x.dense_dim(), x.dequantize()
x.values()
x.indices()
x.coalesce()
torch.get_device(x), x.get_device(), x.const_data_ptr() == x.data_ptr()
x.unsafe_chunk(2), x.unsafe_split(2)
torch.sym_float(3), torch.sym_int(3.7), torch.sym_max(3, 4.0), torch.sym_min(3, 4.0), torch.sym_not(True)
torch.sym_ite(True, 1, 2), torch.sym_sum([1, 2])
torch.newaxis, torch.inf, torch.nan, torch.pi, torch.e
[getattr(torch, n).abbr for n in 'bool uint8 int64 uint16 float16 bfloat16 float32 complex64'.split()]
issubclass(torch.OutOfMemoryError, RuntimeError)
torch.Generator().get_offset()
torch.can_cast(torch.float, torch.int), torch.can_cast(torch.int, torch.float)
torch.is_storage(x), torch.is_signed(x), torch.is_same_size(x, x), torch.is_conj(x)
"""


@pytest.mark.parametrize("code", ODD.strip().split("\n"))
def test_odds(code: str) -> None:
    found = []
    for library in (gradviz, torch):
        try:
            found.append(repr(eval(code, {"torch": library, "x": library.tensor([1.0, 2.0, 3.0])})))
        except Exception as error:
            found.append(f"{type(error).__name__}: {str(error).splitlines()[0]}")
    assert found[0] == found[1]


def test_the_old_range_includes_its_end() -> None:
    for arguments in ((0, 3), (1, 2, 0.5), (5, 1, -2)):
        with pytest.warns(UserWarning, match=r"torch.range is deprecated"):
            ours = gradviz.range(*arguments)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert repr(ours) == repr(torch.range(*arguments))


def test_a_file_is_read_as_a_tensor(tmp_path: Any) -> None:
    path = tmp_path / "numbers"
    np.arange(4, dtype=np.float32).tofile(path)
    x = gradviz.from_file(str(path), shared=True, size=4)
    x[0] = 9
    del x
    assert gradviz.from_file(str(path), size=4).tolist() == torch.from_file(str(path), size=4).tolist() == [9, 1, 2, 3]


def test_the_old_names_of_fills_warn() -> None:
    for name in ("uniform", "xavier_normal", "orthogonal"):
        with pytest.warns(FutureWarning, match=f"`nn.init.{name}` is now deprecated in favor of `nn.init.{name}_`"):
            getattr(gradviz.nn.init, name)(gradviz.empty(3, 3))
