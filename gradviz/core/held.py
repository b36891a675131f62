"""Python numbers beside tensors, held as arrays.

NumPy takes twice as long to multiply by a number as by an array that holds it, so numbers are held as arrays of the
commonest type. Integers and floats apart: a node shows the number that it was given.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .node import Scalar

SINGLE = np.dtype(np.float32)  # the commonest type, told by its identity
FLOATS: dict[Any, Scalar] = {}
INTS: dict[Any, Scalar] = {}
MANY = 1000


def hold(number: Any) -> Scalar:
    """A number with an array of it, kept for its next use; 0.0 is not, since 0.0 and -0.0 are equal as keys."""
    try:
        array = np.asarray(number, SINGLE)
    except OverflowError:
        return Scalar(number)
    array.flags.writeable = False
    made = Scalar(number, array)
    table = FLOATS if type(number) is float else INTS
    if number != 0 or table is INTS:
        if len(table) >= MANY:
            table.clear()
        table[number] = made
    return made
