"""The nearest pixel in ONNX's nodes, found before GridSample is asked for it.

GridSample rounds to even, and computes coordinates with errors that decide halfway between two pixels. A whole pixel
stays what it is.
"""

import numpy as np
from onnx import helper

from ..dtypes import DTYPES
from ..samplers import SAMPLERS, SLIVER

# Steps of a pixel: rounding errors of float64 are less than one, and what is halfway between pixels is a multiple.
FINE = 2.0**30

# Where a transform's parameters are shifts, x first, by the number of axes.
SHIFTS = {
    "affine": {2: (2, 5), 3: (3, 7, 11)},
    "translation": {2: (0, 1), 3: (0, 1, 2)},
    "attention": {2: (1, 2), 3: (1, 2, 3)},
    "projective": {2: (2, 5), 3: (3, 7, 11)},
}


def number(dtype):
    """ONNX's number of a dtype."""
    return helper.np_dtype_to_tensor_dtype(np.dtype(dtype).newbyteorder("="))


def scale(graph, name, axes, align_corners):
    """Half of the pixels from -1 to +1, and the pixel at 0, x first, in float64, of images of whatever size."""
    sizes = graph.add("Shape", [name], "sizes", start=2)
    turned = graph.add("Gather", [sizes, graph.integers("turn", range(axes)[::-1])], "turned")
    wide = graph.add("Cast", [turned], "wide_sizes", to=number(np.float64))
    one, two = graph.constant("first", np.array(1.0)), graph.constant("two", np.array(2.0))
    middle = graph.add("Div", [graph.add("Sub", [wide, one], "last"), two], "middle")
    return middle if align_corners else graph.add("Div", [wide, two], "half"), middle


def inverse(graph, half):
    """One divided by each half; of a size of 1, which lies at 0, 0."""
    nought, least = graph.constant("nought", np.array(0.0)), graph.constant("least", np.array(0.5))
    some = graph.add("Greater", [half, nought], "some")
    divided = graph.add("Reciprocal", [graph.add("Max", [half, least], "divisor")], "divided")
    return graph.add("Where", [some, divided, nought], "inverse")


def whole_pixels(graph, grid_name, dtype, target, pixels, sampler_type, made):
    """A grid of this dtype, coordinates last, whose points are the pixels that the operator takes; as GridSample wants it.

    Pixels are found in the grid's own precision, rounded once, as by the operator. A grid that was ``made`` by nodes before
    has rounding errors that the operator's coordinates do not have; they are taken away.
    """
    half, middle = pixels
    compute, target = (DTYPES[np.dtype(one).newbyteorder("=")] for one in (dtype, target))
    wide = graph.add("Cast", [grid_name], "wide", to=number(np.float64))
    exact = graph.add("Add", [graph.add("Mul", [wide, half], "scaled"), middle], "exact")
    if made:
        fine = graph.constant("fine", np.array(FINE))
        steps = graph.add("Round", [graph.add("Mul", [exact, fine], "fine_steps")], "whole_steps")
        exact = graph.add("Div", [steps, fine], "clean")
    pixel = graph.add("Cast", [exact], "pixel", to=number(compute))
    if sampler_type == "nearest_even":
        cell = graph.add("Round", [pixel], "cell")
    else:
        up = graph.constant("up", np.array(SAMPLERS["nearest"].shift + SLIVER, compute))
        cell = graph.add("Floor", [graph.add("Add", [pixel, up], "above")], "cell")
    centre = graph.add("Cast", [middle], "centre", to=number(compute))
    centred = graph.add("Sub", [cell, centre], "centred")
    factor = graph.add("Cast", [inverse(graph, half)], "factor", to=number(compute))
    return graph.add("Cast", [graph.add("Mul", [centred, factor], "whole")], "narrow", to=number(target))


def settled(graph, name, loc, half, axes, transform_type):
    """Parameters in float64, where a shift that is the number nearest to one by whole pixels has become that shift.

    So the operator reads them (``transforms.affine.pixels``), and its coordinates halfway between pixels are exact. An axis of
    one pixel has nothing to settle: its whole numbers stay what they are.
    """
    wide = graph.add("Cast", [name], "wide_loc", to=number(np.float64))
    shifts = list(SHIFTS.get(transform_type, {}).get(axes, ()))
    settles, places = np.zeros(loc.shape[1], bool), np.zeros((axes, loc.shape[1]))
    settles[shifts], places[range(len(shifts)), shifts] = True, 1.0
    one, nought = graph.constant("unit", np.array(1.0)), graph.constant("none", np.array(0.0))
    spans = graph.add("Where", [graph.add("Greater", [half, nought], "wider"), half, one], "spans")
    more = graph.add("Sub", [spans, one], "more")
    halves = graph.add("Add", [graph.add("MatMul", [more, graph.constant("places", places)], "added"), one], "halves")
    whole = graph.add("Round", [graph.add("Mul", [wide, halves], "shift")], "whole_shift")
    meant = graph.add("Div", [whole, halves], "meant")
    stored = graph.add("Cast", [meant], "stored", to=number(loc.dtype))
    same = graph.add("Equal", [stored, name], "same")
    which = graph.add("And", [same, graph.constant("settles", settles)], "which")
    return graph.add("Where", [which, meant, wide], "settled")
