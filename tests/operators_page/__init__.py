"""docs/operators.md, made from the operators themselves: ``python -m tests.operators_page`` writes it.

The peers' columns are looked up where JAX, PyTorch and PyTensor are installed, and kept as they are elsewhere.
"""
