"""Dual numbers: a value with its derivatives, carried through the same formulas (Griewank and Walther, "Evaluating Derivatives", 2008, chapter 3).

A formula that is called with duals gives its derivatives, whatever its numbers are: Python's, NumPy's, or traced ones. So a
row of the tables is written once, and its gradient cannot disagree with it. Values and derivatives may be duals themselves,
for second derivatives. Where a formula has a kink, the derivative is the one to the right.

Derivatives that are 0 are left out, so what does not depend on anything costs nothing.
"""

import numpy as np


class Dual:
    """``value`` and the derivatives ``slopes``, by what they are taken with respect to."""

    def __init__(self, value, slopes):
        self.value, self.slopes = value, slopes

    def __bool__(self):
        raise TypeError("asks whether a traced value is true; choose with np.where")

    def __array_ufunc__(self, ufunc, method, *inputs, **keywords):
        rule = RULES.get(ufunc)
        if rule is None or method != "__call__" or keywords:
            raise TypeError(f"calls np.{ufunc.__name__}")
        return rule(*inputs)

    def __array_function__(self, function, kinds, inputs, keywords):
        if function is not np.where or keywords or len(inputs) != 3:
            raise TypeError(f"calls np.{function.__name__}")
        return where(*inputs)

    def __add__(self, other):
        return add(self, other)

    def __radd__(self, other):
        return add(other, self)

    def __sub__(self, other):
        return subtract(self, other)

    def __rsub__(self, other):
        return subtract(other, self)

    def __mul__(self, other):
        return multiply(self, other)

    def __rmul__(self, other):
        return multiply(other, self)

    def __truediv__(self, other):
        return divide(self, other)

    def __rtruediv__(self, other):
        return divide(other, self)

    def __pos__(self):
        return self

    def __neg__(self):
        return scaled(self, -1.0)

    def __abs__(self):
        return absolute(self)

    def __pow__(self, exponent):
        return power(self, exponent)

    def __lt__(self, other):
        return value_of(self) < value_of(other)

    def __le__(self, other):
        return value_of(self) <= value_of(other)

    def __gt__(self, other):
        return value_of(self) > value_of(other)

    def __ge__(self, other):
        return value_of(self) >= value_of(other)

    def __eq__(self, other):
        return value_of(self) == value_of(other)

    def __ne__(self, other):
        return value_of(self) != value_of(other)

    __hash__ = None


def value_of(a):
    """The value of a dual or of a number."""
    return a.value if isinstance(a, Dual) else a


def plain(number):
    """The value of a number, of a dual or of one of duals."""
    while isinstance(number, Dual):
        number = number.value
    return number


def slopes_of(a):
    """The derivatives of a dual or of a number."""
    return a.slopes if isinstance(a, Dual) else {}


def marked(numbers, first=0):
    """Numbers as duals, so that derivatives by each are known, under the places from ``first`` on."""
    return [Dual(number, {i: 1.0}) for i, number in enumerate(numbers, first)]


def times(a, b):
    """A product without what is known to be 0 or 1."""
    if isinstance(a, (int, float)) and a == 1:
        return b
    if isinstance(b, (int, float)) and b == 1:
        return a
    return a * b


def gathered(value, *parts):
    """A value whose derivatives are sums of ``factor`` times those of a number, for each (factor, number)."""
    slopes = {}
    for factor, number in parts:
        if isinstance(factor, (int, float)) and factor == 0:
            continue
        for name, slope in slopes_of(number).items():
            more = times(factor, slope)
            slopes[name] = slopes[name] + more if name in slopes else more
    slopes = {name: slope for name, slope in slopes.items() if not (isinstance(slope, (int, float)) and slope == 0)}
    return Dual(value, slopes) if slopes else value


def add(a, b):
    """The sum rule."""
    return gathered(value_of(a) + value_of(b), (1.0, a), (1.0, b))


def subtract(a, b):
    """The same of a difference."""
    return gathered(value_of(a) - value_of(b), (1.0, a), (-1.0, b))


def multiply(a, b):
    """The product rule."""
    return gathered(value_of(a) * value_of(b), (value_of(b), a), (value_of(a), b))


def scaled(a, factor):
    """A multiple."""
    return gathered(-value_of(a) if factor == -1.0 else factor * value_of(a), (factor, a))


def divide(a, b):
    """The quotient rule."""
    quotient = value_of(a) / value_of(b)
    inverse = 1.0 / value_of(b)
    return gathered(quotient, (inverse, a), (-quotient * inverse if slopes_of(b) else 0, b))


def power(a, exponent):
    """A whole power."""
    if exponent != int(exponent):
        raise TypeError(f"raises to the power {exponent}, which is no whole number")
    value = value_of(a)
    return gathered(value**exponent, (exponent * value ** (exponent - 1) if exponent else 0, a))


def where(condition, a, b):
    """Where the condition has a kink, the derivative is that of what it picks."""
    condition, first, second = value_of(condition), slopes_of(a), slopes_of(b)
    slopes = {name: np.where(condition, first.get(name, 0.0), second.get(name, 0.0)) for name in {**first, **second}}
    value = np.where(condition, value_of(a), value_of(b))
    return Dual(value, slopes) if slopes else value


def chosen(function, relation):
    """The smaller or the larger of two; where both are equal, the derivative is the smaller or the larger of theirs."""

    def choose(a, b):
        x, y, first, second = value_of(a), value_of(b), slopes_of(a), slopes_of(b)
        slopes = {}
        for name in {**first, **second}:
            p, q = first.get(name, 0.0), second.get(name, 0.0)
            slopes[name] = np.where(relation(x, y), p, np.where(relation(y, x), q, function(p, q)))
        return Dual(function(x, y), slopes) if slopes else function(x, y)

    return choose


def absolute(a):
    """The magnitude; where the number is 0, the derivative is the magnitude of its own."""
    value = value_of(a)
    slopes = {name: np.where(value > 0, s, np.where(value < 0, -s, np.abs(s))) for name, s in slopes_of(a).items()}
    return Dual(np.abs(value), slopes) if slopes else np.abs(value)


def square_root(a):
    """The root."""
    root = np.sqrt(value_of(a))
    return gathered(root, (0.5 / root, a))


def exponential(a):
    """The exponential function."""
    value = np.exp(value_of(a))
    return gathered(value, (value, a))


def step(function):
    """A function that is constant but for its steps."""
    return lambda a: function(value_of(a))


def compared(ufunc):
    """A comparison of values."""
    return lambda a, b: ufunc(value_of(a), value_of(b))


RULES = {
    np.add: add,
    np.subtract: subtract,
    np.multiply: multiply,
    np.true_divide: divide,
    np.negative: lambda a: scaled(a, -1.0),
    np.positive: lambda a: a,
    np.power: power,
    np.floor: step(np.floor),
    np.rint: step(np.rint),
    np.absolute: absolute,
    np.fabs: absolute,
    np.sqrt: square_root,
    np.exp: exponential,
    np.log: lambda a: gathered(np.log(value_of(a)), (1.0 / value_of(a), a)),
    np.sin: lambda a: gathered(np.sin(value_of(a)), (np.cos(value_of(a)), a)),
    np.cos: lambda a: gathered(np.cos(value_of(a)), (-np.sin(value_of(a)), a)),
    np.minimum: chosen(np.minimum, lambda x, y: x < y),
    np.fmin: chosen(np.fmin, lambda x, y: x < y),
    np.maximum: chosen(np.maximum, lambda x, y: x > y),
    np.fmax: chosen(np.fmax, lambda x, y: x > y),
    **{
        ufunc: compared(ufunc)
        for ufunc in (np.less, np.less_equal, np.greater, np.greater_equal, np.equal, np.not_equal)
    },
}
