"""Every kernel's text by NVIDIA's own compiler, for each GPU and type of number. No GPU code is executed."""

from __future__ import annotations

from typing import Any

import pytest

from gradviz.gpu import compiled

from . import nvrtc

pytestmark = pytest.mark.skipif(
    nvrtc.library() is None, reason="NVRTC is not installed: pip install nvidia-cuda-nvrtc (no GPU is needed)"
)
ARCHITECTURES = ("sm_75", "sm_80", "sm_90", "sm_100")
BY_CUPY = ("-ftz=true",)  # what CuPy adds (cupy/cuda/compiler.py)
FILES = sorted(file.stem for file in compiled.FOLDER.glob("*.cu"))


def texts() -> list[Any]:
    every = [(name, dtype) for name in FILES for dtype in compiled.types_of(name)]
    return [pytest.param(compiled.source(*of), compiled.options_of(of[0]), id=" ".join(of).strip()) for of in every]


@pytest.mark.parametrize("arch", ARCHITECTURES)
@pytest.mark.parametrize(("text", "options"), texts())
def test_it_compiles(text: str, options: tuple[str, ...], arch: str) -> None:
    assert nvrtc.compile(text, arch, (*options, *BY_CUPY))[:4] == b"\x7fELF"


def test_a_mistake_is_told() -> None:
    with pytest.raises(RuntimeError, match='identifier "nowhere" is undefined'):
        nvrtc.compile('extern "C" __global__ void f(float* x) { x[0] = nowhere; }', "sm_90")
