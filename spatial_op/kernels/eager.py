"""The machine that computes at once, with NumPy: kernels without a compiler, to step through and to hold the other one to."""

import numpy as np

from .trace import LANES

WHOLE = np.int64


class Variable:
    """A value that changes."""

    def __init__(self, value):
        self.value = value


class Array:
    """Numbers in memory, counted from one of them on."""

    def __init__(self, numbers, first=0):
        self.numbers, self.first = numbers, int(first)
        self.dtype = numbers.dtype

    def __getitem__(self, index):
        return self.numbers[self.first + int(index)]

    def __setitem__(self, index, value):
        self.numbers[self.first + int(index)] = value

    def vector(self, index, count=LANES):
        """So many numbers from an index on."""
        first = self.first + int(index)
        found = self.numbers[first : first + count]
        return np.concatenate(
            [found, np.zeros(count - len(found), self.dtype)]
        )  # memory behind workspaces is anybody's

    def put(self, index, value):
        """Write a number or a vector."""
        first = self.first + int(index)
        room = self.numbers[first : first + np.size(value)]
        room[...] = value if np.ndim(value) == 0 else value[: len(room)]

    def some(self, index, count, length=LANES):
        """``vector`` of only ``count`` numbers, followed by zeros."""
        found, first = np.zeros(length, self.dtype), self.first + int(index)
        count = max(0, min(int(count), length))
        found[:count] = self.numbers[first : first + count]
        return found

    def put_some(self, index, value, count):
        """``put`` of only the first ``count`` lanes."""
        self.put(index, value[: max(0, min(int(count), len(value)))])

    def pick(self, indices, mask=None):
        """The numbers at the lanes' indices; zero where the mask does not hold."""
        mask = np.ones(len(indices), bool) if mask is None else mask
        return np.where(mask, self.numbers[self.first + np.where(mask, indices, 0)], self.dtype.type(0))

    def prefetch(self, index, to_write=False):
        """There is nothing to ask for."""

    def starting(self, index):
        """The same numbers, counted from an index on."""
        return Array(self.numbers, self.first + int(index))


class Machine:
    """Does one part of the work; ``values`` are what the kernel is given, by the names of ``parameters``."""

    def __init__(self, part, threads, parameters, values):
        self.part, self.threads = WHOLE(part), WHOLE(threads)
        self.arguments = {}
        for name, kind in parameters.items():
            value = values[name]
            if kind in ("int", "float"):
                value = WHOLE(value) if kind == "int" else np.float64(value)
            else:
                value = Array(value.reshape(-1))
            self.arguments[name] = value

    def __getattr__(self, name):
        try:
            return self.__dict__["arguments"][name]
        except KeyError:
            raise AttributeError(name) from None

    def workspace(self, kind, count):
        """Memory for so many numbers."""
        return Array(np.zeros(count, kind))

    # Numbers.

    def full(self, number, kind, count=LANES):
        """A number in every lane, if it is not a vector already; a scalar without a count."""
        if np.ndim(number):
            return number.astype(kind)
        return np.dtype(kind).type(number) if count is None else np.full(count, number, kind)

    def counting(self, kind, count=LANES):
        """0, 1, 2, ..."""
        return np.arange(count).astype(kind)

    def in_order(self, numbers, kind):
        """A vector of given numbers."""
        return np.array(numbers, kind)

    def to(self, value, kind):
        """The same numbers as another kind."""
        return np.asarray(value).astype(kind)[()]

    def kind_of(self, value):
        """The name of the kind of a value's, or an array's, numbers."""
        return value.dtype.str[1:]

    def count_of(self, vector):
        """How many lanes."""
        return np.size(vector) if np.ndim(vector) else None

    def bits(self, a):
        """The bits of float64 numbers as integers."""
        return np.asarray(a).view(np.int64)[()]

    def number(self, bits):
        """The float64 numbers that integers are the bits of."""
        return np.asarray(bits).view(np.float64)[()]

    def call(self, name, a):
        """A function of NumPy's, by its name."""
        return getattr(np, name)(a)

    def least(self, a, b):
        """The smaller; the second where one is no number."""
        return np.where(a < b, a, b)[()]

    def most(self, a, b):
        """The larger; the second where one is no number."""
        return np.where(a > b, a, b)[()]

    def smaller(self, a, b):
        """The smaller; no number where either is none."""
        return np.minimum(a, b)

    def larger(self, a, b):
        """The larger; no number where either is none."""
        return np.maximum(a, b)

    # Lanes.

    def shuffle(self, a, b, order):
        """Lanes of two vectors in a new order; those of ``b`` count on."""
        return np.concatenate([a, b])[list(order)]

    def lane(self, vector, number):
        """One lane."""
        return vector[number]

    def join(self, vectors):
        """Vectors end to end."""
        return np.concatenate(vectors)

    def build(self, numbers):
        """A vector of numbers."""
        return np.array(numbers)

    def any(self, truth):
        """Whether any lane holds."""
        return np.any(truth)

    def all(self, truth):
        """Whether all lanes hold."""
        return np.all(truth)

    def reduce(self, function, vector):
        """All lanes by a function of two, in the order of the other machine."""
        while len(vector) > 2:
            vector = function(vector[: len(vector) // 2], vector[len(vector) // 2 :])
        return function(vector[0], vector[1])

    # Parts of vectors.

    def read(self, array, index, count):
        """A vector; zero from the ``count``-th lane on."""
        return array.some(index, count)

    def write(self, array, index, value, count):
        """The first ``count`` lanes of a vector."""
        array.put_some(index, value, count)

    # Control.

    def variable(self, value):
        """Something that changes."""
        return Variable(value)

    def range(self, first, last, step=1):
        """A loop."""
        for i in range(int(first), int(last), int(step)):
            yield WHOLE(i)

    def when(self, condition):
        """A branch, as a loop of one turn or none."""
        if condition:
            yield
