"""Arrays whose memory ends where nobody may read or write on: one step beyond ends the process.

An array lies between two pages that cannot be touched, flush against one of them. Inputs are locked besides, so that
writing to one ends the process, too.
"""

import ctypes
import mmap

import numpy as np

PAGE = mmap.PAGESIZE
NOTHING, READ, WRITE = 0, 1, 3  # of mprotect

protect = ctypes.CDLL(None, use_errno=True).mprotect
protect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]


class Guarded:
    """A row of numbers between two pages that cannot be touched."""

    def __init__(self, count, dtype, at_end):
        size = count * np.dtype(dtype).itemsize
        pages = max(1, -(-size // PAGE))
        self.memory = mmap.mmap(-1, (pages + 2) * PAGE)
        self.inside = ctypes.addressof(ctypes.c_char.from_buffer(self.memory)) + PAGE
        self.length = pages * PAGE
        for page in (self.inside - PAGE, self.inside + self.length):
            self.allow(page, PAGE, NOTHING)
        first = PAGE + (self.length - size if at_end else 0)
        self.numbers = np.frombuffer(self.memory, dtype, count, first)

    def allow(self, at, size, what):
        """Change what may be done with some pages."""
        if protect(at, size, what):
            raise OSError(ctypes.get_errno(), "mprotect")

    def lock(self):
        """From now on nobody may write."""
        self.allow(self.inside, self.length, READ)


def guarded(values, order, steps, repeated=(), at_end=True, locked=True):
    """A guarded array with these values, and what keeps its memory.

    ``order`` are its axes from the outermost in memory to the innermost, ``steps`` the distances of their entries in units
    of the densest layout, negative ones backwards; along the ``repeated`` axes memory has one entry, which ``values``
    repeat.
    """
    strides, following = [0] * values.ndim, 1
    for axis in reversed(order):
        if axis not in repeated:
            strides[axis] = following * steps[axis]
            following *= max(1, (values.shape[axis] - 1) * abs(steps[axis]) + 1)
    first = -sum((size - 1) * step for size, step in zip(values.shape, strides) if step < 0 and size)
    last = sum((size - 1) * step for size, step in zip(values.shape, strides) if step > 0 and size)
    memory = Guarded(first + last + 1 if values.size else 0, values.dtype, at_end)
    array = np.lib.stride_tricks.as_strided(
        memory.numbers[first:], values.shape, [step * values.itemsize for step in strides]
    )
    if values.size:
        array[...] = values
    if locked:
        memory.lock()
    return array, memory
