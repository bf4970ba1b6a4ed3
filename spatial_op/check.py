"""Every rule about arguments, and the sentence that a caller reads when one is broken.

A sentence names the operator and the argument, what came, what was expected, and the cure.
"""

import operator

import numpy as np

from .dtypes import DTYPES

TooHardError = getattr(np, "exceptions", np).TooHardError


def listed(names):
    """'a', 'b' or 'c'."""
    *most, last = (repr(str(name)) for name in names)
    return f"{', '.join(most)} or {last}" if most else last


def row(op, argument, name, table, where="", more=()):
    """The row of a table that the caller named; ``more`` are names that stand in no table."""
    try:
        return table[name]
    except (KeyError, TypeError):
        names = listed([*table, *more])
        raise ValueError(f"{op}: {argument} is {name!r}, which is not known{where}; use {names}.") from None


def dtype(op, argument, value):
    """One of the package's dtypes."""
    try:
        found = np.dtype(value)
    except TypeError:
        found = None
    if found not in DTYPES:
        raise TypeError(
            f"{op}: {argument} is {value!r}, which is no floating point type to compute with; use {listed(DTYPES)}."
        )
    return found


def array(op, argument, value, *choices):
    """A floating point NumPy array with the named axes, or with those of another choice."""
    if not isinstance(value, np.ndarray):
        raise TypeError(
            f"{op}: {argument} is a {type(value).__module__}.{type(value).__qualname__}, expected a NumPy array; convert it with numpy.asarray."
        )
    if value.dtype not in DTYPES and value.dtype.newbyteorder("=") not in DTYPES:
        raise TypeError(
            f"{op}: {argument} has dtype {value.dtype}, expected {listed(DTYPES)}; convert it with {argument}.astype('float32')."
        )
    if all(value.ndim != len(axes) for axes in choices):
        expected = " or ".join(f"{len(axes)} axes ({', '.join(axes)})" for axes in choices)
        raise ValueError(
            f"{op}: {argument} has shape {value.shape}, expected {expected}; "
            f"reshape it or add the missing axes with {argument}[None]."
        )
    return value


def precise(op, argument, value, data):
    """``value`` must not be narrower than the data that it applies to."""
    if value.dtype.itemsize < data.dtype.itemsize:
        raise TypeError(
            f"{op}: {argument} has dtype {value.dtype} and data has dtype {data.dtype}, expected {argument} to be at least as precise; "
            f"convert it with {argument}.astype(data.dtype)."
        )


def shape(op, argument, value, expected, meaning):
    """An exact shape."""
    if value.shape != expected:
        raise ValueError(
            f"{op}: {argument} has shape {value.shape}, expected {expected}, {meaning}; pass one array entry for each of those."
        )


def whole_number(op, argument, value, least):
    """An integer of a minimal size, unless that is None; bool is none."""
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{op}: {argument} is {value!r}, expected an integer; convert it with int().")
    if least is not None and number < least:
        raise ValueError(f"{op}: {argument} is {number}, expected at least {least}; pass a larger number.")
    return number


def flag(op, argument, value):
    """True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{op}: {argument} is {value!r}, expected True or False; pass one of them.")
    return bool(value)


def target_shape(op, value, axes, least=1):
    """Sizes of the output: height and width, and before them the depth of volumes."""
    if type(value) is tuple and len(value) == axes and all(type(size) is int and size >= least for size in value):
        return value
    words, example = ("two integers, (height, width)", "(28, 28)")
    if axes == 3:
        words, example = ("three integers, (depth, height, width)", "(28, 28, 28)")
    if value is None:
        raise ValueError(
            f"{op}: target_shape is missing, expected {words} of the output; pass for example target_shape={example}."
        )
    try:
        sizes = tuple(value)
    except TypeError:
        sizes = ()
    if len(sizes) != axes or isinstance(value, str):
        raise ValueError(f"{op}: target_shape is {value!r}, expected {words}; pass for example target_shape={example}.")
    return tuple(whole_number(op, f"target_shape[{axis}]", size, least) for axis, size in enumerate(sizes))


def at_most(op, argument, value, most):
    """A size that kernels can count."""
    if value > most:
        raise ValueError(f"{op}: {argument} is {value}, expected at most {most}; cut data into parts.")


def output(op, argument, value, expected_shape, expected_dtype, inputs):
    """An array that may be written to without harm to the inputs."""
    if not isinstance(value, np.ndarray):
        raise TypeError(
            f"{op}: {argument} is a {type(value).__qualname__}, expected a NumPy array; pass numpy.empty({expected_shape}, '{expected_dtype}')."
        )
    if value.shape != expected_shape:
        raise ValueError(
            f"{op}: {argument} has shape {value.shape}, expected {expected_shape}; pass numpy.empty({expected_shape}, '{expected_dtype}')."
        )
    if value.dtype.newbyteorder("=") != expected_dtype:
        raise TypeError(
            f"{op}: {argument} has dtype {value.dtype}, expected {expected_dtype}; pass numpy.empty({expected_shape}, '{expected_dtype}')."
        )
    if not value.flags.writeable:
        raise ValueError(
            f"{op}: {argument} is read-only, expected an array that can be written; pass numpy.empty({expected_shape}, '{expected_dtype}')."
        )
    for name, other in inputs.items():
        if overlaps(value, other):
            raise ValueError(
                f"{op}: {argument} overlaps {name} in memory, expected memory of its own; pass numpy.empty({expected_shape}, '{expected_dtype}')."
            )


def overlaps(one, other):
    """Whether two arrays share memory; also where that would take long to find out, which only contrived strides do."""
    try:
        return np.shares_memory(one, other, max_work=100_000)
    except TooHardError:
        return True


class _Unlocked:
    """A read-only array under a writable type, for kernels that only read: a compiled kernel exists once, not once more for read-only arrays."""

    def __init__(self, array):
        interface = array.__array_interface__
        self.__array_interface__ = {**interface, "data": (interface["data"][0], False)}
        self.array = array


def unlocked(value):
    """The same memory, of a type that says that it can be written to."""
    return value if value.flags.writeable else np.asarray(_Unlocked(value))


def plain(value, dtype):
    """The same numbers as the kernels want them: contiguous, aligned, native, of one dtype."""
    value = np.ascontiguousarray(value, dtype)
    return unlocked(value) if value.flags.aligned else value.copy()
