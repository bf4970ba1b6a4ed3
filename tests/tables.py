"""What the tests run over, taken from the package's own tables, so that a new row is tested without touching a test."""

from itertools import chain, cycle, product

import numpy as np

from spatial_op.paddings import PADDINGS
from spatial_op.samplers import SAMPLERS
from spatial_op.transforms import TABLES, TRANSFORMS


def paired(samplers):
    """Every sampler with zeros and with one more padding, in turn, and every padding with linear samples.

    Kernels are compiled for samplers, paddings are tables for them: more pairs would meet nothing new.
    """
    zeros, *others = PADDINGS
    pairs = product(samplers, [zeros]), product(["bilinear"], PADDINGS), zip(samplers, cycle(others))
    return list(dict.fromkeys(chain(*pairs)))


# By the number of axes of an image.
PAIRS = {axes: paired(SAMPLERS) for axes in TABLES}
# Each row of each table, once with the rows that MXNet has in the other two, and all pairs.
COMBINATIONS = [
    *((transform, "bilinear", "zeros") for transform in TRANSFORMS),
    *(("affine", *pair) for pair in PAIRS[2] if pair != ("bilinear", "zeros")),
]


def compiled(combination):
    """What a combination's kernels are compiled for: all but the padding."""
    return combination[:-1]


def in_turn(rows, choices, kind=lambda row: row):
    """Every row with a list of choices: rows of the first kind with all, those of each other kind with one, in turn.

    Choices such as a number of channels or a dtype choose a kernel's body, and rows are formulas in it: all pairs would
    compile much and meet nothing new.
    """
    kinds = list(dict.fromkeys(map(kind, rows)))
    each = [choices, *([choices[place % len(choices)]] for place in range(1, len(kinds)))]
    return [(row, each[kinds.index(kind(row))]) for row in rows]


MXNET_ROWS = ("affine", "bilinear", "zeros")

# Control points of splines.
POINTS = 9

# Relative rounding error of each dtype.
EPS = {np.dtype(name): float(np.finfo(name).eps) for name in ("float16", "float32", "float64")}

# Every transform of images, volumes and signals, by the number of axes.
TRANSFORMS_OF = [(axes, name) for axes, table in TABLES.items() for name in table]


def random_loc(rng, transform_type, batch, dtype, spread=0.4, axes=2):
    """Parameters near the identity, off every whole pixel."""
    rest = np.array(TABLES[axes][transform_type].identity(POINTS))
    noise = rng.standard_normal((batch, len(rest))) * spread
    if transform_type == "projective":
        noise[:, axes * (axes + 1) :] *= 0.3  # keeps the horizon outside the image
    return (rest + noise).astype(dtype)


def options(combination, **more):
    """Keyword arguments that select a combination of rows."""
    transform_type, sampler_type, padding_mode = combination
    return {"transform_type": transform_type, "sampler_type": sampler_type, "padding_mode": padding_mode, **more}
