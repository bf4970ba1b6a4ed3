"""What things are called where the arrays come from, so that an error names a cure that can be typed there.

A row has the phrases of one framework. The operators know none: an adapter has its own row and computes ``with
speaking(ROW)``; without it the words are NumPy's.
"""

from contextvars import ContextVar
from typing import NamedTuple


class Words(NamedTuple):
    """The phrases of one framework.

    In ``array`` and ``convert`` an array and what makes one, in ``dtype`` a dtype, and in the others what is done to an
    array, ``{0}``. ``vjp`` and ``jvp`` say how arrays are differentiated by ``{op}``, and ``detach`` how to do without a third derivative.
    """

    array: str = "a NumPy array"
    convert: str = "numpy.asarray"
    dtype: str = "'{0}'"
    cast: str = "{0}.astype({1})"
    move: str = "{0}.transpose({1})"
    several: str = "{0}.repeat({1}, 0)"
    empty: str = "numpy.empty({0}, {1})"
    vjp: str = "pass NumPy arrays"
    jvp: str = "pass NumPy arrays"
    detach: str = "differentiate an operator or its pull back"

    def cast_to(self, argument, dtype):
        """The array with another dtype, by name."""
        return self.cast.format(argument, self.dtype.format(dtype))

    def cast_like(self, argument, other):
        """The array with the dtype of another one."""
        return self.cast.format(argument, f"{other}.dtype")

    def moved(self, argument, axes):
        """The array with its axes in another order."""
        return self.move.format(argument, ", ".join(map(str, axes)))

    def repeated(self, argument, count, axes):
        """The array with its one sample ``count`` times."""
        return self.several.format(argument, count, ", ".join(["-1"] * (axes - 1)))

    def new(self, shape, dtype):
        """An array to write to."""
        return self.empty.format(tuple(shape), self.dtype.format(dtype))


NUMPY = Words()
CURRENT = ContextVar("words", default=NUMPY)


def words():
    """The words of whoever calls."""
    return CURRENT.get()


class speaking:
    """Errors in this block are in these words."""

    def __init__(self, row):
        self.row = row

    def __enter__(self):
        self.token = CURRENT.set(self.row)

    def __exit__(self, *error):
        CURRENT.reset(self.token)
