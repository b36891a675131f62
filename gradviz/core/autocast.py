"""Autocast: in which type an operation runs where mixed precision is on. One table, one test at the door of each entry.

PyTorch keeps one list for each kind of device: operations that gain from 16 bits and stand them (products), operations
that need 32 (exponentials, losses, long sums), operations whose inputs must merely agree. What is on no list runs in
the type it is given. Only 16- and 32-bit floats are ever cast; in-place and `out=` spellings are on no list.
https://docs.pytorch.org/docs/2.13/amp.html#autocast-op-reference
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextvars import ContextVar
from types import CodeType, FunctionType
from typing import Any, NamedTuple, TypeVar

from .dtype import DTYPES, dtype
from .mode import grad_mode

Function = TypeVar("Function", bound=Callable[..., Any])

# -- the table: policy -> device type -> names of the torch namespace ("linalg_x" is `torch.linalg.x`) ---------------
LISTS: dict[str, dict[str, str]] = {
    # Every input in the lower precision.
    "lower": {
        "cuda": """
            conv1d conv2d conv3d conv_tbc conv_transpose1d conv_transpose2d conv_transpose3d prelu addmm addmv addr
            matmul einsum mm mv linalg_matmul linalg_vecdot linear addbmm baddbmm bmm chain_matmul linalg_multi_dot
            lstm gru rnn_tanh rnn_relu lstm_cell gru_cell rnn_tanh_cell rnn_relu_cell scaled_dot_product_attention
        """,
        "cpu": """
            conv1d conv2d conv3d conv_tbc conv_transpose1d conv_transpose2d conv_transpose3d prelu addmm addbmm
            matmul mm linalg_matmul linalg_vecdot linear baddbmm bmm scaled_dot_product_attention
            linalg_multi_dot lstm
        """,
    },
    # Every input in float32.
    "float32": {
        "cuda": """
            acos arccos asin arcsin cosh erfinv special_erfinv exp expm1 special_expm1 log log10 log2 log1p
            special_log1p reciprocal rsqrt sinh tan pow softplus layer_norm rms_norm group_norm frobenius_norm
            nuclear_norm cosine_similarity poisson_nll_loss cosine_embedding_loss nll_loss hinge_embedding_loss kl_div
            l1_loss smooth_l1_loss huber_loss mse_loss margin_ranking_loss multilabel_margin_loss soft_margin_loss
            triplet_margin_loss multi_margin_loss binary_cross_entropy_with_logits dist pdist cdist renorm logsumexp
            special_logsumexp interpolated
        """,
        "cpu": """
            adaptive_avg_pool3d adaptive_max_pool3d avg_pool3d binary_cross_entropy binary_cross_entropy_with_logits
            cdist cholesky cholesky_inverse cholesky_solve cosine_embedding_loss cross_entropy ctc_loss
            fake_quantize_per_tensor_affine fft_fft fft_fft2 fft_fftn fft_hfft fft_ifft fft_ifft2 fft_ifftn fft_ihfft
            fft_irfft fft_irfft2 fft_irfftn fft_rfft fft_rfft2 fft_rfftn fractional_max_pool2d fractional_max_pool3d
            geqrf grid_sample grid_sampler hinge_embedding_loss huber_loss inverse kl_div l1_loss linalg_cholesky
            linalg_cholesky_ex linalg_cond linalg_eig linalg_eigh linalg_eigvals linalg_eigvalsh
            linalg_householder_product linalg_inv linalg_inv_ex linalg_lstsq linalg_matrix_rank linalg_qr linalg_solve
            linalg_svd linalg_svdvals linalg_tensorinv linalg_tensorsolve lu_solve margin_ranking_loss max_pool3d
            max_unpool1d max_unpool2d max_unpool3d mse_loss multi_margin_loss multilabel_margin_loss nanquantile
            nll_loss orgqr ormqr pinverse poisson_nll_loss polar prod qr quantile reflection_pad1d reflection_pad2d
            replication_pad1d replication_pad2d replication_pad3d smooth_l1_loss soft_margin_loss stft svd trace
            triangular_solve triplet_margin_loss view_as_complex
        """,
    },
    # The result in float32, unless a `dtype` is asked for.
    "float32 dtype": {
        "cuda": """
            prod softmax special_softmax log_softmax special_log_softmax cumprod cumsum linalg_vector_norm
            linalg_matrix_norm sum norm
        """,
    },
    # Every input in the widest type among them.
    "widest": {
        "cuda": """
            addcdiv addcmul atan2 arctan2 bilinear cross dot vdot grid_sample grid_sampler index_put tensordot
            scatter_add
        """,
        "cpu": "stack cat concat concatenate index_copy",
    },
    # Computed as given, but for a last product in the lower precision.
    "lower at the end": {"cuda": "linalg_pinv", "cpu": "linalg_pinv"},
    "banned": {"cuda": "binary_cross_entropy"},
}  # fmt: skip
# The lower precision where none is chosen, for every kind of device that PyTorch has autocast for.
DEFAULTS = {
    "cpu": "bfloat16", "cuda": "float16", "mtia": "float16", "maia": "bfloat16", "xpu": "float16", "ipu": "float16",
    "hpu": "bfloat16", "xla": "bfloat16", "privateuseone": "float16", "mps": "float16",
}  # fmt: skip
# name -> device type -> policy
POLICIES: dict[str, dict[str, str]] = {}
for _policy, _devices in LISTS.items():
    for _device, _names in _devices.items():
        for _name in _names.split():
            POLICIES.setdefault(_name, {})[_device] = _policy

FLOAT32, FLOAT64 = DTYPES["float32"], DTYPES["float64"]
BANNED = (
    "torch.nn.functional.binary_cross_entropy and torch.nn.BCELoss are unsafe to autocast.\n"
    "Many models use a sigmoid layer right before the binary cross entropy layer.\n"
    "In this case, combine the two layers using torch.nn.functional.binary_cross_entropy_with_logits\n"
    "or torch.nn.BCEWithLogitsLoss.  binary_cross_entropy_with_logits and BCEWithLogits are\n"
    "safe to autocast."
)


# -- what is on ----------------------------------------------------------------------------------------------------
class Settings(NamedTuple):
    """Autocast as it is set for the running code; changed by putting another in its place."""

    enabled: frozenset[str] = frozenset()
    dtypes: tuple[tuple[str, dtype], ...] = ()  # what differs from DEFAULTS
    cache_enabled: bool = True
    nesting: int = 0
    # (id of a leaf, type) -> (the leaf, its cast): what has been cast since the outermost block was entered.
    cache: dict[tuple[int, dtype], tuple[Any, Any]] | None = None

    def lower(self, device_type: str) -> dtype:
        """The lower precision on a kind of device."""
        return dict(self.dtypes).get(device_type) or DTYPES[DEFAULTS[device_type]]


settings: ContextVar[Settings | None] = ContextVar("autocast_settings", default=None)
# The same, or None where nothing is cast: autocast is off, or an operation that is on a list is running its parts.
casting: ContextVar[Settings | None] = ContextVar("autocast", default=None)
# One entry for each context in which something is cast: while it is empty, as it mostly is, nobody asks further.
ON: list[None] = []


def now() -> Settings:
    """The settings that hold here."""
    return settings.get() or Settings(cache={})


def put(made: Settings) -> None:
    """Let these settings hold from here on, in this context."""
    before = casting.get() is not None
    settings.set(made)
    casting.set(made if made.enabled else None)
    if bool(made.enabled) is not before:
        ON.append(None) if made.enabled else ON.pop()


# -- the door ------------------------------------------------------------------------------------------------------
def hooked(name: str, function: Any, parameters: str | None = None) -> Any:
    """The function behind a test of whether anything is cast, if the table names it; otherwise itself.

    The test is written out with the function's own parameters: it costs a call of 30 ns and packs no arguments. That
    is done at the first call, as most functions have none.
    """
    if name not in POLICIES:
        return function
    space = {"_function": function, "_on": ON, "_call": _call, "_name": name, "__name__": __name__}
    made: Any = FunctionType(_closed.__code__, space, function.__name__, function.__defaults__)
    space["_open"] = lambda: _open(made, parameters)
    made.__kwdefaults__ = function.__kwdefaults__
    made.__qualname__, made.__doc__, made.__module__ = function.__qualname__, function.__doc__, function.__module__
    made.__annotations__ = function.__annotations__
    made.__dict__.update(function.__dict__)
    made.__wrapped__ = made.uncast = function
    return made


def _closed(*args: Any, **kwargs: Any) -> Any:
    """What a door is before its first call; the names are those of its own space."""
    return _open()(*args, **kwargs)  # type: ignore[call-arg]


def _open(made: Any, parameters: str | None) -> Any:
    made.__code__ = _door(parameters or _parameters(made.uncast.__code__))
    return made


@functools.cache
def _door(parameters: str) -> CodeType:
    """`lambda a, *, b: _call(_name, _function, a, b=b) if _on else _function(a, b=b)`, compiled once per signature."""
    given = ", ".join(p if p.startswith("*") or not named else f"{p}={p}" for p, named in _passed(parameters))
    text = f"lambda {parameters}: _call(_name, _function, {given}) if _on else _function({given})"
    code: CodeType = eval(compile(text, __file__, "eval"), {}).__code__
    return code


def listed(function: Function) -> Function:
    """Decorator: `hooked` under the function's own name."""
    made: Function = hooked(function.__name__, function)
    return made


def uncast(function: Any) -> Any:
    """The function without the door: what in-place and `out=` spellings are made of."""
    return getattr(function, "uncast", function)


def _parameters(code: Any) -> str:
    """The parameters of a function as they are written: `a, b, *rest, key, **more`."""
    count, only = code.co_argcount, code.co_kwonlyargcount
    names = list(code.co_varnames)
    made, at = names[:count], count + only
    if code.co_flags & 0x04:
        made.append(f"*{names[at]}")
        at += 1
    elif only:
        made.append("*")
    made += names[count : count + only]
    if code.co_flags & 0x08:
        made.append(f"**{names[at]}")
    return ", ".join(made)


def _passed(parameters: str) -> list[tuple[str, bool]]:
    """Each parameter, and whether it is passed on by name."""
    named, made = False, []
    for p in parameters.split(", "):
        if p != "*":
            made.append((p, named))
        named = named or p.startswith("*")
    return made


def _call(name: str, function: Any, /, *args: Any, **kwargs: Any) -> Any:
    """Call a function of the table where autocast is on: cast what its policy says, then run it uncast inside."""
    state = casting.get()
    if state is None:
        return function(*args, **kwargs)
    device_type = _device_type(state, args) or _device_type(state, tuple(kwargs.values()))
    policy = None if device_type is None else POLICIES[name].get(device_type)
    if policy is None or device_type is None:
        return function(*args, **kwargs)
    token = casting.set(None)
    try:
        if policy == "banned":
            raise RuntimeError(BANNED)
        if policy == "lower at the end":
            return _cast(state, function(*args, **kwargs), state.lower(device_type), device_type)
        if policy == "float32 dtype":
            return _with_dtype(function, args, kwargs, device_type)
        target = FLOAT32 if policy == "float32" else state.lower(device_type)
        if policy == "widest":
            target = _widest(target, (*args, *kwargs.values()), device_type)
        args = tuple(_cast(state, x, target, device_type) for x in args)
        return function(*args, **{k: _cast(state, x, target, device_type) for k, x in kwargs.items()})
    finally:
        casting.reset(token)


def _device_type(state: Settings, values: tuple[Any, ...]) -> str | None:
    """The kind of device that the first tensor with autocast on is on."""
    for x in values:
        if hasattr(x, "_array"):
            if x.device.type in state.enabled:
                return str(x.device.type)
        elif isinstance(x, (list, tuple)):
            found = _device_type(state, tuple(x))
            if found is not None:
                return found
    return None


def _eligible(x: Any, device_type: str) -> bool:
    """Whether autocast may cast it: a tensor there, of floats of 16 or 32 bits."""
    return hasattr(x, "_array") and x.device.type == device_type and x.dtype.category == 2 and x.dtype is not FLOAT64


def _with_dtype(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], device_type: str) -> Any:
    """Ask for a float32 result, unless a type is asked for."""
    if not _eligible(args[0] if args else kwargs.get("input"), device_type):
        return function(*args, **kwargs)
    if kwargs.get("dtype") is not None or any(isinstance(x, dtype) for x in args):
        return function(*args, **kwargs)
    inner = function
    while hasattr(inner, "__wrapped__"):
        inner = inner.__wrapped__
    names = inner.__code__.co_varnames[: inner.__code__.co_argcount]
    if "dtype" in names and len(args) > names.index("dtype"):
        at = names.index("dtype")
        return function(*args[:at], FLOAT32, *args[at + 1 :], **kwargs)
    return function(*args, **{**kwargs, "dtype": FLOAT32})


def _widest(low: dtype, values: tuple[Any, ...], device_type: str) -> dtype:
    """The lower precision where all inputs have it, float32 where one has that; float64 is no concern of autocast."""
    for x in values:
        if isinstance(x, (list, tuple)):
            low = _widest(low, tuple(x), device_type)
        elif _eligible(x, device_type) and x.dtype is not low and low is not FLOAT32:
            if x.dtype is not FLOAT32:
                raise RuntimeError("Unexpected floating ScalarType in at::autocast::prioritize")
            low = FLOAT32
    return low


def _cast(state: Settings, x: Any, target: dtype, device_type: str) -> Any:
    """A tensor, or each of several, in another type; leaves that require grad are cast once in an autocast block."""
    if isinstance(x, (list, tuple)):
        return type(x)(_cast(state, y, target, device_type) for y in x) if type(x) in (list, tuple) else x
    if not _eligible(x, device_type) or x.dtype is target:
        return x
    cache = state.cache
    leaf = x._needs and x._edge is None and x._base is None and x.dtype is FLOAT32
    if not (leaf and state.cache_enabled and cache is not None and target is state.lower(device_type)):
        return x.to(target)
    found = cache.get((id(x), target))
    if found is None:
        found = (x, x.to(target))
        if grad_mode.get():  # a cast without a graph would be of no use to what trains later
            cache[id(x), target] = found
    return found[1]
