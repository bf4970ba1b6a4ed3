"""Plans: what calls that sample have in common if their arrays are alike, and the calls that have passed all checks."""

import functools
import math

import numpy as np

from .. import check
from ..dtypes import IMAGES, PARTS, smooth
from ..paddings import PADDINGS
from . import filling
from .coordinates import fixed_of, number_of, room
from .engine import kernels
from .memory import made_once, side_by_side
from .outside import inside, outside
from .samples import sides_of, tables_of

DIMENSIONS = {1: ("w",), 2: ("h", "w"), 3: ("d", "h", "w")}


class Plan:
    """What calls of an operator have in common if their arrays have the same shapes and dtypes.

    ``transform`` is the row for parameters, or None for a grid, whose ``points`` say whether their coordinates stand side by
    side, and whether they are moved inside first; ``rows`` are those of sampler and padding; ``fill`` is what lies outside where
    there are no pixels, a tuple for the channels, or None for zeros. ``fine`` is how many samples a pixel has along each axis of the
    images, or None if it has one. ``out_dtype`` is the dtype of results, if it is not that of images.
    """

    def __init__(
        self,
        shape,
        given_shape,
        target,
        dtype,
        given_dtype,
        transform,
        rows,
        edge,
        points=(False, False),
        fill=None,
        fine=None,
        out_dtype=None,
    ):
        self.source, self.target, self.edge = shape[2:], target, edge
        samples = given_shape[0] if shape[0] == 1 else shape[0]
        self.shared = samples if shape[0] == 1 else 1  # samples that have one image
        self.dtype, self.compute, self.out_dtype = out_dtype or dtype, IMAGES[dtype], out_dtype
        self.stored, self.written = stored_as(dtype), stored_as(self.dtype)
        self.shape, self.transform, self.rows, self.points = (samples, shape[1], *target), transform, rows, points
        self.fill, self.fine = fill, fine
        self.given = (shape, given_shape, target, dtype, given_dtype, transform, rows, edge, points)
        self.number, self.count = number_of(transform, given_dtype), given_shape[1] if transform else 0
        self.nothing = 0 in self.shape
        self.beside_too = len(target) == 2  # volumes and signals are sampled in place, where channels are planes

    @made_once
    def fixed(self):
        """What kernels are given that depends on sizes only; whoever asks for a shape alone needs none of it."""
        sampler, padding = self.rows
        values = {"samples": self.shape[0], "channels": self.shape[1], "sharing": self.shared}
        for name, size, size_out in zip(DIMENSIONS[len(self.source)], self.source, self.target):
            values[name], values[f"{name}_out"] = size, size_out
        values |= outside(padding, sampler, self.source, self.edge)
        if self.points[1]:
            values |= inside(padding, self.source, self.edge)
        if self.fine:
            values |= tables_of(self.fine)
        values |= self.places()
        lanes = kernels("trace").LANES
        values["fill"] = filling.laid_out(self.fill, self.shape[1], self.work.group, self.compute, lanes)
        return kernels("kernel").Fixed(values)

    def places(self):
        """What kernels are given of coordinates."""
        return fixed_of(self.transform, self.count, self.source, self.target, self.edge)

    def lying(self, data, given):
        """How the channels of these arrays lie, if kernels read both as they are: beside each other or not; else None. It costs tiny calls little."""
        if not self.as_given or data.dtype != self.stored or given.dtype != self.number or not given.flags.carray:
            return None
        if data.flags.carray:
            return False
        dense = len(data) == 1 or data.strides[0] == data.itemsize * math.prod(data.shape[1:])
        return True if self.beside_too and dense and data.flags.behaved and side_by_side(data) else None

    @made_once
    def as_given(self):
        """Whether nothing is computed from parameters or grids beforehand."""
        return not self.fine and (self.transform is None or self.transform.solve is None)

    @made_once
    def steps(self):
        """How far apart samples and channels are in such arrays, in numbers: of planes, and of channels beside each other."""
        shape, given_shape = self.given[:2]
        steps = {"image_step": math.prod(shape[1:]), "apart": math.prod(given_shape[1:])}
        single = {"image_step": shape[0] == 1, "apart": given_shape[0] == 1}  # one is that of all samples
        found = {name: 0 if single[name] else step for name, step in steps.items()}
        return [{**found, "channel_step": step} for step in (math.prod(shape[2:]), 1)]

    @made_once
    def small(self):
        """Whether calls are never worth a second thread, nor more than the least that can be done for them."""
        most = kernels("threads").most_threads(self.work.tiles, self.work.elements)
        return self.as_given and not self.nothing and most < 2

    @made_once
    def packed(self):
        """What such calls have in common: of planes, and of channels beside each other."""
        return [kernels("kernel").Fixed({**self.fixed, **steps}) for steps in self.steps]

    def threads(self):
        """How many threads the work deserves now."""
        return kernels("threads").threads_for(self.work.tiles, self.work.elements)

    @made_once
    def linear(self):
        """The plan of the same calls without a fill, of which the result is linear in the images."""
        return self if self.fill is None else plan_of(Plan, *self.given, None, self.fine, self.out_dtype)

    def of_batch(self, images):
        """The plan for another number of images."""
        shape, *others = self.given
        return plan_of(Plan, (images, *shape[1:]), *others, self.fill, self.fine, self.out_dtype)

    @made_once
    def of_ones(self):
        """The plan of the coverage: images of ones, in one channel, and nothing outside."""
        shape, given_shape, target, dtype, given_dtype, transform, rows, edge, points = self.given
        nothing, ones = (rows[0], PADDINGS["zeros"]), (shape[0], 1, *shape[2:])
        facts = target, smooth(dtype), given_dtype, transform, nothing, edge, (points[0], False)
        return plan_of(Plan, ones, given_shape, *facts, None, self.fine)

    @made_once
    def work(self):
        """How the work is divided."""
        build = kernels("build")
        return (
            build.work_of(self.shape, sides_of(self.fine), math.prod(self.fine))
            if self.fine
            else build.work_of(self.shape)
        )

    @made_once
    def key(self):
        """What kernels depend on."""
        build = kernels("build")
        fine = bool(self.fine)
        formula = build.formula(self.transform, fine) if self.transform else build.Points(*self.points, fine)
        return len(self.source), formula, self.number, self.rows[0], self.compute.str[1:], self.kind(self.stored)

    def kind(self, stored):
        """The kind of numbers that images or results are stored as, if kernels compute with another."""
        return None if stored == self.compute else stored.str[1:]

    @made_once
    def pairs(self):
        """Kernels by windows and in place, by what they do and whether channels lie beside each other."""
        return {}

    def forward(self, beside):
        """Kernels that sample, by windows and in place."""
        if ("forward", beside) not in self.pairs:
            build = kernels("build")
            written = self.kind(self.written)
            self.pairs["forward", beside] = build.forward(*self.key, written, self.work.group, self.work.few, beside)
        return self.pairs["forward", beside]

    def backward(self, beside):
        """Kernels that pull gradients back, likewise."""
        if ("backward", beside) not in self.pairs:
            self.pairs["backward", beside] = kernels("build").backward(*self.key, self.work.group, beside)
        return self.pairs["backward", beside]

    def run(self, pair, threads, given, planes=None, fixed=None):
        """Do a tile by way of a window where that pays, and in place what is left over.

        In place, channels are planes. If they lie beside each other instead, ``planes()`` gives those arrays otherwise, and
        takes back what is written. ``fixed`` are all numbers that are known already, if more are than of any call.
        """
        by_windows, in_place = pair
        fixed = fixed or self.fixed
        if self.transform is not None and (self.transform.basis or self.transform.term):
            given |= room(fixed, threads)
        if by_windows is None:
            given["todo"] = np.ones(self.work.tiles, np.uint8)
        else:
            given["todo"] = np.empty(self.work.tiles, np.uint8)
            by_windows(threads, given, fixed)
            if 1 not in given["todo"].tobytes():
                return
            given["add_data"] = True
        if planes is None:
            in_place(threads, given, fixed)
            return
        with planes() as others:
            in_place(threads, {**given, **others}, self.fixed)

    def part(self, samples, fine):
        """The plan of so many of the samples, whose pixels have several samples of the image each, unless ``fine`` is 1 on all axes."""
        shape, given_shape, *others, (beside, inside) = self.given
        shapes = [
            (min(sizes[0], samples), *sizes[1:]) for sizes in (shape, given_shape)
        ]  # one may be shared by all samples
        fine = None if max(fine) == 1 else fine
        points = beside and not fine, inside  # a grid is copied with its slopes
        return plan_of(type(self), *shapes, *others, points, self.fill, fine, self.out_dtype)


def stored_as(dtype):
    """The dtype of images as kernels read them: float16 is converted before, and booleans are bytes."""
    if dtype.kind == "f":
        return IMAGES[dtype]
    return np.dtype("uint8") if dtype.kind == "b" else dtype


@functools.lru_cache(maxsize=256)
def plan_of(kind, *facts):
    """The plan of a kind, a class."""
    return kind(*facts)


# The plans of calls that have passed all checks, by what these look at.
KNOWN = {}


def recall(data, given, params, rows):
    """What the checks of a call look at, shapes, dtypes, and its other arguments with their types; and the plan of such a call, if one passed.

    Both are None if the call is not a plain one. ``rows`` are those of the tables that the arguments name; a plan keeps its
    rows, so that their identities stay theirs.
    """
    if type(data) is not np.ndarray or type(given) is not np.ndarray:
        return None, None
    facts = (
        data.shape, data.dtype, given.shape, given.strides, given.dtype, params, *map(type, params), *map(id, rows),
        *(map(type, params[0]) if type(params[0]) is tuple else ()),
    )  # fmt: skip
    try:
        return facts, KNOWN.get(facts)
    except TypeError:  # an argument such as a list has no hash
        return None, None


def remember(facts, plan):
    """Spare the checks of the next call of this kind."""
    if facts is not None:
        if len(KNOWN) >= 1024:
            KNOWN.clear()
        KNOWN[facts] = plan
    return plan


def planned(
    name, data, given, target_shape, transform, rows, align_corners, inside=False, fill=None, kind=Plan, out_dtype=None
):
    """The plan of a call whose arrays have been checked; of numbers in two parts, that of the parts."""
    (images, channels, *source), dtype = data.shape, data.dtype.newbyteorder("=")
    if dtype in PARTS:
        fill = filling.in_parts(fill, channels, dtype)
        channels, dtype = 2 * channels, PARTS[dtype]
    check.result(name, "the result", (max(images, len(given)), channels, *target_shape))
    points = transform is None and side_by_side(given), inside
    shape = given.shape if transform is None else (len(given), math.prod(given.shape[1:]))
    facts = target_shape, dtype, given.dtype, transform, rows, not align_corners, points, fill, None, out_dtype
    return plan_of(kind, (images, channels, *source), shape, *facts)
