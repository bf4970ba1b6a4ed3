"""Every rule about arguments, and the sentence that a caller reads when one is broken.

A sentence names the operator and the argument, what came, what was expected, and the cure, in the words of the framework
that the arrays come from. Where a cure depends on what came, a function of the array says it, or None if it knows no better.
"""

import collections.abc
import difflib
import math
import operator

import numpy as np

from .dtypes import DTYPES, precision
from .words import words

# More than any size needs; the kernels' integers hold products of a few of these.
LARGEST = 2**31 - 1

# Numbers of 8 bytes that an address space cannot hold.
ROOM = 2**60

TooHardError = getattr(np, "exceptions", np).TooHardError


def listed(names):
    """'a', 'b' or 'c'."""
    *most, last = (repr(str(name)) for name in names)
    return f"{', '.join(most)} or {last}" if most else last


def shown(value):
    """A value as it is written, on one line and not too long."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 100 else f"{text[:97]}..."


def kind(value):
    """The class of a value."""
    return f"{type(value).__module__}.{type(value).__qualname__}"


def row(op, argument, name, table, where="", more=()):
    """The row of a table that the caller named; ``more`` are names that stand in no table."""
    try:
        return table[name]
    except (KeyError, TypeError):
        names = listed([*table, *more])
        raise ValueError(f"{op}: {argument} is {shown(name)}, which is not known{where}; use {names}.") from None


def keywords(caller, name, given, inputs, parameters):
    """Keywords that an operator knows, and that are none of its inputs."""
    for keyword in given:
        if keyword in inputs:
            raise TypeError(
                f"{caller}: {keyword} is given by keyword, expected {name}'s inputs by position; pass {', '.join(inputs)} in order."
            )
        if keyword not in parameters:
            if not parameters:
                raise TypeError(
                    f"{caller}: {keyword} is given to {name}, which has no parameters, expected none; leave it out."
                )
            close = difflib.get_close_matches(keyword, parameters, n=1)
            cure = f"use {close[0]!r}" if close else f"use {listed(parameters)}"
            raise TypeError(
                f"{caller}: {keyword} is no parameter of {name}, expected some of {listed(parameters)}; {cure}."
            )


def dtype(op, argument, value):
    """One of the package's dtypes."""
    try:
        found = np.dtype(value)
    except TypeError:
        found = None
    if found not in DTYPES:
        raise TypeError(
            f"{op}: {argument} is {shown(value)}, which is no floating point type to compute with; use {listed(DTYPES)}."
        )
    return found


def array(op, argument, value, *choices, cure=None, dtypes=DTYPES):
    """A NumPy array, of floating point unless other ``dtypes`` will do, with the named axes, or with those of another choice."""
    if not isinstance(value, np.ndarray):
        another(op, argument, value, words())
    if type(value) is not np.ndarray:
        ordinary(op, argument, value)
    if value.dtype not in dtypes and value.dtype.newbyteorder("=") not in dtypes:
        unknown(op, argument, value.dtype, dtypes)
    if all(value.ndim != len(axes) for axes in choices):
        expected = " or ".join(f"{len(axes)} axes ({', '.join(axes)})" for axes in choices)
        best = (cure and cure(value)) or axes_cure(argument, value, choices[0])
        raise ValueError(f"{op}: {argument} has shape {value.shape}, expected {expected}; {best}.")
    return value


def another(op, argument, value, row, like=""):
    """Refuse what is no array of the caller's framework, whose words are in ``row``."""
    if value is None:
        raise TypeError(f"{op}: {argument} is None, expected {row.array}{like}; pass one.")
    if isinstance(value, np.ndarray):
        ordinary(op, argument, value)
    raise TypeError(
        f"{op}: {argument} is a {kind(value)}, expected {row.array}{like}; convert it with {row.convert}({argument})."
    )


def ordinary(op, argument, value):
    """No array whose numbers mean something else than those of a plain one."""
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(
            f"{op}: {argument} is a masked array, whose mask would be ignored, expected a plain one; fill it with {argument}.filled(0)."
        )
    if isinstance(value, np.matrix):
        raise TypeError(
            f"{op}: {argument} is a numpy.matrix, expected a NumPy array; convert it with numpy.asarray({argument})."
        )


def unknown(op, argument, found, dtypes=DTYPES, row=None):
    """Refuse a dtype that is none of a table's; ``found`` may be another framework's, whose words are in ``row``."""
    name, sort = str(found).removeprefix("torch."), getattr(found, "kind", "")
    expected = (
        listed(dtypes) if dtypes is DTYPES else "real or complex numbers of up to 64 bits each, integers or booleans"
    )
    if (sort == "c" or name.startswith("complex")) and dtypes is DTYPES:
        cure = f"pass {argument}.real and {argument}.imag apart"
    elif sort == "V" and getattr(found, "names", None):
        cure = f"pass one of its fields, such as {argument}[{found.names[0]!r}]"
    else:
        cure = f"convert it with {(row or words()).cast_to(argument, 'float32')}"
    raise TypeError(f"{op}: {argument} has dtype {name}, expected {expected}; {cure}.")


def axes_cure(argument, value, axes):
    """How to come from the axes that there are to those that are needed."""
    missing = len(axes) - value.ndim
    if missing > 0:
        return f"add the missing axes in front with {argument}[{', '.join(['None'] * missing)}]"
    if value.shape[:-missing] == (1,) * -missing:
        return f"take away the axes in front with {argument}[{', '.join(['0'] * -missing)}]"
    return f"pass {words().array} of {len(axes)} axes"


def precise(op, argument, value, data):
    """``value`` must not be narrower than the data that it applies to; float32 will do for integers."""
    least = precision(data.dtype.newbyteorder("="))
    if value.dtype.itemsize < least.itemsize:
        cure = words().cast_like(argument, "data") if data.dtype in DTYPES else words().cast_to(argument, least)
        raise TypeError(
            f"{op}: {argument} has dtype {value.dtype} and data has dtype {data.dtype}, expected {argument} to be at least as precise; "
            f"convert it with {cure}."
        )


def shape(op, argument, value, expected, meaning, cure=None):
    """An exact shape."""
    if value.shape != expected:
        best = (cure and cure(value)) or shape_cure(argument, value.shape, expected)
        raise ValueError(f"{op}: {argument} has shape {value.shape}, expected {expected}, {meaning}; {best}.")


def shape_cure(argument, found, expected):
    """How to come from one shape to another, if that is clear."""
    if len(found) > 2 and found == (expected[0], *expected[2:], expected[1]):
        return f"move its last axis to the second place with {words().moved(argument, channels_second(len(found)))}"
    if found[0] == 1 and found[1:] == expected[1:]:
        return f"repeat it with {words().repeated(argument, expected[0], len(found))}"
    return f"pass {words().array} of shape {expected}"


def channels_second(axes):
    """The order of axes that brings the last one to the second place."""
    return (0, axes - 1, *range(1, axes - 1))


def result(op, argument, shape):
    """The shape of a result, if memory can have such a size at all."""
    if math.prod(shape) >= ROOM:
        raise ValueError(
            f"{op}: {argument} has shape {shape}, expected fewer than 2**60 numbers, since no memory has more; pass smaller sizes."
        )
    return shape


def whole_number(op, argument, value, least):
    """An integer of a minimal size, unless that is None; bool is none."""
    try:
        number = operator.index(value)
    except (TypeError, ValueError):
        number = None
    if number is None or "bool" in str(getattr(value, "dtype", type(value))):
        raise TypeError(f"{op}: {argument} is {shown(value)}, expected an integer; convert it with int().")
    if not -LARGEST <= number <= LARGEST:
        many = number if number.bit_length() < 128 else f"an integer of {number.bit_length()} bits"
        raise ValueError(
            f"{op}: {argument} is {many}, expected a number between -2**31 and 2**31; pass one that is not as large."
        )
    if least is not None and number < least:
        raise ValueError(f"{op}: {argument} is {number}, expected at least {least}; pass a larger number.")
    return number


def flag(op, argument, value):
    """True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{op}: {argument} is {shown(value)}, expected True or False; pass one of them.")
    return bool(value)


def entries(value):
    """The entries of a tuple, a list or an array; none of what has no order, or holds letters."""
    unfit = str, bytes, bytearray, collections.abc.Mapping, collections.abc.Set
    if isinstance(value, unfit) or not isinstance(value, collections.abc.Sized):
        return ()
    try:
        return tuple(value)
    except TypeError:  # an array without axes
        return ()


def whole_numbers(op, argument, value, count, least, expected, example):
    """So many integers, from a tuple, a list or an array."""
    if type(value) is tuple and len(value) == count and all(type(number) is int for number in value):
        if (-LARGEST if least is None else least) <= min(value) and max(value) <= LARGEST:
            return value
    numbers = entries(value)
    if len(numbers) != count:
        raise ValueError(
            f"{op}: {argument} is {shown(value)}, expected {expected}; pass for example {argument}={example}."
        )
    return tuple(whole_number(op, f"{argument}[{axis}]", number, least) for axis, number in enumerate(numbers))


# What the sizes of an output are, by their number, and an example.
TARGETS = {
    1: ("one integer in a tuple, (width,)", "(28,)"),
    2: ("two integers, (height, width)", "(28, 28)"),
    3: ("three integers, (depth, height, width)", "(28, 28, 28)"),
}


def target_shape(op, value, axes, least=1):
    """Sizes of the output: height and width, and before them the depth of volumes; of signals the width alone."""
    expected, example = TARGETS[axes]
    sizes = (0, 0)  # MXNet's way to leave it out
    if value is not None:
        sizes = whole_numbers(op, "target_shape", value, axes, least, expected, example)
    if sizes == (0, 0):
        raise ValueError(
            f"{op}: target_shape is missing, expected {expected} of the output; pass for example target_shape={example}."
        )
    return sizes


def at_most(op, argument, value, most):
    """A size that kernels can count."""
    if value > most:
        raise ValueError(f"{op}: {argument} is {value}, expected at most {most}; cut data into parts.")


def output(op, argument, value, expected_shape, expected_dtype, inputs):
    """An array that may be written to without harm to the inputs."""
    if not isinstance(value, np.ndarray):
        raise TypeError(
            f"{op}: {argument} is a {kind(value)}, expected {words().array}; pass {words().new(expected_shape, expected_dtype)}."
        )
    if type(value) is not np.ndarray:
        ordinary(op, argument, value)
    if value.shape != expected_shape:
        raise ValueError(
            f"{op}: {argument} has shape {value.shape}, expected {expected_shape}; pass {words().new(expected_shape, expected_dtype)}."
        )
    if value.dtype.newbyteorder("=") != expected_dtype:
        raise TypeError(
            f"{op}: {argument} has dtype {value.dtype}, expected {expected_dtype}; pass {words().new(expected_shape, expected_dtype)}."
        )
    if not value.flags.writeable:
        raise ValueError(
            f"{op}: {argument} is read-only, expected an array that can be written; pass {words().new(expected_shape, expected_dtype)}."
        )
    for name, other in inputs.items():
        if overlaps(value, other):
            raise ValueError(
                f"{op}: {argument} overlaps {name} in memory, expected memory of its own; pass {words().new(expected_shape, expected_dtype)}."
            )


def overlaps(one, other):
    """Whether two arrays share memory; also where that would take long to find out, which only contrived strides do."""
    try:
        return np.shares_memory(one, other, max_work=100_000)
    except TooHardError:
        return True
