"""Gradients that are added to the pixels that were read in place: the transpose of reading them."""

import itertools

import numpy as np

from . import cells, means
from .blending import add_to
from .grid_layouts import together
from .in_place import by_axis, kept_vectors, moved_by
from .tiles import AHEAD, area
from .trace import LANES


def above_of(m, first, count):
    """The gradients of the first ``count`` samples of a vector; those of a row that comes soon are asked for."""
    (above,) = means.shared(m, [m.read(first, 0, count)])
    first.prefetch(m.w_out * AHEAD)
    return above


def share(numbers, factors):
    """The weight of the tap with these numbers, from x to the last axis; what is zero multiplies nothing."""
    weight = factors[-1][numbers[-1]]
    for of_axis, number in zip(factors[-2::-1], numbers[-2::-1]):
        weight = np.where((weight != 0) & (of_axis[number] != 0), weight * of_axis[number], 0.0)
    return weight


def share_moved(numbers, weights, slopes, moved):
    """How it changes when the coordinates are ``moved``."""
    total = None
    for change, factors in zip(moved, by_axis(weights, slopes)):
        if not any(cells.is_zero(of_axis[number]) for of_axis, number in zip(factors, numbers)):
            total = moved_by(total, change, share(numbers, factors))
    return total


def pieces(m, taps, jets):
    """All taps at once or slice by slice: where they are, and their weights and derivatives."""
    spots = taps.spots()
    if not taps.sliced:
        yield spots, jets
        return
    outer = [kept_vectors(m, of_axis[-1], taps.rules.dtype) for of_axis in jets]
    for r, here in taps.slices(spots):
        yield here, [[*of_axis[:-1], [kept.vector(r * LANES)]] for of_axis, kept in zip(jets, outer)]


def spill(m, taps, jets, moved, first, lower, plane_size, begin, end, count, top, bottom):
    """Add a vector of gradients of each channel to the pixels that were read, lane by lane, since lanes may share a pixel.

    If the coordinates are ``moved``, add what their weights change by. Lines of taps that are whole and in the band are added to at once,
    others tap by tap, in the same order.
    """
    if moved and all(cells.is_zero(slope) for of_axis in jets[1] for slope in of_axis):
        return

    def factor_of(numbers, known_jets):
        factor = share_moved(numbers, *known_jets[:2], moved) if moved else share(numbers, known_jets[0])
        return np.where(m.counting("i8") < count, factor, 0.0)

    def each_channel():
        for channel in m.range(begin, end):
            yield above_of(m, first.starting(channel * area(m, taps.axes)), count), lower.starting(channel * plane_size)

    whole = m.samples < 0
    if taps.axes < 3 and taps.rules.reach in (2, 4):
        last = taps.cells[-1] + taps.rules.reach
        whole = taps.inside() & m.all((taps.cells[-1] >= m.to(top, "i4")) & (last <= m.to(bottom, "i4")))
        for _ in m.when(whole):
            spill_lines(m, taps, jets, factor_of, each_channel)
    line = plane_size // taps.sizes[-1]
    for _ in m.when(~whole):
        spill_taps(m, taps, jets, factor_of, each_channel, line, top, bottom)


def spill_lines(m, taps, jets, factor_of, each_channel):
    """The taps of a line together."""
    reach, dtype = taps.rules.reach, taps.rules.dtype
    places, shares = m.workspace("i4", LANES), m.workspace(dtype, LANES * reach)
    places.put(0, taps.first())
    lines = list(itertools.product(range(reach), repeat=taps.axes - 1))
    factors = {numbers: [factor_of((x, *numbers), jets) for x in range(reach)] for numbers in lines}
    for above, target in each_channel():
        for numbers in lines:
            parts = [np.where(factor != 0, factor * above, -0.0) for factor in factors[numbers]]
            for number, vector in enumerate(together(m, parts)):
                shares.put(number * LANES, vector)
            at = taps.starting(target, numbers)
            for i in range(LANES):
                add_to(m, at, m.to(places[i], "i8"), shares.vector(i * reach, reach))


def spill_taps(m, taps, jets, factor_of, each_channel, line, top, bottom):
    """Tap by tap: those of a line that are next to each other in the image, lane by lane; of volumes all lanes of a tap."""
    dtype, width = taps.rules.dtype, taps.rules.reach if taps.axes < 3 else 1
    instead = m.least(m.counting("i8"), (bottom - top) * line - 1) + top * line
    for here, known_jets in pieces(m, taps, jets):
        places = taps.looked_up(here, top, bottom)
        spots, factors = m.workspace("i8", LANES * len(places)), m.workspace(dtype, LANES * len(places))
        shares = m.workspace(dtype, LANES * width)
        for number, numbers in enumerate(sorted(places, key=lambda numbers: numbers[::-1])):
            (place, signs), factor = places[numbers], factor_of(numbers, known_jets)
            held = (signs >= 0) & (factor != 0)
            # What is nowhere adds -0, which changes nothing, to some pixel of the band: that is quicker than to ask each time.
            spots.put(number * LANES, np.where(held, place, instead))
            factors.put(number * LANES, np.where(held, factor, 0.0))
        for above, target in each_channel():
            for number in m.range(0, len(places), width):
                for x in range(width):
                    factor = factors.vector((number + x) * LANES)
                    shares.put(x * LANES, np.where(factor != 0, factor * above, -0.0))
                for i in m.range(0, LANES):
                    for x in range(width):
                        place = spots[(number + x) * LANES + i]
                        target[place] = target[place] + shares[x * LANES + i]
