"""Callers' arrays as kernels read them, and arrays that kernels write to in place of those that callers gave."""

import functools
import math

import numpy as np
from numpy.lib.stride_tricks import as_strided


def plain(value, dtype):
    """The same numbers as the kernels want them: contiguous, aligned, native, of one dtype."""
    value = np.ascontiguousarray(value, dtype)
    return value if value.flags.aligned else value.copy()


def bytes_of(value):
    """Booleans as the bytes that they are; anything else as it is."""
    return value.view(np.uint8) if value.dtype.kind == "b" else value


class made_once:
    """An attribute that is computed when it is first asked for.

    ``functools.cached_property`` holds a lock meanwhile, up to Python 3.11: threads would wait for each other, and a child
    that was forked at that moment for ever.
    """

    def __init__(self, make):
        self.make, self.__doc__ = make, make.__doc__

    def __get__(self, owner, kind=None):
        value = owner.__dict__[self.make.__name__] = self.make(owner)
        return value


def laid_out(value, dtype, axes):
    """The numbers of an array, one after another in memory, and how far from each other the entries of its first ``axes`` axes are, in numbers.

    The other axes follow each other densely. An axis that repeats its entries, as that of an expanded array, is read where
    it is. What is laid out in another way, or has another dtype, is copied.
    """
    if value.flags.c_contiguous and value.flags.aligned and value.dtype == dtype:  # which costs small calls the least
        return value, apart(value.shape, axes)
    sizes, repeated = value.shape, ()
    if not value.flags.c_contiguous:
        repeated = [axis for axis in range(axes) if sizes[axis] > 1 and value.strides[axis] == 0]
        value = value[tuple(slice(1) if axis in repeated else slice(None) for axis in range(axes))]
    if value.dtype != dtype or not value.flags.aligned or not dense(value, axes):
        value = plain(value, dtype)
    if value.flags.c_contiguous:  # strides may be anything where a size is 1
        steps = apart(value.shape, axes)
        numbers = value.reshape(-1)
    else:
        steps = [step // value.itemsize if size > 1 else 0 for size, step in zip(value.shape, value.strides[:axes])]
        last = sum((size - 1) * step for size, step in zip(value.shape, steps))
        numbers = as_strided(value, (last + math.prod(value.shape[axes:]),), (value.itemsize,))
    return numbers, tuple(0 if axis in repeated else step for axis, step in enumerate(steps))


@functools.lru_cache(maxsize=1024)
def apart(shape, axes):
    """How far from each other the entries of the first axes are, if all follow each other densely."""
    return tuple([math.prod(shape[axis + 1 :]) for axis in range(axes)])


def dense(value, axes):
    """Whether all axes but the first ones follow each other densely, and none runs backwards."""
    if value.flags.c_contiguous:
        return True
    expected = value.itemsize
    for axis in range(value.ndim - 1, -1, -1):
        size, step = value.shape[axis], value.strides[axis]
        if size > 1 and (step < 0 or step % value.itemsize or (axis >= axes and step != expected)):
            return False
        expected *= size
    return True


def as_rows(value):
    """The same numbers as one row for each sample."""
    return value if value.ndim == 2 else value.reshape(len(value), math.prod(value.shape[1:]))


@functools.lru_cache(maxsize=1024)
def pixel_strides(shape, itemsize):
    """Strides of (channels, height, width), or with depth, if the channels of each pixel are neighbours; None if planes are no others."""
    channels, *sizes = shape
    if channels == 1 or math.prod(sizes) == 1:
        return None
    return (itemsize, *(itemsize * channels * math.prod(sizes[axis + 1 :]) for axis in range(len(sizes))))


def side_by_side(value):
    """Whether the channels of each pixel, on axis 1, are neighbours in memory, and pixels follow each other densely."""
    return not value.flags.c_contiguous and value.strides[1:] == pixel_strides(value.shape[1:], value.itemsize)


# Axes in the order of memory, channels last; and back.
CHANNELS_LAST = {3: (0, 2, 1), 4: (0, 2, 3, 1), 5: (0, 2, 3, 4, 1)}
CHANNELS_SECOND = {3: (0, 2, 1), 4: (0, 3, 1, 2), 5: (0, 4, 1, 2, 3)}


def empty(shape, dtype, beside):
    """An array whose channels, on axis 1, are planes, or lie ``beside`` each other."""
    if not beside:
        return np.empty(shape, dtype)
    return np.empty((shape[0], *shape[2:], shape[1]), dtype).transpose(CHANNELS_SECOND[len(shape)])


def like(value):
    """An array for a gradient: of native numbers, channels side by side if the value's are."""
    beside = value.ndim in CHANNELS_LAST and side_by_side(value)
    return empty(value.shape, value.dtype.newbyteorder("="), beside)


def pixels_of(value, beside):
    """The array with its axes in the order in which they are in memory."""
    return value.transpose(CHANNELS_LAST[value.ndim]) if beside else value


def usable(array, dtype):
    """Whether a kernel can write to the array as it is."""
    flags = array.flags
    return array.dtype == dtype and flags.c_contiguous and flags.aligned and type(array) is np.ndarray


def working(array, dtype, add=False, beside=False):
    """The array, or one like it that a kernel can write to, with the same numbers if it adds to them."""
    if usable(pixels_of(array, beside), dtype):
        return array
    found = empty(array.shape, dtype, beside)
    if add:
        found[...] = array
    return found


def clear(grads, add):
    """Gradients of a result without points: zeros, and nothing where they are added."""
    for grad, more in zip(grads, add):
        if grad is not None and not more:
            grad[...] = 0


def hand_over(result, array):
    """Bring a kernel's result to where the caller wants it."""
    if result is not array:
        with np.errstate(over="ignore", invalid="ignore"):  # what float16 cannot hold becomes infinite, as everywhere
            array[...] = result
