"""``graph.formula``: balanced LaTeX that matplotlib's mathtext sets where it can."""

import re

import pytest
from matplotlib.mathtext import MathTextParser

import symdiff as sd
from symdiff.inspect.latex import latex_name

from .models import MODELS, digits

PARSER = MathTextParser("path")


def check_latex(text):
    """Braces, environments and \\left ... \\right are balanced, and each line is one that mathtext can set."""
    depth = 0
    for token in re.findall(r"(?<!\\)[{}]", text):
        depth += 1 if token == "{" else -1
        assert depth >= 0, text
    assert depth == 0, text
    assert text.count(r"\left") == text.count(r"\right"), text
    open_ones = []
    for kind, name in re.findall(r"\\(begin|end)\{(\w+)\}", text):
        if kind == "begin":
            open_ones.append(name)
        else:
            assert open_ones.pop() == name, text
    assert not open_ones, text
    body = re.sub(r"\\(begin|end)\{aligned\}", "", text)
    for line in body.split("\\\\\n"):
        if "cases" not in line:  # which mathtext does not know
            PARSER.parse(f"${line.replace('&', ' ').strip()}$")


@pytest.mark.parametrize("name", MODELS)
def test_every_node_of_the_models(name):
    graph = MODELS[name]()
    for node in graph.nodes:
        check_latex(graph.formula(node))


def test_formula_is_pinned(golden):
    golden("inspect/digits_formula", digits().formula("d_W1"))


X, Y, S, V = sd.input("fx", (3, 4)), sd.input("fy", (3, 4)), sd.input("s"), sd.input("fv", (4,))


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (X * Y, r"\mathrm{fx} \odot \mathrm{fy}"),
        (2 * X, r"2 \, \mathrm{fx}"),
        (sd.polygamma(2, S), r"\psi^{(2)}\left(s\right)"),
        (sd.lgamma(S + 1), r"\log \Gamma\left(s + 1\right)"),
        (sd.floor(S), r"\left\lfloor s \right\rfloor"),
        (sd.hypot(S, S + 1), r"\sqrt{s^{2} + \left(s + 1\right)^{2}}"),
        (sd.gammainc(S, 2), r"P\left(s, 2\right)"),
        (sd.cbrt(S), r"\sqrt[3]{s}"),
        (sd.logaddexp(S, 1), r"\log\left(e^{s} + e^{1}\right)"),
        (2 * sd.expm1(S), r"2 \, \left(e^{s} - 1\right)"),
        (sd.arcsinh(S), r"\operatorname{arsinh}\left(s\right)"),
        ((S + 1) * S, r"\left(s + 1\right) \, s"),
        (S / (S + 1), r"\frac{s}{s + 1}"),
        ((S / 2) ** 2, r"\left(\frac{s}{2}\right)^{2}"),
        (-(S + 1), r"-\left(s + 1\right)"),
        (S - (-S), r"s - \left(-s\right)"),
        ((X + Y).T @ X, r"\left(\mathrm{fx} + \mathrm{fy}\right)^{\top} \mathrm{fx}"),
        (sd.sum(X, axis=0), r"\sum_{i} \mathrm{fx}"),
        (sd.sum(X), r"\sum_{i,j} \mathrm{fx}"),
        (sd.sum(X + Y, axis=1) * 2, r"\left(\sum_{j} \left(\mathrm{fx} + \mathrm{fy}\right)\right) \, 2"),
        (sd.mean(X, axis=1), r"\frac{1}{4} \sum_{j} \mathrm{fx}"),
        (sd.sqrt(sd.sum(V * V)), r"\left\| \mathrm{fv} \right\|"),
        (sd.sqrt(sd.sum(V**2)), r"\left\| \mathrm{fv} \right\|"),
        (sd.softmax(X), r"\operatorname{softmax}\left(\mathrm{fx}\right)"),
        (sd.softmax(X, axis=0), r"\operatorname{softmax}_{i}\left(\mathrm{fx}\right)"),
        (sd.log_softmax(X), r"\operatorname{log\_softmax}\left(\mathrm{fx}\right)"),
        (sd.logsumexp(X, axis=1), r"\log \sum_{j} \exp\left(\mathrm{fx}\right)"),
        (sd.max(X, axis=1), r"\max_{j} \mathrm{fx}"),
        (sd.exp(-S), r"\exp\left(-s\right)"),
        (abs(S), r"\left| s \right|"),
        (sd.relu(S), r"\max\left(0, s\right)"),
        (sd.where(S > 0, S, -S), r"\begin{cases} s & \text{if } s > 0 \\ -s & \text{otherwise} \end{cases}"),
        (S * 2.5e-8, r"s \, \left(2.5 \cdot 10^{-8}\right)"),
        (S * sd.size(2 * sd.dim("batch") + 1), r"s \, \left(2 \, \mathrm{batch} + 1\right)"),
        (V[1], r"\mathrm{fv}\left[1\right]"),
        (sd.broadcast_to(S, (2, 3)), r"s \, \mathbf{1}_{2 \times 3}"),
        (X @ sd.permute_dims(sd.input("f3", (5, 4, 3)), (0, 1, 2)), r"\mathrm{fx} f_{3}"),
    ],
)
def test_forms(node, expected):
    text = sd.Graph({"q": node}).formula("q")
    check_latex(text)
    assert text == "\\begin{aligned}\n" + f"q &= {expected}" + "\n\\end{aligned}"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("W1", "W_{1}"),
        ("d_W1", r"\bar{W}_{1}"),
        ("d_W1_from_z1", r"\bar{W}_{1}^{(z_{1})}"),
        ("d_d_x", r"\overline{\bar{x}}"),
        ("alpha_2", r"\alpha_{2}"),
        ("lambda_", r"\lambda"),
        ("d_alpha", r"\bar{\alpha}"),
        ("x_train", r"x_{\mathrm{train}}"),
        ("d_logits", r"\overline{\mathrm{logits}}"),
        ("A_1_2", r"A_{1,2}"),
        ("_x", r"\mathrm{\_x}"),
        ("a1b", r"\mathrm{a1b}"),
        ("cross_entropy_1", r"\mathrm{cross}_{\mathrm{entropy},1}"),
    ],
)
def test_names(name, expected):
    assert latex_name(name) == expected
    check_latex(latex_name(name))


def test_a_formula_has_only_what_the_node_needs():
    text = digits().formula("a1")
    assert text.count("&=") == 2
    assert digits().formula("image") == r"\mathrm{image}"
