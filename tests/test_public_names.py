"""The public face: what is there, and what importing it costs."""

import subprocess
import sys

import symdiff as sd


def test_every_listed_name_is_there_once():
    assert len(set(sd.__all__)) == len(sd.__all__)
    for name in sd.__all__:
        assert hasattr(sd, name), name


def test_names_of_functions_and_of_their_modules_do_not_mix():
    assert callable(sd.compile) and callable(sd.train_step) and sd.compile.__module__ == "symdiff.compile"


def test_importing_brings_in_no_heavy_package():
    heavy = ("numba", "sympy", "scipy", "tqdm", "matplotlib")
    code = f"import sys, symdiff; print([name for name in {heavy} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
