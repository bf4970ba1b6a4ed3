"""From rows of the tables to kernels: each exists once, and is compiled when it is first called."""

import functools
import math
from typing import NamedTuple

from ..transforms import affine
from . import cells, coverage, grids, names, planes, scattered, supersampling
from .cells import Rules
from .grid_layouts import LAYOUTS
from .inside import Inside
from .kernel import Kernel
from .sources import ByArray, ByTransform
from .sums import BySum
from .terms import ByTerms
from .tiles import blocks_of, tiles_of
from .window import group_of as group_of


class Formula(NamedTuple):
    """What kernels need to know of a transform, and whether pixels have several samples."""

    fold: object
    locate: object
    count: int
    basis: object
    term: object
    term_size: int
    fine: bool = False
    of_array = False

    @property
    def affine(self):
        """Whether the least and largest coordinates of a tile are at its corners."""
        return self.locate is affine.locate and self.basis is None and self.term is None


class Points(NamedTuple):
    """What kernels need to know of a grid: whether coordinates stand side by side, whether points are moved inside first, and the same."""

    side_by_side: bool
    inside: bool
    fine: bool = False
    of_array = True


@functools.cache
def formula(transform, fine=False):
    """A transform's formulas and the number of parameters that they take."""
    fold, locate, basis = transform.fold, transform.locate, transform.basis
    return Formula(fold, locate, transform.folded, basis, transform.term, transform.term_size, fine)


def source_of(axes, formula, dtype, moving=0):
    """Where coordinates come from: a formula with parameters of this dtype, or an array; and along how many changes these move."""
    if formula.of_array:
        source = (Inside if formula.inside else ByArray)(dtype, axes, LAYOUTS[formula.side_by_side], moving)
    else:
        kind = ByTerms if formula.term else BySum if formula.basis else ByTransform
        source = kind(formula, axes, dtype, moving)
    if formula.fine:
        source.parameters |= supersampling.parameters(axes)
    return source


@functools.cache
def forward(axes, formula, dtype, sampler, number, stored, written, group, few, beside=False):
    """Kernels that sample: by windows, which only images have, and in place.

    Windows are filled from planes, or from pixels whose channels lie ``beside`` each other. Images are ``stored``, and results
    ``written``, as numbers of these kinds.
    """
    in_place, by_windows = forward_in_place(axes, formula, dtype, sampler, number, stored, written), None
    if axes == 2:
        source, rules = source_of(axes, formula, dtype), Rules(sampler, number, stored, written)
        by_windows = Kernel(
            f"{names.of(axes, formula, dtype, sampler, number, names.forward(stored, written), stored)}, {names.channels(group, few, beside)}",
            lambda m: planes.forward(m, rules, source, group, few, beside),
            {**planes.parameters(rules, source, axes), "out": rules.written},
        )
    return by_windows, in_place


@functools.cache
def forward_in_place(axes, formula, dtype, sampler, number, stored, written):
    """The second of these, whatever the number of channels."""
    source, rules = source_of(axes, formula, dtype), Rules(sampler, number, stored, written)
    return Kernel(
        f"{names.of(axes, formula, dtype, sampler, number, names.forward(stored, written), stored)}, scattered",
        lambda m: scattered.forward(m, rules, source, axes),
        {**planes.parameters(rules, source, axes), "out": rules.written},
    )


def pulling(source, number):
    """What gradients are given and write besides."""
    flags = dict.fromkeys(("bands", "sharing", "want_data", "add_data", "want_values"), "int")
    return {**flags, "upper": number, "lower": number, **source.pulling}


@functools.cache
def backward(axes, formula, dtype, sampler, number, stored, group, beside=False):
    """Kernels that pull gradients back: by windows, which only images have, and in place."""
    in_place, by_windows = backward_in_place(axes, formula, dtype, sampler, number, stored), None
    if axes == 2:
        source, rules = source_of(axes, formula, dtype), Rules(sampler, number, stored)
        by_windows = Kernel(
            f"{names.of(axes, formula, dtype, sampler, number, 'gradients', stored)}, {names.channels(group, beside=beside)}",
            lambda m: planes.backward(m, rules, source, group, beside),
            {**planes.parameters(rules, source, axes), **pulling(source, number)},
        )
    return by_windows, in_place


@functools.cache
def backward_in_place(axes, formula, dtype, sampler, number, stored, moving=0):
    """The second of these, whatever the number of channels; if ``moving``, of how gradients change with the coordinates."""
    source, rules = source_of(axes, formula, dtype, moving), Rules(sampler, number, stored)
    what = "second derivatives" if moving else "gradients"
    return Kernel(
        f"{names.of(axes, formula, dtype, sampler, number, what, stored)}, scattered",
        lambda m: scattered.backward(m, rules, source, axes),
        {**planes.parameters(rules, source, axes), **pulling(source, number)},
    )


@functools.cache
def push(axes, formula, dtype, sampler, number, stored, moving=1):
    """The kernel that adds what a change of the coordinates does to the samples; or what another change does to that."""
    source, rules = source_of(axes, formula, dtype, moving), Rules(sampler, number, stored)
    text, what = tangents(scattered, moving)
    return Kernel(
        names.of(axes, formula, dtype, sampler, number, what, stored),
        lambda m: text(m, rules, source, axes),
        {**planes.parameters(rules, source, axes), "out": number},
    )


@functools.cache
def cover(axes, formula, dtype, sampler, number, stored=None):
    """The kernel that writes how much of each sample's weight lies inside."""
    source, rules = source_of(axes, formula, dtype), Rules(sampler, number)
    sizes = {"samples": "int", **dict.fromkeys("whd"[:axes], "int"), **cells.output(axes), **cells.parameters(axes)}
    return Kernel(
        names.of(axes, formula, dtype, sampler, number, "coverage"),
        lambda m: coverage.forward(m, rules, source, axes),
        {**sizes, **source.parameters, "out": number},
    )


def tangents(texts, moving):
    """The text for tangents along so many changes, and what the log says that it is for."""
    return (texts.push_twice, "second tangents") if moving == 2 else (texts.push, "tangents")


def of_grid(label, text, source, key, side_by_side, given):
    """A kernel about a grid, whose coordinates may stand side by side."""
    axes, formula, dtype, number = key
    return Kernel(
        names.of(axes, formula, dtype, None, number, label) + ", coordinates last" * side_by_side,
        lambda m: text(m, source, axes, number, LAYOUTS[side_by_side]),
        {**grids.parameters(source, axes), **given},
    )


@functools.cache
def generate(axes, formula, dtype, number, side_by_side):
    """The kernel that writes a transform's grid."""
    source, key = source_of(axes, formula, dtype), (axes, formula, dtype, number)
    return of_grid("forward", grids.generate, source, key, side_by_side, {"out": number})


@functools.cache
def push_grid(axes, formula, dtype, number, side_by_side, moving=1):
    """The kernel that writes how a transform's grid changes with the parameters; or how that changes along another change."""
    text, what = tangents(grids, moving)
    source, key = source_of(axes, formula, dtype, moving), (axes, formula, dtype, number)
    return of_grid(what, text, source, key, side_by_side, {"out": number})


@functools.cache
def contract(axes, formula, dtype, number, side_by_side, moving=0):
    """The kernel that pulls a grid's gradient back to the parameters, or, if ``moving``, that writes how this changes with them."""
    source, what = source_of(axes, formula, dtype, moving), "second derivatives" if moving else "gradients"
    given, key = {"upper": number, **source.pulling}, (axes, formula, dtype, number)
    return of_grid(what, grids.contract, source, key, side_by_side, given)


@functools.cache
def flow(axes, number):
    """The kernel that turns optical flow into a grid, and, without the pixels' places, the gradient of a grid into one of flow."""
    parameters = {**grids.flow_parameters(axes), "given": number, "out": number}
    words = " ".join(["GridGenerator warp", names.NUMBERS[number], *names.KINDS.get(axes, ())])
    return Kernel(
        f"{words}, forward and gradients",
        lambda m: grids.flow(m, axes, number),
        parameters,
    )


# How many times as long as sampling it takes to pull back, at least.
BACKWARD = 2


class Work(NamedTuple):
    """How the work of sampling is divided: blocks of channels of samples, their tiles, and how much it is.

    ``elements`` are numbers of a single channel that take as long.
    ``group`` channels lie side by side in a window; ``few`` says that no sample has more.
    """

    units: int
    tiles: int
    elements: int
    group: int
    few: bool


@functools.lru_cache(maxsize=256)
def work_of(shape, sides=None, fine=1):
    """The work for an output of this shape; ``sides`` are those of a whole tile, if not the usual ones, ``fine`` how many samples a pixel has."""
    samples, channels, *target = shape
    units, group = samples * blocks_of(channels), group_of(channels)
    # A pixel's place and weights, which serve all channels, take about as long as the sums of one channel.
    elements = samples * math.prod(target) * fine * (channels + 1) // 2
    return Work(units, units * tiles_of(target, sides), elements, group, channels <= group)


def backward_split(work, shared, threads_for):
    """Threads and bands for pulling back, if so many samples share an image; bands only where there are too few other units."""
    threads, units = threads_for(work.tiles, BACKWARD * work.elements), work.units // shared
    bands = 1 if units >= 8 * threads or units % threads == 0 else threads
    return threads, bands
