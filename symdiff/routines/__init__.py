"""Loops written by hand, a file per family: plain functions over arrays, which run as they are in Python, stand as they
are in emitted source, and are compiled as kernels are.

They take sizes, operands, results and scratch memory, call nothing but the functions of ``runtime/maths.py``, and index
arrays element by element. Compilers find the types of their arguments, so they have no annotations.
"""
