"""The short way from Python into a program and back, as LLVM text: a function that takes arguments like those of the
last call and declines all others.

It reads NumPy's array objects itself. What it has to know is in the *plan*, an array of int64 words, since the text is
the same for all programs; its own object is a tuple whose first item is the plan. From the moment it has the lock to
the moment it gives it back no Python code runs in its thread.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from symdiff.runtime import layout, python_function, walk
from symdiff.runtime.assembly import Function, Variable

ENTRY = "symdiff_entry"

# Words of the plan. What is an object is its address.
TABLE, STEPS, SLOTS = 0, 1, 2
ACQUIRE, RELEASE, FALSE, TRUE, NONE = 3, 4, 5, 6, 7  # methods of the lock, and what they take and give
BUSY = 8  # the address of a word that is not 0 while this thread is inside another call
OPEN = 9  # 0 while every call is to be declined
HAS_STATE, STATE = 10, 11  # 1 if the first argument is a state; a weak reference to it
ARRAY, INPUTS = 12, 13  # numpy.ndarray; how many arrays come after the state
RANGES, FIRST_RANGE = 14, 15  # how many ranges of memory the inputs must keep out of; where they stand in the plan
RESULTS, FIRST_RESULT = 16, 17  # how many results; where they stand in the plan
MAKE = 18  # what makes a result: NumPy's function for new arrays; the class of the mapping
RECORDS = 19  # the address of the results of a step, float64
FIRST_INPUT = 20

# An input is [dtype, slot, bytes, rank, *shape], a range [first address, last address + 1].
INPUT_DTYPE, INPUT_SLOT, INPUT_BYTES, INPUT_RANK, INPUT_SHAPE = range(5)
# A result of a function is [array to make one like, slot], a result of a step is [name, 0].
PAIR = 2

_DECLARATIONS = """
declare ptr @PyTuple_GetItem(ptr, i64)
declare ptr @PyTuple_New(i64)
declare i32 @PyTuple_SetItem(ptr, i64, ptr)
declare i32 @PyDict_SetItem(ptr, ptr, ptr)
declare ptr @PyFloat_FromDouble(double)
declare ptr @PyObject_CallNoArgs(ptr)
declare ptr @PyObject_Vectorcall(ptr, ptr, i64, ptr)
declare void @PyErr_Clear()
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
declare void @Py_IncRef(ptr)
declare void @Py_DecRef(ptr)
"""


def of_step() -> str:
    """The entry of a training step: its results are numbers, and come back in a mapping."""
    return _module(_take_step(), _finish_step())


def of_function() -> str:
    """The entry of a function: its results are new arrays, and come back in a tuple."""
    return _module(_new_arrays(), _drop(), _take_function(), _finish_function())


def _module(*functions: str) -> str:
    shared = (_matches(), _is_apart(), _accepts(), _enter())
    declared = (walk.run(), python_function.DECLARATIONS, _DECLARATIONS)
    return "\n".join([*declared, *shared, *functions])


def _enter() -> str:
    """Run the program and give its results, or None for a call that is declined."""
    f = Function(ENTRY, "ptr %self, ptr %given, i64 %count", result="ptr")
    plan = _field(f, f.let("call ptr @PyTuple_GetItem(ptr %self, i64 0)"), layout.DATA, "ptr")
    kept = f.let(f"alloca i64, i64 {f.word(plan, RESULTS)}")
    none = _object(f, plan, NONE)
    result = f.variable("ptr", none)
    acquired = _called(f, _object(f, plan, ACQUIRE), f.at(plan, "i64", FALSE), 1)
    with f.when(_same(f, acquired, "null")):
        f.set(result, "null")
    f.call("Py_DecRef", f"ptr {acquired}")
    with f.when(_same(f, acquired, _object(f, plan, TRUE))):
        done = f.variable("i1", "false")
        with f.when(f.let(f"call i1 @accepts(ptr {plan}, ptr %given, i64 %count)")):
            f.set(done, f.let(f"call i1 @take(ptr {plan}, ptr {kept})"))
        f.call("Py_DecRef", f"ptr {_called(f, _object(f, plan, RELEASE), 'null', 0)}")
        with f.when(f.get(done)):
            f.set(result, f.let(f"call ptr @finish(ptr {plan}, ptr {kept})"))
    with f.when(_same(f, f.get(result), none)):
        f.call("Py_IncRef", f"ptr {none}")
    return f.text(f"ptr {f.get(result)}")


# -- the arguments


def _accepts() -> str:
    """Whether all arguments are as planned. The slots are told where those are that were looked at."""
    f = Function("accepts", "ptr %plan, ptr %given, i64 %count", result="i1")
    has_state, inputs = f.word("%plan", HAS_STATE), f.word("%plan", INPUTS)
    busy = f.let(f"load i64, ptr {_object(f, '%plan', BUSY)}")
    good = f.variable("i1", f.let(f"icmp ne i64 {f.word('%plan', OPEN)}, 0"))
    _require(f, good, f.equal(busy, 0))
    _require(f, good, f.equal("%count", f.add(has_state, inputs)))
    with f.when(f.both(f.get(good), f.less(0, has_state))):
        state = _object(f, "%given", 0)
        _require(f, good, _same(f, state, _field(f, _object(f, "%plan", STATE), layout.REFERENT, "ptr")))
        _require(f, good, f.let(f"icmp ne ptr {state}, {_object(f, '%plan', NONE)}"))
    arrays, slots = f.at("%given", "ptr", has_state), _object(f, "%plan", SLOTS)
    wanted = f.variable("ptr", f.at("%plan", "i64", FIRST_INPUT))
    with _each(f, inputs, good) as k:
        array, description = _object(f, arrays, k), f.get(wanted)
        f.set(good, f.let(f"call i1 @matches(ptr {array}, ptr {description}, ptr {_object(f, '%plan', ARRAY)})"))
        with f.when(f.get(good)):
            data, size = _field(f, array, layout.DATA, "i64"), f.word(description, INPUT_BYTES)
            f.set(good, f.let(f"call i1 @is_apart(i64 {data}, i64 {size}, ptr %plan)"))
            f.do(f"store i64 {data}, ptr {f.at(slots, 'i64', f.word(description, INPUT_SLOT))}")
        f.set(wanted, f.at(description, "i64", f.add(f.word(description, INPUT_RANK), INPUT_SHAPE)))
    return f.text(f"i1 {f.get(good)}")


def _matches() -> str:
    """Whether an object is an array of the dtype and shape that an input has, ready to be read."""
    f = Function("matches", "ptr %object, ptr %input, ptr %array_type", result="i1")
    good = f.variable("i1", _same(f, _field(f, "%object", layout.TYPE, "ptr"), "%array_type"))
    with f.when(f.get(good)):
        rank = f.let(f"sext i32 {_field(f, '%object', layout.RANK, 'i32')} to i64")
        flags = f.let(f"and i32 {_field(f, '%object', layout.FLAGS, 'i32')}, {layout.READY}")
        _require(f, good, _same(f, _field(f, "%object", layout.DTYPE, "ptr"), _object(f, "%input", INPUT_DTYPE)))
        _require(f, good, f.equal(rank, f.word("%input", INPUT_RANK)))
        _require(f, good, f.let(f"icmp eq i32 {flags}, {layout.READY}"))
        with f.when(f.get(good)):
            shape, wanted = _field(f, "%object", layout.SHAPE, "ptr"), f.at("%input", "i64", INPUT_SHAPE)
            with _each(f, rank, good) as axis:
                f.set(good, f.equal(f.word(shape, axis), f.word(wanted, axis)))
    return f.text(f"i1 {f.get(good)}")


def _is_apart() -> str:
    """Whether memory lies outside what the program writes."""
    f = Function("is_apart", "i64 %data, i64 %size, ptr %plan", result="i1")
    good, end = f.variable("i1", "true"), f.add("%data", "%size")
    first = f.at("%plan", "i64", f.word("%plan", FIRST_RANGE))
    with _each(f, f.word("%plan", RANGES), good) as k:
        place = f.mul(k, PAIR)
        before = f.let(f"icmp ule i64 {end}, {f.word(first, place)}")
        after = f.let(f"icmp ule i64 {f.word(first, f.add(place, 1))}, %data")
        f.set(good, f.any(before, after))
    return f.text(f"i1 {f.get(good)}")


# -- the results: kept apart while the lock is held, made into objects for Python afterwards


def _run(f: Function) -> str:
    """Whether the program ran to its end."""
    table, steps, slots = _object(f, "%plan", TABLE), f.word("%plan", STEPS), _object(f, "%plan", SLOTS)
    failed = python_function.unlocked(f, f"call i64 @run(ptr {table}, i64 {steps}, ptr {slots})")
    return f.equal(failed, 0)


def _take_step() -> str:
    f = Function("take", "ptr %plan, ptr %kept", result="i1")
    done, records = _run(f), _object(f, "%plan", RECORDS)
    size = f.mul(f.word("%plan", RESULTS), 8)
    f.call("llvm.memcpy.p0.p0.i64", "ptr %kept", f"ptr {records}", f"i64 {size}", "i1 false")
    return f.text(f"i1 {done}")


def _finish_step() -> str:
    f = Function("finish", "ptr %plan, ptr %kept", result="ptr")
    metrics = f.let(f"call ptr @PyObject_CallNoArgs(ptr {_object(f, '%plan', MAKE)})")
    good = f.variable("i1", f.let(f"icmp ne ptr {metrics}, null"))
    with _each(f, f.word("%plan", RESULTS), good) as k:
        name = _object(f, _result(f, k), 0)
        number = f.let(f"load double, ptr {f.at('%kept', 'i64', k)}")
        value = f.let(f"call ptr @PyFloat_FromDouble(double {number})")
        f.set(good, f.let(f"icmp ne ptr {value}, null"))
        with f.when(f.get(good)):
            code = f.let(f"call i32 @PyDict_SetItem(ptr {metrics}, ptr {name}, ptr {value})")
            f.set(good, f.let(f"icmp eq i32 {code}, 0"))
            f.call("Py_DecRef", f"ptr {value}")
    with f.when(f.negated(f.get(good))):
        f.call("Py_DecRef", f"ptr {metrics}")
    return f.text(f"ptr {f.select(f.get(good), 'ptr', metrics, 'null')}")


def _take_function() -> str:
    f = Function("take", "ptr %plan, ptr %kept", result="i1")
    done = f.variable("i1", f.let("call i1 @new_arrays(ptr %plan, ptr %kept)"))
    with f.when(f.get(done)):
        f.set(done, _run(f))
    with f.when(f.negated(f.get(done))):
        f.call("drop", "ptr %plan", "ptr %kept")
    return f.text(f"i1 {f.get(done)}")


def _new_arrays() -> str:
    """Arrays for the results, which the slots are told of. What there is no memory for is null."""
    f = Function("new_arrays", "ptr %plan, ptr %kept", result="i1")
    make, slots, good = _object(f, "%plan", MAKE), _object(f, "%plan", SLOTS), f.variable("i1", "true")
    with f.loop(f.word("%plan", RESULTS)) as k:
        result = _result(f, k)
        array = f.let(f"call ptr {make}(ptr {_object(f, result, 0)}, i32 0, ptr null, i32 0)")
        f.do(f"store ptr {array}, ptr {f.at('%kept', 'ptr', k)}")
        with f.when(_same(f, array, "null")) as otherwise:
            f.set(good, "false")
            f.call("PyErr_Clear")
            otherwise()
            f.do(f"store i64 {_field(f, array, layout.DATA, 'i64')}, ptr {f.at(slots, 'i64', f.word(result, 1))}")
    return f.text(f"i1 {f.get(good)}")


def _drop() -> str:
    f = Function("drop", "ptr %plan, ptr %kept")
    with f.loop(f.word("%plan", RESULTS)) as k:
        f.call("Py_DecRef", f"ptr {_object(f, '%kept', k)}")
    return f.text()


def _finish_function() -> str:
    f = Function("finish", "ptr %plan, ptr %kept", result="ptr")
    count = f.word("%plan", RESULTS)
    results = f.let(f"call ptr @PyTuple_New(i64 {count})")
    with f.when(_same(f, results, "null")) as otherwise:
        f.call("drop", "ptr %plan", "ptr %kept")
        otherwise()
        with f.loop(count) as k:
            f.let(f"call i32 @PyTuple_SetItem(ptr {results}, i64 {k}, ptr {_object(f, '%kept', k)})")
    return f.text(f"ptr {results}")


# -- words and fields


def _object(f: Function, words: str, place: str | int) -> str:
    return f.let(f"load ptr, ptr {f.at(words, 'i64', place)}")


def _field(f: Function, owner: str, offset: int, kind: str) -> str:
    return f.let(f"load {kind}, ptr {f.at(owner, 'i8', offset)}")


def _result(f: Function, k: str) -> str:
    """Where result k is described."""
    first = f.at("%plan", "i64", f.word("%plan", FIRST_RESULT))
    return f.at(first, "i64", f.mul(k, PAIR))


def _called(f: Function, method: str, arguments: str, count: int) -> str:
    return f.let(f"call ptr @PyObject_Vectorcall(ptr {method}, ptr {arguments}, i64 {count}, ptr null)")


@contextmanager
def _each(f: Function, count: str, good: Variable) -> Iterator[str]:
    """for k in range(count), as long as `good`"""
    counter = f.variable("i64", 0)
    with f.repeat(lambda: f.both(f.get(good), f.less(f.get(counter), count))):
        k = f.get(counter)
        yield k
        f.set(counter, f.add(k, 1))


def _same(f: Function, one: str, other: str) -> str:
    return f.let(f"icmp eq ptr {one}, {other}")


def _require(f: Function, good: Variable, condition: str) -> None:
    f.set(good, f.both(f.get(good), condition))
