"""The op tables, imported here, and what follows from them hung on Tensor."""

from . import (  # noqa: F401  isort: skip
    arithmetic,
    elementwise,
    compare,
    shape,
    join,
    convert,
    reduce,
    index,
    activation,
    convolve,
    linalg,
    pool,
    softmax,
    create,
    ranges,
    sample,
    distributions,
    fill,
)
