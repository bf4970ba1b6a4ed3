"""Dual numbers: each rule against complex or small steps, kinks to the right, second derivatives by duals of duals."""

import math

import numpy as np
import pytest

from spatial_op.kernels import dual, trace
from spatial_op.kernels.dual import Dual, slopes_of, value_of
from spatial_op.operators import formulas

STEP = 1e-30

# Analytic formulas of two numbers, which complex steps differentiate.
SMOOTH = {
    "sum": lambda x, y: x + y + 2,
    "difference": lambda x, y: x - y,
    "from a number": lambda x, y: 3 - x + (np.float64(2) - y),
    "product": lambda x, y: x * y * 3,
    "quotient": lambda x, y: x / y,
    "of a number": lambda x, y: 2 / x + np.float64(3) / y,
    "by a number": lambda x, y: x / 4,
    "sign": lambda x, y: -x + (+y),
    "square": lambda x, y: x**2,
    "cube": lambda x, y: x**3 * y**3,
    "first power": lambda x, y: x**1,
    "power 0": lambda x, y: x**0 * y,
    "inverse": lambda x, y: x**-1,
    "inverse square": lambda x, y: (x * y) ** -2,
    "np.power": lambda x, y: np.power(x, 4),
    "sin": lambda x, y: np.sin(x * y),
    "cos": lambda x, y: np.cos(x - y),
    "exp": lambda x, y: np.exp(x * y),
    "log": lambda x, y: np.log(x * x * y),
    "sqrt": lambda x, y: np.sqrt(x * x + y),
    "functions of NumPy": lambda x, y: np.add(x, np.subtract(y, np.multiply(np.negative(x), np.true_divide(x, y)))),
    "nested": lambda x, y: np.exp(np.sin(x) / np.sqrt(y)) * np.log(y + np.cos(x) ** 2),
}

# Formulas with kinks, and where they are tried; the derivative there is the one to the right in x.
KINKS = {
    "abs": (lambda x: abs(x), (-1.0, 0.0, 2.0)),
    "np.abs": (lambda x: np.abs(-x), (-1.0, 0.0, 2.0)),
    "np.fabs": (lambda x: np.fabs(x * -3), (-1.0, 0.0, 2.0)),
    "floor": (lambda x: np.floor(x) * x, (0.5, 1.0, -1.0)),
    "rint": (lambda x: x - np.rint(x + 0.25), (0.5, 1.25)),
    "minimum": (lambda x: np.minimum(x, 2 - x), (0.0, 1.0, 2.0)),
    "minimum, other order": (lambda x: np.minimum(2 - x, x), (0.0, 1.0, 2.0)),
    "fmin with a number": (lambda x: np.fmin(x * x, 1.0), (0.5, 1.0, -1.0, 3.0)),
    "maximum": (lambda x: np.maximum(x, 2 - x), (0.0, 1.0, 2.0)),
    "fmax of a number": (lambda x: np.fmax(0.0, x), (-1.0, 0.0, 1.0)),
    "where": (lambda x: np.where(x < 1, x * x, 3 * x), (0.5, 1.0, 2.0)),
    "where with numbers": (lambda x: np.where(x >= 1, 5.0, x), (0.5, 1.0)),
    "where with a chain": (lambda x: np.where((x >= 0) & (x < 1) | (x >= 5), -x, x * x), (-1.0, 0.0, 0.5, 1.0, 5.0)),
    "where negated": (lambda x: np.where((x > 0) & (x != 3), x, -x), (-1.0, 3.5, 1.0)),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_rules(name):
    formula = SMOOTH[name]
    for x, y in ((0.7, 1.3), (-0.4, 0.6), (2.0, 3.0)):
        found = formula(Dual(x, {"x": 1.0}), Dual(y, {"y": 1.0}))
        assert value_of(found) == pytest.approx(formula(x, y), rel=1e-15)
        for at, given in (("x", (x + 1j * STEP, y)), ("y", (x, y + 1j * STEP))):
            expected = np.imag(formula(*given)) / STEP
            assert slopes_of(found).get(at, 0.0) == pytest.approx(expected, rel=1e-13, abs=1e-15)


@pytest.mark.parametrize("name", SMOOTH)
def test_rules_of_arrays(name):
    rng = np.random.default_rng(0)
    x, y = rng.uniform(0.5, 2, (2, 7))
    found = SMOOTH[name](Dual(x, {0: 1.0}), y)
    np.testing.assert_allclose(value_of(found), SMOOTH[name](x, y), rtol=1e-15)
    expected = np.imag(SMOOTH[name](x + 1j * STEP, y)) / STEP
    np.testing.assert_allclose(np.broadcast_to(slopes_of(found).get(0, 0.0), 7), expected, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("name", KINKS)
def test_kinks_are_taken_to_the_right(name):
    formula, places = KINKS[name]
    for x in places:
        found, step = formula(Dual(x, {0: 1.0})), 2.0**-30
        assert value_of(found) == formula(x)
        expected = (formula(x + 2 * step) - formula(x + step)) / step
        assert slopes_of(found).get(0, 0.0) == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("name", SMOOTH)
def test_second_derivatives(name):
    """Duals of duals: the first derivative's own derivatives, against the complex step of the first derivative."""
    formula = SMOOTH[name]
    point = {"x": 0.7, "y": 1.3}

    def first(x, y):
        found = slopes_of(formula(Dual(x, {"x": 1.0}), Dual(y, {"y": 1.0})))
        return {at: found.get(at, 0.0) for at in "xy"}

    nested = (Dual(Dual(number, {at: 1.0}), {at: 1.0}) for at, number in point.items())
    found = formula(*nested)
    assert value_of(value_of(found)) == pytest.approx(formula(**point), rel=1e-15)
    for one, slope in first(**point).items():
        outer = slopes_of(found).get(one, 0.0)
        assert value_of(outer) == pytest.approx(slope, rel=1e-13, abs=1e-15)
        assert slopes_of(value_of(found)).get(one, 0.0) == pytest.approx(slope, rel=1e-13, abs=1e-15)
        for other in "xy":
            moved = {**point, other: point[other] + 1j * STEP}
            expected = np.imag(first(**moved)[one]) / STEP
            assert slopes_of(outer).get(other, 0.0) == pytest.approx(expected, rel=1e-12, abs=1e-14)


@pytest.mark.parametrize("name", KINKS)
def test_second_derivatives_beside_kinks(name):
    formula, places = KINKS[name]
    for x in places:
        outer = slopes_of(formula(Dual(Dual(x, {0: 1.0}), {0: 1.0}))).get(0, 0.0)

        def first(x):
            return slopes_of(formula(Dual(x, {0: 1.0}))).get(0, 0.0)

        assert value_of(outer) == first(x)
        expected = (first(x + 2.0**-20) - first(x + 2.0**-21)) * 2.0**21
        assert slopes_of(outer).get(0, 0.0) == pytest.approx(expected, abs=1e-6)


def test_what_is_known_to_be_0_is_left_out():
    x, y = Dual(2.0, {"x": 1.0}), Dual(3.0, {"y": 1.0})
    for formula in (lambda x: np.floor(x), lambda x: np.rint(x), lambda x: x * 0, lambda x: x - x, lambda x: x**0):
        assert not isinstance(formula(x), Dual)
    assert list(slopes_of(x * 1 + 0 * y)) == ["x"]
    assert slopes_of(5.0) == {} and value_of(5.0) == 5.0
    assert set(slopes_of(x * y)) == {"x", "y"}


class Counted:
    """A number that counts the multiplications it takes part in."""

    def __init__(self):
        self.count = 0

    def __mul__(self, other):
        self.count += 1
        return self

    __rmul__ = __mul__


def test_what_is_known_to_be_1_multiplies_nothing():
    number = Counted()
    assert dual.times(1.0, number) is number and dual.times(number, 1) is number and number.count == 0


def test_infinite_and_no_numbers_pass_through():
    for number in (math.nan, math.inf, -math.inf):
        found = Dual(number, {0: 1.0}) * 2 + 1
        assert slopes_of(found) == {0: 2.0}
        np.testing.assert_equal(value_of(found), number * 2 + 1)


def test_what_duals_do_not_know_is_refused():
    x = Dual(0.5, {0: 1.0})
    for wrong in (np.tan, np.clip, bool, lambda x: x**0.5, lambda x: np.where(x), lambda x: np.sin(x, where=True)):
        with pytest.raises(TypeError):
            wrong(x)


def test_all_machines_know_what_rows_may_use():
    """The list that rows are held to, the rules of duals and the functions of traced values."""
    allowed = {*formulas.FUNCTIONS, *formulas.ARITHMETIC, *formulas.COMPARISONS, np.power}
    assert allowed <= set(dual.RULES)
    assert {*allowed, *formulas.JUNCTIONS} <= set(trace.FUNCTIONS)
