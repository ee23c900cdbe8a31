"""The public face: what is there, and what it is called."""

import ast
import pickle
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import symdiff as sd

PACKAGE = Path(sd.__file__).parent


def test_every_listed_name_is_there_once():
    assert len(set(sd.__all__)) == len(sd.__all__)
    for name in sd.__all__:
        assert hasattr(sd, name), name


def test_names_of_functions_and_of_their_modules_do_not_mix():
    assert callable(sd.compile) and callable(sd.train_step) and sd.compile.__module__ == "symdiff.compiled"


def test_functions_say_where_they_are():
    """So they can be pickled, and a page can be made of them."""
    for name in sd.__all__:
        value = getattr(sd, name)
        assert isinstance(value, ModuleType) or pickle.loads(pickle.dumps(value)) is value, name


def test_an_operator_of_a_room_that_is_not_imported_keeps_its_name():
    """Passes know operators by name, so a function of a user may not have one that comes later either."""
    code = (
        "import importlib, pkgutil, sys, symdiff as sd\n"
        "from symdiff.ops import record\n"
        "early = set(record.OPS)\n"
        "x = sd.input('x', (3,))\n"
        "try: sd.elementwise('erfinv', 'x + 1', ['x'])\n"
        "except sd.GraphError as error: assert 'is taken' in str(error)\n"
        "else: sys.exit('erfinv was given away')\n"
        "def conv(x): return x * 1.0\n"
        "assert sd.custom_vjp(conv, lambda ct, out, x: [ct])(x).op.name == 'custom_conv'\n"
        "taken = record.is_operator\n"
        "before = {name: taken(name) for name in ('conv', 'erfinv', 'cauchy', 'exp')}\n"
        "assert before == {'conv': True, 'erfinv': True, 'cauchy': False, 'exp': True}, before\n"
        "for room in pkgutil.walk_packages(sd.__path__, 'symdiff.'): importlib.import_module(room.name)\n"
        "later = set(record.OPS) - early\n"
        "assert len(later) > 50, len(later)\n"
        "record.OPS.clear()\n"
        "print(sorted(name for name in later if not taken(name)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("[]\n", 0), done.stderr


def stub(path: str) -> dict[str, str]:
    """What a stub says: for each name the module it comes from."""
    tree = ast.parse((PACKAGE / path).read_text())
    found = {}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom):
            found |= {alias.asname or alias.name: node.module or "" for alias in node.names}
        elif isinstance(node, ast.Assign):  # another name for one that was imported
            found |= {target.id: found[node.value.id] for target in node.targets}
    return found


def test_the_stub_says_what_the_package_does():
    rooms = dict.fromkeys(sd._MODULES.split(), "")
    assert stub("__init__.pyi") == sd._HOMES | rooms


def test_the_stub_of_the_elementwise_operators_does_too():
    from symdiff.ops import elementwise

    aliases = {alias: elementwise._HOMES[name] for alias, name in elementwise._ALIASES.items()}
    assert stub("ops/elementwise.pyi") == elementwise._HOMES | aliases


def test_every_answer_comes_from_the_room_that_is_said_to_have_it():
    """In a fresh process each: other rooms must not answer for it."""
    code = (
        "import importlib, sys; from symdiff.core import registry; from symdiff import providers\n"
        "for room, names in providers._ANSWERS.items():\n"
        "    importlib.import_module('symdiff.' + room)\n"
        "    missing = set(names.split()) - set(registry.provided)\n"
        "    assert not missing, (room, missing)\n"
        "assert set(registry.provided) <= set(registry._modules), set(registry.provided) - set(registry._modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_program_waits_for_the_rooms_it_uses_only():
    code = (
        "import sys, symdiff as sd; x = sd.input('x', (3,)); y = sd.grad(sd.sum(sd.tanh(x) * 2), x);"
        "rooms = ('special', 'nn', 'linalg', 'random', 'control', 'interop');"
        "print([room for room in rooms if 'symdiff.' + room in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'no_such_name'"):
        sd.no_such_name  # noqa: B018
