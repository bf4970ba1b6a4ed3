"""What the formulas of the tables' rows may use, and the sentence about one that uses something else.

A formula is called with numbers, with arrays, with dual numbers, and with the vectors that a kernel is traced with. So it may
use what all of these know. Each row is tried once, before anything is computed, with values that know just that. So it is
refused by every call alike, compiled or not, whichever derivatives are asked for.
"""

import functools

import numpy as np

from .. import check
from ..transforms.row import Sizes

FUNCTIONS = (
    np.sin, np.cos, np.exp, np.log, np.sqrt, np.floor, np.rint, np.abs, np.minimum, np.maximum, np.fmin, np.fmax,
)  # fmt: skip
ARITHMETIC = (np.add, np.subtract, np.multiply, np.true_divide, np.negative, np.positive)
COMPARISONS = (np.less, np.less_equal, np.greater, np.greater_equal, np.equal, np.not_equal)
JUNCTIONS = (np.logical_and, np.logical_or, np.bitwise_and, np.bitwise_or, np.logical_not, np.invert)

NAMES = [f"np.{'abs' if function is np.abs else function.__name__}" for function in FUNCTIONS]
CURE = f"use +, -, *, /, ** with whole exponents, comparisons with np.where, {', '.join(NAMES[:-1])} and {NAMES[-1]}"


class Refused(TypeError):
    """What a formula does that it may not."""


def refuse(words):
    """A method that is not allowed."""

    def method(self, *_):
        raise Refused(words)

    return method


def operation(function):
    """The methods of an operation that a function of NumPy's stands for, and of the same with the places changed."""
    return lambda a, b: call(function, a, b), lambda a, b: call(function, b, a)


class Value:
    """A number that a formula is tried with."""

    __add__, __radd__ = operation(np.add)
    __sub__, __rsub__ = operation(np.subtract)
    __mul__, __rmul__ = operation(np.multiply)
    __truediv__, __rtruediv__ = operation(np.true_divide)
    __pow__, __rpow__ = operation(np.power)
    __and__, __rand__ = operation(np.logical_and)
    __or__, __ror__ = operation(np.logical_or)
    __lt__, __le__, __gt__, __ge__, __eq__, __ne__ = (operation(function)[0] for function in COMPARISONS)
    __hash__ = None

    def __neg__(self):
        return call(np.negative, self)

    def __pos__(self):
        return call(np.positive, self)

    def __abs__(self):
        return call(np.abs, self)

    def __invert__(self):
        return call(np.logical_not, self)

    def __array_ufunc__(self, function, method, *inputs, **keywords):
        if method != "__call__" or keywords:
            raise Refused(f"calls np.{function.__name__} with more than values")
        return call(function, *inputs)

    def __array_function__(self, function, kinds, inputs, keywords):
        if function is not np.where:
            raise Refused(f"calls np.{function.__name__}")
        if keywords or len(inputs) != 3:
            raise Refused("calls np.where with other than a condition and two numbers")
        need(Truth, inputs[:1])
        need(Number, inputs[1:])
        return Number()

    __bool__ = refuse("asks whether a value is true, as if, and, or, min and max do")
    __float__ = __int__ = __index__ = __complex__ = __trunc__ = __round__ = __floor__ = __ceil__ = refuse(
        "makes a Python number of a value, as float, round and the module math do"
    )
    __iter__ = __len__ = __getitem__ = __contains__ = refuse("takes a value for several ones")
    __floordiv__ = __rfloordiv__ = refuse("uses //")
    __mod__ = __rmod__ = __divmod__ = __rdivmod__ = refuse("uses %")
    __matmul__ = __rmatmul__ = refuse("uses @")

    def __getattr__(self, name):
        if name.startswith("__"):  # Python and NumPy ask for some that need not be there
            raise AttributeError(name)
        raise Refused(f"asks a value for its {name}")


class Number(Value):
    """What arithmetic gives."""


class Truth(Value):
    """What comparisons give."""


def is_number(value):
    """Whether it can stand for a number of a formula."""
    return isinstance(value, (Number, int, float, np.floating, np.integer))


def need(expected, values):
    """Refuse numbers where truth is expected, the other way round, and what is neither."""
    for value in values:
        if expected is Number and isinstance(value, Truth):
            raise Refused("computes with the result of a comparison")
        if expected is Truth and isinstance(value, Number):
            raise Refused("takes a number for the result of a comparison")
        if not (is_number(value) or isinstance(value, (Truth, bool, np.bool_))):
            raise Refused(f"computes with a {check.kind(value)}")


def call(function, *inputs):
    """What a function of NumPy's gives."""
    if function in JUNCTIONS:
        need(Truth, inputs)
        return Truth()
    if function is np.power:
        need(Number, inputs[:1])
        if isinstance(inputs[1], Value) or not is_number(inputs[1]) or inputs[1] % 1:
            raise Refused("raises to a power that is no whole number")
        return Number()
    if function not in (*FUNCTIONS, *ARITHMETIC, *COMPARISONS):
        raise Refused(f"calls np.{function.__name__}")
    need(Number, inputs)
    return Truth() if function in COMPARISONS else Number()


def trouble(name, function, given, arguments, expected):
    """What is wrong with a formula, and its cure; None if nothing is.

    ``given`` says what it is called with. So many results are expected in a tuple: 0 is any number, None one that is in no tuple.
    """
    try:
        found = function(*arguments)
    except Refused as error:
        return f"{name} {error}", CURE
    except Exception as error:  # of any kind: rows are anybody's
        return f"{name} fails with {type(error).__name__}: {error}", f"it is called with {given}"
    results, wanted = found, f"a tuple of {expected or 'one or more'} numbers"
    if expected is None:
        results, wanted = [found], "a number"
    if not isinstance(results, (tuple, list)):
        return f"{name} returns a {check.kind(results)}", f"return {wanted}"
    for result in results:
        if not is_number(result):
            wrong = "the result of a comparison" if isinstance(result, Truth) else f"a {check.kind(result)}"
            return f"{name} returns {wrong}", f"return {wanted}"
    if len(results) < 1 or (expected and len(results) != expected):
        return f"{name} returns a tuple of length {len(results)}", f"return {wanted}"
    return None


@functools.lru_cache(maxsize=256)
def trouble_of_sampler(taps, cell, shift):
    """Of a sampler's formulas."""
    return trouble("taps", taps, "the distance from the cell", [Number()], 0) or trouble(
        "cell", cell, "the coordinate and the row's shift", [Number(), shift], None
    )


@functools.lru_cache(maxsize=256)
def trouble_of_transform(row, axes):
    """Of a transform's formulas."""
    count, size = row.folded, row.plan_size
    numbers = [tuple(Number() for _ in range(axes)) for _ in range(3)]
    told = [[Number() for _ in range(count)], Sizes(*numbers, lambda shift, axis: shift * Number())]
    found = trouble("fold", row.fold, f"{count} parameters and the sizes of the images", told, size)
    if found:
        return found
    plan, pixel = [Number() for _ in range(size)], [Number() for _ in range(axes)]
    given = f"a plan of {size} numbers and the {axes} coordinates of a pixel"
    found = trouble("locate", row.locate, given, [plan, *pixel], axes)
    if not found and row.term:
        point = [Number() for _ in range(row.term_size)]
        given = (
            f"a plan of {size} numbers, the {row.term_size} of a control point and the {axes} coordinates of a pixel"
        )
        found = trouble("term", row.term, given, [plan, point, *pixel], axes)
    return found or (row.basis and trouble("basis", row.basis, "the distances on x and y", [Number(), Number()], None))


def sampler(op, name, row):
    """Refuse a sampler whose formulas use what not all of their callers know."""
    refuse_row(op, "sampler_type", name, trouble_of_sampler(row.taps, row.cell, row.shift))


def transform(op, name, row, axes):
    """The same of a transform."""
    refuse_row(op, "transform_type", name, trouble_of_transform(row, axes))


def refuse_row(op, argument, name, found):
    """Say what is wrong."""
    if found:
        wrong, cure = found
        raise TypeError(f"{op}: {argument} is {name!r}, whose {wrong}; {cure}.")
