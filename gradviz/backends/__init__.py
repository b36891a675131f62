"""What the machine offers to compute with, and switches for it (torch.backends).

Arrays are NumPy's on a CPU and CuPy's on a GPU. The switches that permit less exact or less repeatable results are
kept, and only cuDNN, on a GPU, makes use of the permission.
"""

from . import cpu, cuda, cudnn, mkl, mkldnn, mps, openmp, opt_einsum

__all__ = ["cpu", "cuda", "cudnn", "mkl", "mkldnn", "mps", "openmp", "opt_einsum"]
