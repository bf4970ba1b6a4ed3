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
    ("affine", 2): (2, 5),
    ("affine", 3): (3, 7, 11),
    ("translation", 2): (0, 1),
    ("attention", 2): (1, 2),
    ("projective", 2): (2, 5),
}


def number(dtype):
    """ONNX's number of a dtype."""
    return helper.np_dtype_to_tensor_dtype(np.dtype(dtype).newbyteorder("="))


def scale(sizes, align_corners):
    """Half of the pixels from -1 to +1, and the pixel at 0, x first."""
    sizes = np.array(sizes[::-1], np.float64)
    return (sizes - 1 if align_corners else sizes) / 2, (sizes - 1) / 2


def whole_pixels(graph, grid_name, dtype, data, params, made):
    """A grid of this dtype, coordinates last, whose points are the pixels that the operator takes; as GridSample wants it.

    Pixels are found in the grid's own precision, rounded once, as by the operator. A grid that was ``made`` by nodes before
    has rounding errors that the operator's coordinates do not have; they are taken away.
    """
    half, middle = scale(data.shape[2:], params["align_corners"])
    compute, target = DTYPES[np.dtype(dtype).newbyteorder("=")], DTYPES[data.dtype.newbyteorder("=")]
    wide = graph.add("Cast", [grid_name], "wide", to=number(np.float64))
    scaled = graph.add("Mul", [wide, graph.constant("half", half)], "scaled")
    exact = graph.add("Add", [scaled, graph.constant("middle", middle)], "exact")
    if made:
        fine = graph.constant("fine", np.array(FINE))
        steps = graph.add("Round", [graph.add("Mul", [exact, fine], "fine_steps")], "whole_steps")
        exact = graph.add("Div", [steps, fine], "clean")
    pixel = graph.add("Cast", [exact], "pixel", to=number(compute))
    if params["sampler_type"] == "nearest_even":
        cell = graph.add("Round", [pixel], "cell")
    else:
        up = graph.constant("up", np.array(SAMPLERS["nearest"].shift + SLIVER, compute))
        cell = graph.add("Floor", [graph.add("Add", [pixel, up], "above")], "cell")
    centred = graph.add("Sub", [cell, graph.constant("centre", middle.astype(compute))], "centred")
    inverse = np.where(half > 0, 1 / np.maximum(half, 0.5), 0)  # a size of 1 lies at 0
    whole = graph.add("Mul", [centred, graph.constant("inverse", inverse.astype(compute))], "whole")
    return graph.add("Cast", [whole], "narrow", to=number(target))


def settled(graph, name, loc, data, params):
    """Parameters in float64, where a shift that is the number nearest to one by whole pixels has become that shift.

    So the operator reads them (``transforms.affine.pixels``), and its coordinates halfway between pixels are exact.
    """
    wide = graph.add("Cast", [name], "wide_loc", to=number(np.float64))
    shifts = list(SHIFTS.get((params["transform_type"], data.ndim - 2), ()))
    half, _ = scale(data.shape[2:], params["align_corners"])
    halves, settles = np.ones(loc.shape[1]), np.zeros(loc.shape[1], bool)
    halves[shifts], settles[shifts] = np.where(half > 0, half, 1), half > 0
    halves = graph.constant("halves", halves)
    whole = graph.add("Round", [graph.add("Mul", [wide, halves], "shift")], "whole_shift")
    meant = graph.add("Div", [whole, halves], "meant")
    stored = graph.add("Cast", [meant], "stored", to=number(loc.dtype))
    same = graph.add("Equal", [stored, name], "same")
    which = graph.add("And", [same, graph.constant("settles", settles)], "which")
    return graph.add("Where", [which, meant, wide], "settled")
