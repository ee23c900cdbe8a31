"""Scalar functions with branches and loops (core/special): their Python text as LLVM text, and for a saved file.

Every value is a float64 and every condition a bit, so there is nothing to infer: a statement is a few instructions, a
local is a place on the stack, which LLVM turns into registers. What a function may be written with is what stands
here; anything else is an error.
"""

from __future__ import annotations

import ast
import functools
import inspect
import math
from collections.abc import Iterator

from symdiff.core import special
from symdiff.runtime import elementary
from symdiff.runtime.elementary.formula import FLOAT64, literal

_ARITHMETIC = {ast.Add: "fadd", ast.Sub: "fsub", ast.Mult: "fmul", ast.Div: "fdiv"}
_RELATIONS = {ast.Lt: "olt", ast.LtE: "ole", ast.Gt: "ogt", ast.GtE: "oge", ast.Eq: "oeq", ast.NotEq: "une"}
_INTRINSICS = {"sqrt": "sqrt", "floor": "floor", "rint": "rint", "abs": "fabs", "copysign": "copysign"}
_NAMES = {"inf": math.inf, "nan": math.nan, "pi": math.pi}


def symbol(name: str) -> str:
    """What the function is called in LLVM."""
    return f"symdiff.special.{name}"


def arity(name: str) -> int:
    """How many numbers the function takes."""
    return special.FUNCTIONS[name].__code__.co_argcount


@functools.cache
def tree(name: str) -> ast.FunctionDef:
    """The function as it stands in its file."""
    (function,) = ast.parse(inspect.getsource(special.FUNCTIONS[name])).body
    assert isinstance(function, ast.FunctionDef)
    return function


@functools.cache
def called(name: str) -> tuple[str, ...]:
    """The names of the functions and constants it uses, besides Python's own."""
    known = {*special.FUNCTIONS, *elementary.FUNCTIONS, *_INTRINSICS, *_NAMES} - {"abs"}
    names = (node.id for node in ast.walk(tree(name)) if isinstance(node, ast.Name) and node.id in known)
    return tuple(dict.fromkeys(names))


@functools.cache
def needed(name: str) -> tuple[str, ...]:
    """Every name it needs, and they need in turn, in an order in which they can be defined; itself last."""
    if name not in special.FUNCTIONS:
        return (name,)
    return tuple(dict.fromkeys([*(other for callee in called(name) for other in needed(callee)), name]))


@functools.cache
def text(name: str) -> str:
    """LLVM's text of the function."""
    return _Function(tree(name)).text


def saved(name: str) -> str:
    """Python's text of the function, for plain `numba.njit`. Whatever it is given, it computes in float64."""
    head, body = inspect.getsource(special.FUNCTIONS[name]).split("\n", 1)
    head = head.replace(": Any", "").replace(": float", "").replace(" -> Any", "")
    numbers = ", ".join(["float64"] * arity(name))
    kind = "" if tree(name).args.vararg else f'"float64({numbers})", '
    return f'@numba.njit({kind}error_model="numpy")\n{head}\n{body}'


class _Function:
    """Instructions in basic blocks; a block that has ended takes no more."""

    def __init__(self, function: ast.FunctionDef) -> None:
        self.lines: list[str] = []
        self.open = True
        self.count = 0
        names = [argument.arg for argument in function.args.args]
        places = dict.fromkeys([*names, *_assigned(function)])
        self.lines += [f"  %{name}.place = alloca double" for name in places]
        self.lines += [f"  store double %{name}, ptr %{name}.place" for name in names]
        self._block(function.body)
        assert not self.open, f"{function.name} may end without a result"
        parameters = ", ".join(f"double %{name}" for name in names)
        head = f"define internal double @{symbol(function.name)}({parameters}) nounwind memory(none) {{"
        self.text = "\n".join([head, *self.lines, "}\n"])

    # -- instructions

    def _fresh(self, stem: str) -> str:
        self.count += 1
        return f"{stem}{self.count}"

    def _value(self, instruction: str) -> str:
        name = self._fresh("%v")
        self.lines.append(f"  {name} = {instruction}")
        return name

    def _end(self, instruction: str) -> None:
        if self.open:
            self.lines.append(f"  {instruction}")
        self.open = False

    def _begin(self, label: str) -> None:
        self._end(f"br label %{label}")
        self.lines.append(f"{label}:")
        self.open = True

    # -- statements

    def _block(self, statements: list[ast.stmt]) -> None:
        for statement in statements:
            self._statement(statement)

    def _statement(self, node: ast.stmt) -> None:
        match node:
            case ast.Expr(ast.Constant()):
                pass  # the docstring
            case ast.Return(ast.expr() as result):
                self._end(f"ret double {self._number(result)}")
            case ast.Assign([ast.Name(name)], result):
                self._store(name, self._number(result))
            case ast.AugAssign(ast.Name(name) as target, operator, result):
                self._store(name, self._number(ast.BinOp(ast.Name(target.id), operator, result)))
            case ast.If(test, body, orelse):
                self._if(test, body, orelse)
            case ast.While(test, body, []):
                self._while(test, body, [])
            case ast.For(ast.Name(name), ast.Call(ast.Name("range"), bounds), body, []):
                self._range(name, bounds, body)
            case _:
                raise SyntaxError(f"a scalar function cannot have `{ast.unparse(node)}`")

    def _store(self, name: str, value: str) -> None:
        self.lines.append(f"  store double {value}, ptr %{name}.place")

    def _if(self, test: ast.expr, body: list[ast.stmt], orelse: list[ast.stmt]) -> None:
        yes, no, after = (self._fresh(stem) for stem in ("yes", "no", "after"))
        self._end(f"br i1 {self._condition(test)}, label %{yes}, label %{no}")
        self._begin(yes)
        self._block(body)
        joined = self.open
        self._end(f"br label %{after}")
        self._begin(no)
        self._block(orelse)
        if joined or self.open:
            self._begin(after)

    def _while(self, test: ast.expr, body: list[ast.stmt], last: list[ast.stmt]) -> None:
        head, inside, after = (self._fresh(stem) for stem in ("head", "inside", "after"))
        self._begin(head)
        self._end(f"br i1 {self._condition(test)}, label %{inside}, label %{after}")
        self._begin(inside)
        self._block([*body, *last])
        self._end(f"br label %{head}")
        self._begin(after)

    def _range(self, name: str, bounds: list[ast.expr], body: list[ast.stmt]) -> None:
        start, stop, step = bounds if len(bounds) == 3 else [ast.Constant(0), *bounds, ast.Constant(1)][-3:]
        relation = ast.Gt() if isinstance(step, ast.UnaryOp) else ast.Lt()
        self._store(name, self._number(start))
        advance = ast.AugAssign(ast.Name(name), ast.Add(), step)
        self._while(ast.Compare(ast.Name(name), [relation], [stop]), body, [advance])

    # -- expressions

    def _number(self, node: ast.expr) -> str:
        match node:
            case ast.Constant(int() | float() as value):
                return literal(FLOAT64, value)
            case ast.Name(name):
                known = _NAMES.get(name)
                return self._value(f"load double, ptr %{name}.place") if known is None else literal(FLOAT64, known)
            case ast.UnaryOp(ast.USub(), operand):
                return self._value(f"fneg double {self._number(operand)}")
            case ast.BinOp(left, operator, right):
                a, b = self._number(left), self._number(right)
                return self._value(f"{_ARITHMETIC[type(operator)]} double {a}, {b}")
            case ast.IfExp(test, body, orelse):
                condition, yes, no = self._condition(test), self._number(body), self._number(orelse)
                return self._value(f"select i1 {condition}, double {yes}, double {no}")
            case ast.Call(ast.Name("polynomial"), [x, *coefficients]):
                return self._polynomial(x, coefficients)
            case ast.Call(ast.Name(name), arguments):
                passed = ", ".join(f"double {self._number(argument)}" for argument in arguments)
                return self._value(f"call double @{_symbol(name)}({passed})")
            case _:
                raise SyntaxError(f"a scalar function cannot have the number `{ast.unparse(node)}`")

    def _polynomial(self, x: ast.expr, coefficients: list[ast.expr]) -> str:
        argument, *numbers = self._number(x), *map(self._number, coefficients)
        total = numbers.pop()
        for number in reversed(numbers):
            total = self._value(f"call double @llvm.fma.f64(double {total}, double {argument}, double {number})")
        return total

    def _condition(self, node: ast.expr) -> str:
        match node:
            case ast.Compare(left, [operator], [right]):
                a, b = self._number(left), self._number(right)
                return self._value(f"fcmp {_RELATIONS[type(operator)]} double {a}, {b}")
            case ast.BoolOp(operator, [first, *others]):
                joined = self._condition(first)
                for other in others:
                    word = "and" if isinstance(operator, ast.And) else "or"
                    joined = self._value(f"{word} i1 {joined}, {self._condition(other)}")
                return joined
            case _:
                raise SyntaxError(f"a scalar function cannot have the condition `{ast.unparse(node)}`")


def _symbol(name: str) -> str:
    if name in special.FUNCTIONS:
        return symbol(name)
    if name in _INTRINSICS:
        return f"llvm.{_INTRINSICS[name]}.f64"
    return elementary.symbol(name, "float64")


def _assigned(function: ast.FunctionDef) -> Iterator[str]:
    """The names that the function binds."""
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
