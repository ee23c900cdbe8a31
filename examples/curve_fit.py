"""Nonlinear least squares through SciPy, with the exact Jacobian of the model.

The data are "Misra1a" of the Statistical Reference Datasets (NIST): the volume of nitrogen that dental research let
adsorb at 14 pressures, and the model y = b1 (1 - exp(-b2 x)), with certified values of b1 and b2 to compare with.

    python examples/curve_fit.py [--out curve_fit-output]
"""

import numpy as np
from common import extras, options, table

import symdiff as sd

with extras():
    from matplotlib.figure import Figure
    from scipy.optimize import least_squares

X = np.array([77.6, 114.9, 141.1, 190.8, 239.9, 289.0, 332.8, 378.4, 434.8, 477.3, 536.8, 593.1, 689.1, 760.0])
Y = np.array([10.07, 14.73, 17.94, 23.93, 29.61, 35.18, 40.02, 44.82, 50.76, 55.05, 61.01, 66.40, 75.47, 81.78])
CERTIFIED = np.array([2.3894212918e02, 5.5015643181e-04])
CERTIFIED_ERRORS = np.array([2.7070075241e00, 7.2668688436e-06])
START = np.array([500.0, 0.0001])  # the harder of the two that NIST suggests

x, y = sd.input("x", (sd.dim("n"),)), sd.input("y", (sd.dim("n"),))
b1, b2 = sd.input("b1"), sd.input("b2")
model = b1 * (1 - sd.exp(-b2 * x))
residuals = model - y
by_b1, by_b2 = sd.jacobian(residuals, [b1, b2])  # columns, graphs like any other
J = sd.stack([by_b1, by_b2], axis=1)


def fit(jacobian) -> tuple[np.ndarray, int, int]:
    """The parameters found, and how often residuals and Jacobian were computed."""
    run = sd.compile(residuals, inputs=[b1, b2, x, y])
    calls = 0

    def counted(values: np.ndarray) -> np.ndarray:
        nonlocal calls
        calls += 1
        return run(*values, X, Y)

    found = least_squares(counted, START, jac=jacobian, method="lm", xtol=1e-15, ftol=1e-15, gtol=1e-15)
    return found.x, calls, found.njev or 0


def standard_errors(values: np.ndarray) -> np.ndarray:
    """sqrt(diag(s^2 (J^T J)^-1)), with the variance s^2 of the residuals."""
    r, jacobian = sd.compile([residuals, J], inputs=[b1, b2, x, y])(*values, X, Y)
    return np.sqrt(np.diag(np.linalg.inv(jacobian.T @ jacobian)) * (r @ r) / (len(r) - len(values)))


def digits(found: np.ndarray, true: np.ndarray) -> float:
    """How many digits agree: -log10 of the largest relative error."""
    return float(-np.log10(np.max(np.abs(found / true - 1)) + 1e-16))


def main(arguments: list[str] | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Fit with the exact Jacobian and with differences; draw the curve; give parameters and their errors."""
    out = options(__doc__, "curve_fit", arguments).out
    print(sd.Graph({"residuals": residuals, "by_b1": by_b1, "by_b2": by_b2}, inputs=[b1, b2, x, y], name="misra1a"))

    jacobian = sd.compile(J, inputs=[b1, b2, x, y])
    exact, exact_calls, jacobians = fit(lambda values: jacobian(*values, X, Y))
    rough, rough_calls, _ = fit("2-point")
    errors = standard_errors(exact)
    rows = [
        ("exact Jacobian", *map(float, exact), exact_calls, jacobians, f"{digits(exact, CERTIFIED):.1f}"),
        ("differences", *map(float, rough), rough_calls, 0, f"{digits(rough, CERTIFIED):.1f}"),
    ]
    print("\n" + table("fit  b1  b2  calls of residuals  of Jacobian  digits of the certified values", *rows))
    print(f"\nb1 = {exact[0]:.8f} +- {errors[0]:.5f}   certified {CERTIFIED[0]:.8f} +- {CERTIFIED_ERRORS[0]:.5f}")
    print(f"b2 = {exact[1]:.8e} +- {errors[1]:.3e}   certified {CERTIFIED[1]:.8e} +- {CERTIFIED_ERRORS[1]:.3e}")

    line = np.linspace(0, 800, 200)
    curve = sd.compile(model, inputs=[b1, b2, x])
    figure = Figure(figsize=(9, 3.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(X, Y, "o", label="measured")
    left.plot(line, curve(*exact, line), label="fitted")
    left.plot(line, curve(*START, line), ":", label="start")
    left.set(xlabel="pressure", ylabel="volume")
    left.legend()
    right.stem(X, Y - curve(*exact, X))
    right.set(xlabel="pressure", ylabel="measured - fitted")
    figure.savefig(out / "curve_fit.png", dpi=120)
    print(f"\npicture   {out / 'curve_fit.png'}")
    return exact, errors


if __name__ == "__main__":
    main()
