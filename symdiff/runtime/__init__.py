"""Kernel text -> native code, and the functions that run a program of kernels.

`native` compiles (text, translate, codegen, cache, load), `driver` runs, `blas` and `gemm` multiply matrices. Only
by_numba.py and what it imports need Numba.
"""
