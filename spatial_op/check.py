"""Every rule about arguments, and the sentence that a caller reads when one is broken.

A sentence names the operator and the argument, what came, what was expected, and the cure.
"""

import operator

import numpy as np

from .dtypes import DTYPES


def listed(names):
    """'a', 'b' or 'c'."""
    *most, last = (repr(str(name)) for name in names)
    return f"{', '.join(most)} or {last}" if most else last


def row(op, argument, name, table):
    """The row of a table that the caller named."""
    try:
        return table[name]
    except (KeyError, TypeError):
        raise ValueError(f"{op}: {argument} is {name!r}, which is not known; use {listed(table)}.") from None


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


def array(op, argument, value, axes):
    """A floating point NumPy array with the named axes."""
    if not isinstance(value, np.ndarray):
        raise TypeError(
            f"{op}: {argument} is a {type(value).__module__}.{type(value).__qualname__}, expected a NumPy array; convert it with numpy.asarray."
        )
    if value.dtype not in DTYPES and value.dtype.newbyteorder("=") not in DTYPES:
        raise TypeError(
            f"{op}: {argument} has dtype {value.dtype}, expected {listed(DTYPES)}; convert it with {argument}.astype('float32')."
        )
    if value.ndim != len(axes):
        raise ValueError(
            f"{op}: {argument} has shape {value.shape}, expected {len(axes)} axes ({', '.join(axes)}); "
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
    """An integer of a minimal size; bool is none."""
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{op}: {argument} is {value!r}, expected an integer; convert it with int().")
    if number < least:
        raise ValueError(f"{op}: {argument} is {number}, expected at least {least}; pass a larger number.")
    return number


def flag(op, argument, value):
    """True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{op}: {argument} is {value!r}, expected True or False; pass one of them.")
    return bool(value)


def target_shape(op, value):
    """(height, width) of the output."""
    if value is None:
        raise ValueError(
            f"{op}: target_shape is missing, expected (height, width) of the output; pass for example target_shape=(28, 28)."
        )
    if (
        type(value) is tuple
        and len(value) == 2
        and type(value[0]) is type(value[1]) is int
        and value[0] > 0
        and value[1] > 0
    ):
        return value
    try:
        sizes = tuple(value)
    except TypeError:
        sizes = ()
    if len(sizes) != 2 or isinstance(value, str):
        raise ValueError(
            f"{op}: target_shape is {value!r}, expected two integers, (height, width); pass for example target_shape=(28, 28)."
        )
    return tuple(whole_number(op, f"target_shape[{axis}]", size, least=1) for axis, size in enumerate(sizes))


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
        if np.shares_memory(value, other):
            raise ValueError(
                f"{op}: {argument} overlaps {name} in memory, expected memory of its own; pass numpy.empty({expected_shape}, '{expected_dtype}')."
            )


class _Unlocked:
    """A read-only array under a writable type, for kernels that only read: a compiled kernel exists once, not once more for read-only arrays."""

    def __init__(self, array):
        interface = array.__array_interface__
        self.__array_interface__ = {**interface, "data": (interface["data"][0], False)}
        self.array = array


def plain(value, dtype):
    """The same numbers as the kernels want them: contiguous, aligned, native, of one dtype."""
    value = np.ascontiguousarray(value, dtype)
    flags = value.flags
    if not flags.aligned:
        value = value.copy()
    elif not flags.writeable:
        value = np.asarray(_Unlocked(value))
    return value
