"""Kernel text -> native code, and the functions that run a program of kernels.

`native` compiles (text, rewrite, lower_lean, codegen, cache, load), `driver` runs, `blas` multiplies matrices.
Only compile.py and what it imports need Numba.
"""
