"""Plans on disk: what a new process finds there runs as what it would have made, and nothing that was decided otherwise
is ever taken for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import symdiff as sd
from symdiff import kept
from symdiff.core.graph import Graph
from symdiff.emit.module import Module
from symdiff.lower.budget import Budget
from symdiff.lower.lower import lower
from symdiff.passes import DEFAULT, FAST, optimize
from symdiff.plan import Plan, Words, decoded, encoded
from symdiff.runtime import own_files
from symdiff.table import Table

ROOT = Path(__file__).parents[1]
n, m = sd.dim("n"), sd.dim("m")

LATE = "symdiff.lower.lower symdiff.emit.module symdiff.table symdiff.passes.pipeline numba llvmlite"
STEP = """
import sys, json
import numpy as np
import symdiff as sd
n = sd.dim("n")
x, y = sd.input("x", (n, 5), dtype="float32"), sd.input("y", (n,), dtype="int64")
w, b = sd.param("w", (5, 3), init=sd.init.glorot_uniform(), dtype="float32"), sd.param("b", (3,), dtype="float32")
h = sd.tanh(x @ w + b)
step = sd.train_step(sd.losses.softmax_cross_entropy(h, y), [x, y], sd.optim.adam(1e-2))
train, state = sd.compile(step), step.init(seed=0)
X, Y = np.linspace(-1, 1, 35, dtype="float32").reshape(7, 5), np.arange(7) % 3
found = {"losses": [train(state, X, Y).loss for _ in range(4)]}
"""
LOOP = """
import sys, json
import numpy as np
import symdiff as sd
x = sd.input("x", (3,))
carried, rows = sd.scan(lambda c, _: (sd.sin(c) + 1, c), x, length=6)
limit = sd.while_loop(lambda c: sd.sum(c) < 40, lambda c: c * 1.5, carried, max_steps=30)
f = sd.compile([limit, sd.grad(sd.sum(rows), x), sd.cond(sd.sum(x) > 0, lambda: x, lambda: -x)])
found = {"values": [array.tolist() for array in f([0.5, 1.0, 2.0])]}
"""
SHOWN = """
shown = train if "train" in globals() else f
found |= {"source": shown.source, "explain": shown.explain(), "graph": str(shown.graph), "report": str(shown.report)}
"""
WITNESS = f"""
found["late"] = [name for name in "{LATE}".split() if name in sys.modules]
"""
REPORT = "\nprint(json.dumps(found))\n"


def start(program: str, folder: Path, **more: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "SYMDIFF_CACHE_DIR": str(folder), "SYMDIFF_PLANS": "", "PYTHONPATH": str(ROOT), **more}
    command = [sys.executable, "-W", "error", "-c", program]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run(program: str, folder: Path, **more: str) -> dict[str, Any]:
    process = start(program + WITNESS + REPORT, folder, **more)
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    found: dict[str, Any] = json.loads(output)
    return found


def plans(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.plan")}


# -- a second process


@pytest.mark.parametrize("program", [STEP, LOOP], ids=["step", "loop"])
def test_a_warm_start_makes_nothing_and_gives_the_same(program: str, tmp_path: Path) -> None:
    cold, warm = (run(program, tmp_path) for _ in range(2))
    assert "symdiff.lower.lower" in cold.pop("late")
    assert warm.pop("late") == []
    assert warm == cold


@pytest.mark.parametrize("program", [STEP, LOOP], ids=["step", "loop"])
def test_what_is_shown_after_a_warm_start_is_the_same(program: str, tmp_path: Path) -> None:
    cold, warm = (run(program + SHOWN, tmp_path) for _ in range(2))
    cold.pop("late"), warm.pop("late")
    assert warm == cold
    assert len(plans(tmp_path)) == 1


FAILING = """
import sys, json
import numpy as np
import symdiff as sd
n, k = sd.dim("n"), sd.dim("k")
x, y = sd.input("x", (n, 5)), sd.input("y", (n,), dtype="int32")
w = sd.param("w", (5, 3))
step = sd.train_step(sd.losses.softmax_cross_entropy(x @ w, y), [x, y], sd.optim.sgd(0.1))
train, state = sd.compile(step), step.init()
X, Y = np.ones((6, 5)), np.array([0, 1, 2, 0, 7, 1], "int32")
a = sd.input("a", (2, 2))
invert = sd.compile(sd.inv(a))
c = sd.input("c", ())
endless = sd.compile(sd.while_loop(lambda c: c < 1e9, lambda c: c + 1, c, max_steps=9))
inner = sd.compile(sd.scan(lambda c, row: (c + sd.take(x[0], row), ()), c, y)[0], inputs=[c, x, y])
short = sd.compile(x[:, 0][k:], inputs=[x, sd.input("z", (k,))])
def failing(call, *arguments, **more):
    try:
        call(*arguments, **more)
    except Exception as error:
        return [type(error).__name__, str(error)]
found = {
    "index": failing(train, state, X, Y),
    "index in fit": failing(train.fit, state, X, Y, batch_size=2, epochs=1, progress=False, shuffle=False),
    "singular": failing(invert, np.zeros((2, 2))),
    "endless": failing(endless, 0.0),
    "inside": failing(inner, 0.0, X, Y),
    "size": failing(short, X, np.ones(7)),
}
assert all(found.values()), found
"""


def test_errors_of_a_warm_start_are_the_same(tmp_path: Path) -> None:
    cold, warm = (run(FAILING, tmp_path) for _ in range(2))
    assert len(plans(tmp_path)) == 5
    cold.pop("late"), warm.pop("late")
    assert warm == cold
    assert "index 7 at [4] of y" in cold["index"][1] and "<string>:8" in cold["index"][1]


def test_a_run_of_fit_after_a_warm_start_is_the_same(tmp_path: Path) -> None:
    fit = """
history = train.fit(state, X, Y, batch_size=3, epochs=5, validation=(X, Y), progress=False)
found |= {"steps": history.steps["loss"].tolist(), "w": state["w"].tolist(), "val": list(history["val_loss"])}
"""
    cold, warm = (run(STEP + fit, tmp_path) for _ in range(2))
    cold.pop("late"), warm.pop("late")
    assert warm == cold


def test_processes_of_other_hash_seeds_make_the_same_plan(tmp_path: Path) -> None:
    for seed in ("1", "2"):
        run(STEP, tmp_path / seed, PYTHONHASHSEED=seed)
        run(LOOP, tmp_path / seed, PYTHONHASHSEED=seed)
    assert len(plans(tmp_path / "1")) == 2
    assert plans(tmp_path / "1") == plans(tmp_path / "2")


def test_processes_at_once(tmp_path: Path) -> None:
    processes = [start(STEP + WITNESS + REPORT, tmp_path) for _ in range(4)]
    found = [json.loads(process.communicate(timeout=240)[0])["losses"] for process in processes]
    assert all(losses == found[0] for losses in found)
    assert run(STEP, tmp_path)["late"] == []
    assert not list(tmp_path.glob("*.tmp"))


# -- damage


def damaged(content: bytes) -> bytes:
    return content[:-20] + bytes(20)


@pytest.mark.parametrize("damage", [damaged, lambda content: content[:100], lambda content: b""])
def test_a_damaged_plan_is_made_again(damage: Callable[[bytes], bytes], tmp_path: Path) -> None:
    expected = run(STEP, tmp_path)["losses"]
    (plan,) = tmp_path.glob("*.plan")
    whole = plan.read_bytes()
    plan.write_bytes(damage(whole))
    found = run(STEP, tmp_path)
    assert found["losses"] == expected and "symdiff.lower.lower" in found["late"]
    assert plan.read_bytes() == whole
    assert run(STEP, tmp_path)["late"] == []


def test_a_plan_whose_code_is_gone_is_made_again(tmp_path: Path) -> None:
    expected = run(STEP, tmp_path)["losses"]
    for code in tmp_path.glob("*.o"):
        code.unlink()
    found = run(STEP, tmp_path)
    assert found["losses"] == expected and "symdiff.lower.lower" in found["late"]
    assert run(STEP, tmp_path)["late"] == []


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    broken = "import tempfile\ndef fail(*_, **__): raise OSError(30, 'read-only')\ntempfile.mkstemp = fail\n"
    first, second = (run(broken + STEP, tmp_path) for _ in range(2))
    assert first == second
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("setting", [{"SYMDIFF_PLANS": "none"}, {"SYMDIFF_THREADS": "3"}, {"SYMDIFF_BLAS": "numpy"}])
def test_settings_have_plans_of_their_own(setting: Mapping[str, str], tmp_path: Path) -> None:
    run(STEP, tmp_path)
    assert "symdiff.lower.lower" in run(STEP, tmp_path, **setting)["late"]
    assert len(plans(tmp_path)) == (1 if "SYMDIFF_PLANS" in setting else 2)


def test_products_and_lapack_of_others(tmp_path: Path) -> None:
    """Addresses of functions that are not our code are asked for anew."""
    program = """
import sys, json
import numpy as np
import symdiff as sd
a = sd.input("a", (40, 40))
f = sd.compile([sd.cholesky(a @ a.T + 40 * sd.eye(40)), sd.inv(a)])
values = f(np.random.default_rng(0).normal(size=(40, 40)))
found = {"values": [np.asarray(value).tolist() for value in values]}
"""
    cold, warm = (run(program, tmp_path, SYMDIFF_BLAS="openblas") for _ in range(2))
    assert "symdiff.lower.lower" in cold.pop("late") and "symdiff.lower.lower" not in warm.pop("late")
    assert warm == cold


# -- keys


def graph_of(build: Callable[[sd.Node, sd.Node], Any], name: str = "graph") -> Graph:
    x, y = sd.input("x", (n, 4)), sd.input("y", (n, 4))
    return Graph(build(x, y), [x, y], name=name)


GRAPHS: dict[str, Callable[[sd.Node, sd.Node], Any]] = {
    "sum": lambda x, y: x + y,
    "difference": lambda x, y: x - y,
    "swapped": lambda x, y: y - x,
    "named": lambda x, y: {"z": x + y},
    "twice": lambda x, y: [x + y, x + y],
    "constant": lambda x, y: x + 1.0,
    "other constant": lambda x, y: x + 2.0,
    "negative zero": lambda x, y: x + -0.0,
    "zero": lambda x, y: x + 0.0,
    "array": lambda x, y: x + np.arange(4.0),
    "other array": lambda x, y: x + np.arange(4.0)[::-1],
    "other dtype": lambda x, y: x.astype("float32"),
    "axis 0": lambda x, y: sd.sum(x, axis=0),
    "axis 1": lambda x, y: sd.sum(x, axis=1),
    "kept": lambda x, y: sd.sum(x, axis=1, keepdims=True),
    "rows": lambda x, y: x[1:],
    "more rows": lambda x, y: x[2:],
    "size": lambda x, y: x * sd.size(n),
    "twice the size": lambda x, y: x * sd.size(2 * n),
    "scan": lambda x, y: sd.scan(lambda c, row: (c + row, c), y[0], x)[1],
    "other scan": lambda x, y: sd.scan(lambda c, row: (c - row, c), y[0], x)[1],
    "reversed scan": lambda x, y: sd.scan(lambda c, row: (c + row, c), y[0], x, reverse=True)[1],
    "branch": lambda x, y: sd.cond(sd.sum(x) > 0, lambda: x, lambda: y),
    "other branch": lambda x, y: sd.cond(sd.sum(x) > 0, lambda: y, lambda: x),
}


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SYMDIFF_CACHE_DIR", str(tmp_path))
    monkeypatch.delenv("SYMDIFF_PLANS", raising=False)
    files = own_files.digests()._replace(imported=True)
    monkeypatch.setattr(own_files, "digests", lambda: files)


@pytest.mark.usefixtures("keys")
def test_what_differs_has_another_key() -> None:
    x, y = sd.input("x", (n, 4)), sd.input("y", (n, 4))
    w = sd.param("w", (4,))
    plain = graph_of(GRAPHS["sum"])
    found = {name: kept.key(graph_of(build), None, None) for name, build in GRAPHS.items()} | {
        "other order": kept.key(Graph(x + y, [y, x]), None, None),
        "other shape": kept.key(Graph(sd.input("x", (m, 4)) + sd.input("y", (m, 4))), None, None),
        "other name": kept.key(graph_of(GRAPHS["sum"], "other"), None, None),
        "parameter": kept.key(Graph(x + w, [x]), None, None),
        "update": kept.key(Graph(x + w, [x], updates={w: w + x[0]}), None, None),
        "other update": kept.key(Graph(x + w, [x], updates={w: w * x[0]}), None, None),
        "no passes": kept.key(plain, (), None),
        "fast passes": kept.key(plain, (*DEFAULT, *FAST), None),
        "some passes": kept.key(plain, DEFAULT[:2], None),
        "budget": kept.key(plain, None, Budget(1000, {"n": 3})),
        "other budget": kept.key(plain, None, Budget(2000, {"n": 3})),
        "other size": kept.key(plain, None, Budget(1000, {"n": 4})),
    }
    assert None not in found.values()
    assert len(set(found.values())) == len(found)


@pytest.mark.usefixtures("keys")
def test_lines_and_names_decide_nothing() -> None:
    """Neither the key nor the plan: with other names, a program has the same steps in the same order."""
    plain = decided(lambda node, name: node)
    named = decided(lambda node, name: node.named(name))
    assert plain[0] == named[0] is not None
    assert plain[1] != named[1]
    assert same(plain[2], named[2])


def decided(named: Callable[[sd.Node, str], sd.Node]) -> tuple[str | None, str, Plan]:
    """Key, text and plan of a model. Its nodes are gone afterwards, or those of the next would have their names."""
    x, y, w = sd.input("x", (n, 4)), sd.input("y", (n,), dtype="int64"), sd.param("w", (4, 3))
    h = named(sd.tanh(x @ w), "zeta")
    h = named(sd.softmax(named(h - sd.mean(h, axis=1, keepdims=True), "alpha") @ w.T), "mu") @ w
    loss = sd.losses.softmax_cross_entropy(h, y)
    graph = Graph([loss, sd.grad(loss, w)], [x, y])
    return kept.key(graph, None, None), str(graph), plan_of(graph)


@pytest.mark.usefixtures("keys")
def test_around_the_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    def key() -> str | None:
        return kept.key(graph_of(GRAPHS["sum"]), None, None)

    files, found = own_files.digests(), [key()]
    monkeypatch.setattr(own_files, "digests", lambda: files._replace(package="other files"))
    found.append(key())
    monkeypatch.setattr(np, "__version__", "99")
    found.append(key())
    monkeypatch.setattr(kept.native, "versions", lambda: ("other compiler",))
    found.append(key())
    assert None not in found and len(set(found)) == len(found)
    monkeypatch.setattr(own_files, "digests", lambda: files._replace(imported=False))
    assert key() is None


double = sd.elementwise("double_in_a_test", "x + x", ["x"])
custom = sd.custom_vjp(lambda x: x * 2, lambda ct, out, x: [ct * 2])


@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize("foreign", [double, custom], ids=["operator", "custom function"])
def test_what_a_digest_cannot_hold_has_no_key(foreign: Callable[[sd.Node], sd.Node]) -> None:
    assert kept.key(graph_of(lambda x, y: foreign(x) + y), None, None) is None
    inside = graph_of(lambda x, y: sd.scan(lambda c, row: (foreign(c) + row, c), y[0], x)[1])
    assert kept.key(inside, None, None) is None


@pytest.mark.usefixtures("keys")
def test_passes_that_are_not_ours_have_no_key() -> None:
    def own(graph: Graph) -> Graph:
        return graph

    plain = graph_of(GRAPHS["sum"])
    assert kept.key(plain, [own], None) is None
    assert kept.key(plain, [*DEFAULT, lambda graph: graph], None) is None


# -- our files


def test_files_changed_since_they_were_imported_are_not_those_that_run(monkeypatch: pytest.MonkeyPatch) -> None:
    package, compiler, _ = own_files.digests.__wrapped__()
    monkeypatch.setattr(own_files, "IMPORT_BEGAN", 0.0)
    assert own_files.digests.__wrapped__() == (package, compiler, False)
    assert not own_files.are_unchanged()


def test_where_there_are_no_files_nothing_that_was_kept_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_files, "_seen", list)
    first, second = (own_files.digests.__wrapped__() for _ in range(2))
    assert not first.imported and not second.imported
    assert len({first.package, first.compiler, second.package, second.compiler}) == 2


def test_the_digest_of_the_files_is_found_again_and_follows_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "runtime").mkdir()
    files = tmp_path / "one.py", tmp_path / "runtime" / "two.py"
    monkeypatch.setattr(own_files, "_PACKAGE", str(tmp_path))
    monkeypatch.setattr(own_files, "IMPORT_BEGAN", 1e12)
    monkeypatch.setenv("SYMDIFF_CACHE_DIR", str(tmp_path / "cache"))
    found = []
    for contents in (("a", "b"), ("c", "b"), ("c", "d")):
        for path, content in zip(files, contents, strict=True):
            path.write_text(content)
        found.append(own_files.digests.__wrapped__())
        with monkeypatch.context() as patch:
            patch.setattr(own_files, "_read", lambda seen: pytest.fail("what was read before is read again"))
            assert own_files.digests.__wrapped__() == found[-1]
    (package_1, compiler_1, _), (package_2, compiler_2, _), (package_3, compiler_3, _) = found
    assert len({package_1, package_2, package_3}) == 3
    assert compiler_1 == compiler_2 != compiler_3


# -- plans as bytes


def plan_of(graph: Graph) -> Plan:
    return Table(Module(lower(optimize(graph)[0]))).plan


def same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other) and type(one) is type(other)


@pytest.mark.parametrize("name", GRAPHS)
def test_a_plan_comes_back_as_it_was(name: str) -> None:
    plan, codes = plan_of(graph_of(GRAPHS[name])), {"kernel 0": ("symbol", "digest"), "board": None}
    again, found = decoded(encoded(plan, codes))
    assert same(again, plan) and found == codes
    assert isinstance(again.words, Words)
    assert all(type(one) is type(two) for one, two in zip(again.outputs, plan.outputs, strict=True))


def test_large_constants_are_not_kept(tmp_path: Path) -> None:
    program = """
import sys, json
import numpy as np
import symdiff as sd
x = sd.input("x", (300, 600))
f = sd.compile(x + np.random.default_rng(0).normal(size=(300, 600)))
found = {"sum": float(f(np.ones((300, 600))).sum())}
"""
    assert run(program, tmp_path)["sum"] == run(program, tmp_path)["sum"]
    assert plans(tmp_path) == {}
