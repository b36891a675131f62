"""cuBLAS through ctypes: what its functions are given, errors, where there is none. No GPU code is executed."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path

import pytest

from gradviz.gpu import cublas_library

from .run_kernel import needs_compiler

STUB = """
extern "C" {
long long seen[23];
const char* cublasGetStatusString(int status) { return status == 7 ? "CUBLAS_STATUS_INVALID_VALUE" : "another"; }
int cublasCreate_v2(void** handle) { *handle = (void*)77; return 0; }
int cublasSetStream_v2(void* handle, void* stream) { return 0; }
int cublasSetWorkspace_v2(void* handle, void* space, unsigned long size) { return 0; }
int cublasSetMathMode(void* handle, int mode) { return 0; }
int cublasGemmStridedBatchedEx(
    void* handle, int transa, int transb, int m, int n, int k, const void* alpha, const void* a, int atype, int lda,
    long long stridea, const void* b, int btype, int ldb, long long strideb, const void* beta, void* c, int ctype,
    int ldc, long long stridec, int count, int compute, int algo) {
    long long all[] = {(long long)handle, transa, transb, m, n, k, (long long)alpha, (long long)a, atype, lda, stridea,
                       (long long)b, btype, ldb, strideb, (long long)beta, (long long)c, ctype, ldc, stridec, count,
                       compute, algo};
    for (int i = 0; i < 23; ++i) seen[i] = all[i];
    return m < 0 ? 7 : 0;
}
}
"""


@needs_compiler
def test_functions_get_what_they_are_given(tmp_path: Path) -> None:
    path = tmp_path / "libcublas_stub.so"
    command = ["g++", "-shared", "-fPIC", "-x", "c++", "-", "-o", str(path)]
    subprocess.run(command, input=STUB, text=True, check=True)
    library = cublas_library.Library(str(path))
    made = cublas_library._Handle(library)
    assert made.pointer.value == 77
    large = 2**33  # what must not be cut off
    given = [0, 1, 5, 6, 7, large + 1, large + 2, 0, 8, large + 3, large + 4, 14, 9, large + 5, large + 6, large + 7, 2,
             10, large + 8, 11, 68, -1]  # fmt: skip
    library.cublasGemmStridedBatchedEx(made.pointer, *given)
    seen = (ctypes.c_longlong * 23).in_dll(ctypes.CDLL(str(path)), "seen")
    assert list(seen) == [77, *given]
    given[2] = -1
    text = r"cublasGemmStridedBatchedEx: CUBLAS_STATUS_INVALID_VALUE \(7\)"
    with pytest.raises(cublas_library.CublasError, match=text):
        library.cublasGemmStridedBatchedEx(made.pointer, *given)
    with pytest.raises(AttributeError, match="cublasSgemm is not among"):
        library.cublasSgemm()


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cublas_library, "_candidates", lambda: iter(["libcublas.so.of.nowhere"]))
    cublas_library.find.cache_clear()
    assert cublas_library.find() is None
    cublas_library.find.cache_clear()
