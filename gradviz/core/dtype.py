"""Element types: PyTorch's names over NumPy's types, and how they combine."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np


class dtype:
    """The type of a tensor's elements, such as `torch.float32`."""

    __slots__ = ("aliases", "category", "name", "numpy", "rank")

    def __init__(self, name: str, numpy: Any, category: int, rank: int, aliases: tuple[str, ...] = ()) -> None:
        self.name = name
        self.numpy = np.dtype(numpy)
        self.category = category  # 0 bool, 1 integer, 2 floating, 3 complex
        self.rank = rank
        self.aliases = aliases

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> Any:
        return _named, (self.name,)

    def __copy__(self) -> dtype:
        return self

    def __deepcopy__(self, memo: Any) -> dtype:
        return self

    @property
    def itemsize(self) -> int:
        """Bytes per element."""
        return int(self.numpy.itemsize)

    @property
    def is_floating_point(self) -> bool:
        return self.category == 2

    @property
    def is_complex(self) -> bool:
        return self.category == 3

    @property
    def is_signed(self) -> bool:
        return self.category > 1 or self.name.startswith("int")

    @property
    def abbr(self) -> str:
        """The name in short: f32, i64, bf16."""
        letters = self.name.rstrip("0123456789")
        return (letters[0] if letters != "bfloat" else "bf") + str(8 * self.itemsize)

    def to_complex(self) -> dtype:
        """The complex type whose parts are of this type."""
        if self.category == 3:
            return self
        if self.name == "float16":
            raise NotImplementedError(
                "dtype.to_complex(): complex32 is not supported, which float16 has for a partner."
            )
        if self.category != 2:
            from .errors import scalar_type

            raise RuntimeError(
                f"Unknown Complex ScalarType for {scalar_type(self)}\nComplex numbers are made of floating parts."
            )
        return complex128 if self.name == "float64" else complex64

    def to_real(self) -> dtype:
        """The type of a complex type's real and imaginary part; another type itself."""
        return {"complex64": float32, "complex128": float64}.get(self.name, self)


def _named(name: str) -> dtype:
    """Undo the pickling of a dtype."""
    return DTYPES[name]


# name, NumPy type, category, rank inside the category, aliases
_TABLE = [
    ("bool", np.bool_, 0, 0, ()),
    ("uint8", np.uint8, 1, 0, ()),
    ("int8", np.int8, 1, 0, ()),
    ("int16", np.int16, 1, 1, ("short",)),
    ("int32", np.int32, 1, 2, ("int",)),
    ("int64", np.int64, 1, 3, ("long",)),
    ("uint16", np.uint16, 1, 4, ()),
    ("uint32", np.uint32, 1, 5, ()),
    ("uint64", np.uint64, 1, 6, ()),
    ("float16", np.float16, 2, 0, ("half",)),
    ("bfloat16", ml_dtypes.bfloat16, 2, 0, ()),
    ("float32", np.float32, 2, 1, ("float",)),
    ("float64", np.float64, 2, 2, ("double",)),
    ("complex64", np.complex64, 3, 1, ("cfloat",)),
    ("complex128", np.complex128, 3, 2, ("cdouble",)),
]
DTYPES: dict[str, dtype] = {row[0]: dtype(*row) for row in _TABLE}
NAMES: dict[str, dtype] = {**DTYPES, **{alias: d for d in DTYPES.values() for alias in d.aliases}}
_BY_NUMPY: dict[Any, dtype] = {d.numpy: d for d in DTYPES.values()}

bool_ = DTYPES["bool"]
uint8, int8, int16, int32, int64 = (DTYPES[n] for n in ("uint8", "int8", "int16", "int32", "int64"))
float16, bfloat16, float32, float64 = (DTYPES[n] for n in ("float16", "bfloat16", "float32", "float64"))
complex64, complex128 = DTYPES["complex64"], DTYPES["complex128"]
# These PyTorch combines only with themselves and with floating types.
_ALONE = {DTYPES["uint16"], DTYPES["uint32"], DTYPES["uint64"]}


class _Default:
    dtype = float32


def get_default_dtype() -> dtype:
    """The type of a tensor made from Python floats."""
    return _Default.dtype


def set_default_dtype(d: dtype) -> None:
    """Sets the type of tensors made from Python floats; floating types only."""
    if not (isinstance(d, dtype) and d.is_floating_point):
        wrong = "" if isinstance(d, dtype) else "invalid dtype object: "
        raise TypeError(f"{wrong}only floating-point types are supported as the default type\nGot {d!r}.")
    _Default.dtype = d


def from_numpy(numpy_dtype: Any) -> dtype:
    """The dtype of a NumPy type."""
    try:
        return _BY_NUMPY[numpy_dtype]
    except KeyError:
        kinds = (
            "float64, float32, float16, complex64, complex128, int64, int32, int16, int8, uint64, uint32, uint16, "
            "uint8, and bool"
        )
        raise TypeError(
            f"can't convert np.ndarray of type numpy.{np.dtype(numpy_dtype).type.__name__}. "
            f"The only supported types are: {kinds}."
        ) from None


def as_dtype(value: Any) -> dtype:
    """A dtype from a dtype or a Python type, which stands for the widest type of its kind."""
    if isinstance(value, dtype):
        return value
    plain = {float: float64, int: int64, bool: bool_, complex: complex128}.get(value)
    if plain is not None:
        return plain
    raise TypeError(f"dtype must be a torch.dtype such as torch.float32, got {value!r}")


def promote_types(type1: dtype, type2: dtype) -> dtype:
    """The smallest dtype that holds both, by PyTorch's table (an integer never widens a floating type)."""
    a, b = sorted((type1, type2), key=lambda d: (d.category, d.rank))
    if a is b:
        return b
    if b.category != 2 and (a in _ALONE or b in _ALONE):
        from .errors import scalar_type

        pair = f"{scalar_type(type1)} and {scalar_type(type2)}"
        raise RuntimeError(
            f"Promotion for uint16, uint32, uint64 types is not supported, attempted to promote {pair}\n"
            "Convert one of them first: x.to(torch.int64)."
        )
    if a.category == 0:
        return b
    if b.category == 3:
        wide = max(a.rank if a.category > 1 else 0, b.rank)
        return complex128 if wide >= 2 else complex64
    if a.category < b.category:
        return b
    if a.rank != b.rank:
        return b
    return {frozenset((uint8, int8)): int16, frozenset((float16, bfloat16)): float32}.get(frozenset((a, b)), b)


def scalar_category(value: Any) -> int:
    """The category of a Python number."""
    return 0 if isinstance(value, bool) else 1 if isinstance(value, int) else 3 if isinstance(value, complex) else 2


def result_dtype(operands: list[tuple[dtype, int]], scalars: list[Any]) -> dtype:
    """What an operation on tensors (dtype, number of dimensions) and Python numbers computes in.

    Dimensioned tensors decide; 0-d tensors, then numbers, matter only if their category is higher.
    Source: https://docs.pytorch.org/docs/2.13/tensor_attributes.html
    """
    found: dtype | None = None
    for group in ([d for d, ndim in operands if ndim], [d for d, ndim in operands if not ndim]):
        best: dtype | None = None
        for d in group:
            best = d if best is None else promote_types(best, d)
        if best is not None and (found is None or best.category > found.category):
            found = _complex_of(found) if found is not None and best.category == 3 and found.category == 2 else best
    category = max((scalar_category(s) for s in scalars), default=-1)
    if found is None or category > found.category:
        floats = _Default.dtype if found is None or found.category < 2 else found
        found = {0: bool_, 1: int64, 2: floats, 3: _complex_of(floats)}[category]
    return found


def _complex_of(kind: dtype) -> dtype:
    """The complex type of a floating type's precision; float16 has none of its own here."""
    return complex128 if kind is float64 else complex64


def can_cast(from_: dtype, to: dtype) -> bool:
    """Whether a value may be cast without an explicit request: never to a lower kind (complex, real, integer, bool)."""
    return from_.category <= to.category


class finfo:
    """Numerical limits of a floating type: eps, max, min, tiny, smallest_normal, resolution, bits."""

    eps: float
    max: float
    min: float
    tiny: float
    smallest_normal: float

    def __init__(self, type: Any = None) -> None:
        d = _Default.dtype if type is None else _limits_of("finfo", type)
        if d.category < 2:
            raise TypeError(
                "torch.finfo() requires a floating point input type. Use torch.iinfo to handle 'torch.finfo'\n"
                f"{d!r} counts whole numbers."
            )
        info: Any = ml_dtypes.finfo(d.to_real().numpy)  # type: ignore[no-untyped-call]
        self.bits = int(info.bits)
        self.dtype = d.to_real().name
        self.resolution = float(f"1e-{info.precision}")
        for name in ("eps", "max", "min", "tiny", "smallest_normal"):
            setattr(self, name, float(getattr(info, name)))

    def __repr__(self) -> str:
        shown = ("resolution", "min", "max", "eps", "smallest_normal", "tiny")
        return f"finfo({', '.join(f'{k}={getattr(self, k):g}' for k in shown)}, dtype={self.dtype})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, finfo) and other.dtype == self.dtype

    def __hash__(self) -> int:
        return hash(self.dtype)


class iinfo:
    """Numerical limits of an integer type: min, max, bits."""

    def __init__(self, type: Any) -> None:
        d = _limits_of("iinfo", type)
        if d.category == 0:
            raise TypeError("torch.bool is not supported by torch.iinfo")
        if d.category > 1:
            raise TypeError(
                "torch.iinfo() requires an integer input type. Use torch.finfo to handle 'torch.iinfo'\n"
                f"{d!r} holds fractions."
            )
        info = np.iinfo(d.numpy)
        self.bits, self.min, self.max, self.dtype = int(info.bits), int(info.min), int(info.max), d.name

    def __repr__(self) -> str:
        return f"iinfo(min={self.min:g}, max={self.max:g}, dtype={self.dtype})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, iinfo) and other.dtype == self.dtype

    def __hash__(self) -> int:
        return hash(self.dtype)


def _limits_of(name: str, type: Any) -> dtype:
    try:
        return as_dtype(type)
    except TypeError:
        kind = type.__class__.__name__
        raise TypeError(f"{name}(): argument 'type' (position 1) must be torch.dtype, not {kind}") from None
