"""Where an output's pixels are sampled: coordinates that a transform gives, or an array, and their derivatives.

While a kernel is traced, a source answers

* ``start(m)``: gets ready, once for all that a thread does;
* ``begin(m, sample, tile)``: gets ready for a tile of a sample;
* ``find(m, tile, q, k)``: the coordinates, in source pixels, of a vector of pixels: columns ``k`` and following of row ``q`` of
  the tile, each with a number that is zero, or none where the coordinate is none or infinite. Beyond the last column they repeat a
  pixel of the tile;
* ``begin_sums(m, tile, number, unit)``, ``pull(m, tile, q, k, grads)`` and ``finish(m)``: take the gradients of a tile's
  coordinates, vector by vector, zero beyond the last column, and write its part of the gradient of what the source was given.
  ``number`` is the tile's, ``unit`` that of sample and block of channels;
* ``push(m, tile, q, k)``: how the coordinates change along a change of what the source was given; ``push_twice`` the same, how they
  change along another change, and their second derivative along both.

``parameters`` are what the kernels are given for it, and ``in_turn`` says whether it does better if all samples have a tile done
before the next one. A source that is ``moving`` is given a change of its numbers besides: only then can it ``push``, and what it
pulls back are duals, the gradients of the coordinates with how these change; it writes how the gradient of its numbers changes. One
that is moving twice is given two changes: it can only ``push_twice``.
"""

from operator import add

import numpy as np

from ..transforms.row import Sizes
from . import means, supersampling
from .dual import Dual, gathered, marked, plain, slopes_of, value_of
from .tiles import AXES, tiles
from .trace import LANES

# What derivatives along one change and along another are called, as the arrays that hold the changes are.
CHANGES = CHANGE, OTHER = "changes", "others"
# How far either is apart from sample to sample.
APART = ("changes_apart",)


def as_kind(m, number, kind):
    """A number or a dual as another kind."""
    if isinstance(number, Dual):
        return Dual(m.to(number.value, kind), {name: m.to(slope, kind) for name, slope in number.slopes.items()})
    return m.to(number, kind)


def change_of(number):
    """How a number changes along the change, if it does."""
    return slopes_of(number).get(CHANGE, 0.0)


def changes_of(point):
    """How a point changes along either change, and along both."""
    others = [slopes_of(x).get(OTHER, 0.0) for x in point]
    return [*map(change_of, map(value_of, point))], [*map(value_of, others)], [*map(change_of, others)]


def traced_sizes(m, axes, dtype):
    """What a transform is told of the images."""
    span, middle, steps = (
        tuple(m.arguments[f"{name}_{axis}"] for axis in AXES[:axes]) for name in ("span", "middle", "steps")
    )

    def pixels(shift, axis):
        """A shift in pixels; the number nearest to a whole-pixel shift is meant as that shift."""
        half = span[axis] * 0.5
        if isinstance(shift, Dual):
            return gathered(pixels(shift.value, axis), (half, shift))
        moved = shift * half
        whole = np.rint(moved)
        same = (m.to(m.to(whole / half, dtype), "f8") == shift) & (half > 0.0)
        return np.where(same, whole, moved)

    return Sizes(span, middle, steps, pixels)


class ByTransform:
    """Coordinates by the formulas of a transform, in float64; ``dtype`` is that of the parameters.

    ``numbers`` holds the parameters, ``apart`` from sample to sample; ``changes`` how they change, and ``sums`` their
    gradients, densely.
    """

    dtype, in_turn = "f8", False

    def __init__(self, formula, axes, dtype, moving):
        self.fold, self.locate, self.count = formula.fold, formula.locate, formula.count
        self.affine, self.axes, self.given, self.moving = formula.affine, axes, dtype, moving
        self.parameters = {"numbers": dtype, "apart": "int", "count": "int"}
        for axis in AXES[:axes]:
            self.parameters |= {f"{name}_{axis}": "float" for name in ("span", "middle", "steps")}
        self.parameters |= dict.fromkeys(CHANGES[:moving], "f8") | dict.fromkeys(APART[:moving], "int")
        self.pulling = {"sums": "f8"}

    def start(self, m):
        """Nothing is needed."""

    def begin(self, m, sample, tile):
        """Read the parameters, and make the plan."""
        self.at = sample * m.apart
        self.at_change = sample * m.changes_apart if self.moving else None
        self.sizes = traced_sizes(m, self.axes, self.given)
        self.values = [self.number(m, i) for i in range(self.count)]
        self.plan = self.planned(m, self.values)

    def number(self, m, i):
        """A parameter, with how it changes."""
        number = m.to(m.numbers[self.at + i], "f8")
        for name in CHANGES[: self.moving]:
            number = Dual(number, {name: m.arguments[name].starting(self.at_change)[i]})
        return number

    def planned(self, m, values):
        """The plan of some parameters, all its numbers of one kind."""
        plan = self.fold(values, self.sizes)
        return [number if isinstance(number, Dual) else m.full(number, "f8", None) for number in plan]

    def column(self, m, tile, q):
        """The first destination column of a tile's row, from the middle of the image."""
        return supersampling.place(m, "x", q, tile.col)

    def row(self, m, tile, q):
        """A destination row, likewise."""
        return supersampling.place(m, "y", q, tile.row + supersampling.pixel_row(m, q))

    def place(self, m, tile, q, k):
        """Destination columns, but of signals row and, of volumes, slice of a vector of pixels."""
        first = self.column(m, tile, q)
        u = m.least(m.counting("f8") + (m.to(k, "f8") + first), m.to(tile.cols - 1, "f8") + first)
        place = [u, self.row(m, tile, q)] if tile.axes > 1 else [u]
        return place if tile.axes < 3 else [*place, supersampling.place(m, "z", q, tile.slice)]

    def located(self, m, tile, q, k):
        """The formula."""
        return [m.full(plain(x), "f8") for x in self.locate(self.plan, *self.place(m, tile, q, k))]

    def find(self, m, tile, q, k):
        """The coordinates, and whether they are numbers."""
        return [(x, x * 0.0) for x in self.located(m, tile, q, k)]

    def corners(self, m, tile):
        """The coordinates of a tile's corners, one after another around it."""
        left, top = self.column(m, tile, 0), self.row(m, tile, 0)
        right, bottom = left + supersampling.width(m, tile), top + supersampling.height(m, tile)
        places = (left, top), (right, top), (right, bottom), (left, bottom)
        return [[m.full(x, "f8", None) for x in self.locate(self.plan, u, v)] for u, v in places]

    def ends(self, m, tile):
        """The least and the largest coordinates of a tile on each axis, of an affine transform: they are at its corners."""
        points = self.corners(m, tile)
        for axis in range(2):
            low = high = points[0][axis]
            for point in points[1:]:
                low, high = m.smaller(low, point[axis]), m.larger(high, point[axis])
            yield low, high

    def line(self, m, tile, q, k):
        """Of an affine transform: the coordinates of one pixel, and how they change from column to column."""
        place = self.column(m, tile, q) + m.to(k, "f8"), self.row(m, tile, q)
        for x in self.locate(self.plan, Dual(place[0], {0: 1.0}), place[1]):
            yield value_of(x), slopes_of(x).get(0, 0.0)

    def begin_sums(self, m, tile, number, unit):
        """Sums for the plan, lane by lane; of one that is moving, and of how they change."""
        self.place_of_sums = (unit * tiles(m, tile.axes) + number) * m.count
        self.sums = [[m.variable(m.full(0.0, "f8")) for _ in range(1 + self.moving)] for _ in self.plan]

    def pull(self, m, tile, q, k, grads):
        """Add up what the coordinates' gradients mean for the plan."""
        point = self.locate(marked(self.plan), *self.place(m, tile, q, k))
        for i, share in self.shares(m, point, grads):
            self.collect(i, share)

    def shares(self, m, point, grads):
        """What a point's gradients mean for each marked number that it depends on."""
        shares = {}
        for x, grad in zip(point, grads):
            for i, slope in slopes_of(x).items():
                shares[i] = as_kind(m, grad, "f8") * slope + shares.get(i, 0.0)
        return shares.items()

    def collect(self, i, share):
        """Add to the gradient of a number of the plan."""
        for total, part in zip(self.sums[i], (value_of(share), change_of(share))):
            total.value = total.value + part

    def finish(self, m):
        """The tile's sums: from the plan's gradient to that of the parameters."""
        plan = self.planned(m, marked(self.values))
        totals = [m.full(0.0, "f8", None) for _ in self.values]
        for number, parts in zip(plan, self.sums):
            grad, *change = (m.reduce(add, lanes.value) for lanes in parts)
            if self.moving:
                grad = Dual(grad, {CHANGE: change[0]})
            for i, slope in slopes_of(number).items():
                totals[i] = totals[i] + grad * slope
        for i, total in enumerate(totals):
            m.sums[self.place_of_sums + i] = self.written(total)

    def written(self, grad):
        """The part of a gradient that is asked for."""
        return change_of(grad) if self.moving else grad

    def push(self, m, tile, q, k):
        """The derivative of the formulas along the parameters' change."""
        return [m.full(change_of(x), "f8") for x in self.locate(self.plan, *self.place(m, tile, q, k))]

    def push_twice(self, m, tile, q, k):
        """The derivatives along either change and along both."""
        each = changes_of(self.locate(self.plan, *self.place(m, tile, q, k)))
        return [[m.full(number, "f8") for number in numbers] for numbers in each]


class ByArray:
    """Coordinates from an array, normalised, as precise as the array is; ``layout`` says where they are.

    ``apart`` is the distance of its samples; ``span``, source pixels from -1 to +1, and ``middle``, the pixel at 0, turn them
    into pixels.
    """

    affine = in_turn = False

    def __init__(self, dtype, axes, layout, moving):
        self.dtype, self.layout, self.moving = dtype, layout, moving
        self.parameters = {"numbers": dtype, "apart": "int"}
        for axis in AXES[:axes]:
            self.parameters |= {f"span_{axis}": "float", f"middle_{axis}": "float"}
        self.parameters |= dict.fromkeys(CHANGES[:moving], dtype) | dict.fromkeys(APART[:moving], "int")
        self.pulling = {"sums": dtype}

    def start(self, m):
        """Nothing is needed."""

    def begin(self, m, sample, tile):
        """Remember where the sample's numbers begin."""
        self.at = sample * m.apart
        self.at_change = sample * m.changes_apart if self.moving else None

    def half(self, m, axis):
        """Pixels from 0 to 1."""
        return m.to(m.arguments[f"span_{AXES[axis]}"] * 0.5, self.dtype)

    def find(self, m, tile, q, k):
        """The pixels meant; of those that the array's precision cannot tell from a whole one, the whole one."""
        return [self.pixel(m, axis, given) for axis, given in enumerate(self.given(m, tile, q, k))]

    def given(self, m, tile, q, k):
        """The numbers of each axis; lanes beyond the last column repeat the first one."""
        numbers = [m.variable(vector) for vector in means.read_grid(m, self, m.numbers, self.at, tile, q, k)]
        self.layout.ask(m, m.numbers, self.at, tile, q, k)
        for _ in m.when(tile.cols - k < LANES):
            held = m.counting("i8") < tile.cols - k
            for number, at in zip(numbers, self.layout.places(m, tile, q, k)):
                number.value = np.where(held, number.value, m.numbers[self.at + at])
        return [number.value for number in numbers]

    def pixel(self, m, axis, given):
        """A coordinate; what is too far out for a number is infinite, but no less a point for it."""
        return self.rounded(m, axis, given), given * 0.0

    def rounded(self, m, axis, given):
        """A number in pixels."""
        half, middle = self.half(m, axis), m.to(m.arguments[f"middle_{AXES[axis]}"], self.dtype)
        unit = np.finfo(self.dtype).eps * 0.5
        value = given * half + middle
        whole = np.rint(value)
        close = abs(value - whole) <= abs(given) * (half * (2 * unit)) + middle * unit
        return np.where(close, whole, value)

    def rates(self, m, tile, q, k):
        """How much each coordinate changes with its number."""
        return [self.half(m, axis) for axis in range(tile.axes)]

    def begin_sums(self, m, tile, number, unit):
        """Nothing is summed; each block of channels has an array of its own."""
        self.place_of_sums = unit * means.numbers_of(m, tile)

    def pull(self, m, tile, q, k, grads):
        """The gradients themselves, normalised."""
        rates = self.rates(m, tile, q, k)
        means.write_grid(m, self, tile, q, k, [grad * rate for grad, rate in zip(self.written(m, grads), rates)])

    def written(self, m, grads):
        """The part of gradients that is asked for."""
        return [m.to(change_of(grad) if self.moving else grad, self.dtype) for grad in grads]

    def finish(self, m):
        """All is written."""

    def push(self, m, tile, q, k):
        """The change itself, in source pixels."""
        return self.scaled(m, m.changes, tile, q, k)

    def push_twice(self, m, tile, q, k):
        """Both changes; the coordinates are linear in them."""
        one, other = (self.scaled(m, m.arguments[name], tile, q, k) for name in CHANGES)
        return one, other, [m.full(0.0, self.dtype) for _ in one]

    def scaled(self, m, changes, tile, q, k):
        """Changes of the numbers in source pixels."""
        changes = means.read_grid(m, self, changes, self.at_change, tile, q, k)
        return [change * rate for change, rate in zip(changes, self.rates(m, tile, q, k))]
