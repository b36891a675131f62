"""The Bessel function J0 as PyTorch computes it.

The rational approximations are those of Cephes (S. L. Moshier, https://www.netlib.org/cephes/): one up to 5, which has
the first two zeros as factors, and one of amplitude and phase beyond. Cephes means two of the denominators to begin
with a power whose coefficient is 1 and is not written; PyTorch begins with the next. Its J0 is therefore up to 9e-8
away from the true value in double precision, and so is this one: for the true one take `scipy.special.j0`.
"""

from __future__ import annotations

import math
from typing import Any

from .rational import ratio

ZEROS = 5.78318596294678452118, 30.4712623436620863991  # squared
NEAR = (
    (-4.79443220978201773821e9, 1.95617491946556577543e12, -2.49248344360967716204e14, 9.70862251047306323952e15),
    (4.99563147152651017219e2, 1.73785401676374683123e5, 4.84409658339962045305e7, 1.11855537045356834862e10,
     2.11277520115489217587e12, 3.10518229857422583814e14, 3.18121955943204943306e16, 1.71086294081043136091e18),
)  # fmt: skip
AMPLITUDE = (
    (7.96936729297347051624e-4, 8.28352392107440799803e-2, 1.23953371646414299388, 5.44725003058768775090,
     8.74716500199817011941, 5.30324038235394892183, 9.99999999999999997821e-1),
    (9.24408810558863637013e-4, 8.56288474354474431428e-2, 1.25352743901058953537, 5.47097740330417105182,
     8.76190883237069594232, 5.30605288235394617618, 1.00000000000000000218),
)  # fmt: skip
PHASE = (
    (-1.13663838898469149931e-2, -1.28252718670509318512, -1.95539544257735972385e1, -9.32060152123768231369e1,
     -1.77681167980488050595e2, -1.47077505154951170175e2, -5.14105326766599330220e1, -6.05014350600728481186),
    (6.43178256118178023184e1, 8.56430025976980587198e2, 3.88240183605401609683e3, 7.24046774195652478189e3,
     5.93072701187316984827e3, 2.06209331660327847417e3, 2.42005740240291393179e2),
)  # fmt: skip


def j0(xp: Any, x: Any) -> Any:
    """J0 of an array of floating numbers."""
    x = xp.abs(x)
    square = x * x
    near = (square - ZEROS[0]) * (square - ZEROS[1]) * ratio(square, NEAR)
    near = xp.where(x < 1e-5, 1 - square / 4, near)
    far = xp.where(x <= 5, 5.0, x)  # so that nothing is divided by zero
    scaled, angle = 5 / far, far - math.pi / 4
    waves = ratio(scaled * scaled, AMPLITUDE) * xp.cos(angle) - scaled * ratio(scaled * scaled, PHASE) * xp.sin(angle)
    return xp.where(x <= 5, near, waves * math.sqrt(2 / math.pi) / xp.sqrt(far)).astype(x.dtype)
