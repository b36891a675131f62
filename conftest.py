"""Tests and notebooks compute on one BLAS thread: with several, sums differ in their last digits, and so do outputs."""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):  # before NumPy is imported
    os.environ.setdefault(variable, "1")
