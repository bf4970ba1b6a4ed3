"""The package's grid generator and samplers against the reference."""

import numpy as np
import pytest
from beside_reference import compare
from oracle import (
    RULES,
    SHAPE,
    SIGNAL,
    TARGET_SHAPE,
    TARGET_SIGNAL,
    TARGET_VOLUME,
    VOLUME,
    draw,
    draw_grid,
    either_corner_rule,
    every_transform,
    every_transform_of_others,
    of_each,
)

import spatial_op as so
from reference.paddings import PADDINGS

# Shape and target shape: more than one tile, sizes of one, many channels.
SIZES = {
    "1-D": (
        (SIGNAL, TARGET_SIGNAL),
        ((1, 5, 1), (4,)),
        ((2, 37, 61), (131,)),
        ((1, 2, 300), (2100,)),
    ),
    "2-D": (
        (SHAPE, TARGET_SHAPE),
        ((1, 5, 3, 19), (17, 4)),
        ((2, 1, 1, 7), (3, 5)),
        ((2, 37, 7, 1), (1, 5)),
        ((1, 2, 35, 41), (66, 130)),
    ),
    "3-D": (
        (VOLUME, TARGET_VOLUME),
        ((1, 5, 9, 3, 2), (4, 5, 17)),
        ((2, 1, 1, 6, 1), (3, 2, 5)),
        ((2, 37, 5, 1, 7), (1, 3, 1)),
        ((1, 2, 11, 13, 9), (2, 67, 71)),
    ),
}
every_rule = pytest.mark.parametrize(
    "dimension, sampler_type, padding_mode, align_corners",
    of_each(RULES),
)
either_dimension = pytest.mark.parametrize("dimension", SIZES)


@every_rule
def test_grid_sampler(dimension, sampler_type, padding_mode, align_corners):
    rules = {"sampler_type": sampler_type, "padding_mode": padding_mode, "align_corners": align_corners}
    for sizes in SIZES[dimension]:
        data, grid, out_grad = draw_grid(*sizes)
        compare(so.GridSampler, (data, grid), out_grad, **rules)


@every_rule
def test_ties(dimension, sampler_type, padding_mode, align_corners):
    """Whole, half and quarter pixels near and far, of sizes that make them exact: the right-hand one of all slopes."""
    sizes = (5, 9, 3)[: int(dimension[0])] if align_corners else (4, 8, 2)[: int(dimension[0])]
    rng = np.random.default_rng(12)
    data = rng.normal(size=(2, 2, *sizes))
    target_shape = {"1-D": (400,), "2-D": (30, 40), "3-D": (10, 10, 12)}[dimension]
    quarters = [rng.integers(-8 * size, 12 * size, (2, *target_shape)) for size in reversed(sizes)]
    grid = np.stack(
        [(q / 2 - (size - 1)) / (size - align_corners) for q, size in zip(quarters, reversed(sizes))], axis=1
    )
    out_grad = rng.normal(size=(2, 2, *target_shape))
    rules = {"sampler_type": sampler_type, "padding_mode": padding_mode, "align_corners": align_corners}
    compare(so.GridSampler, (data, grid), out_grad, **rules)


@every_rule
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_coordinates_that_are_no_numbers(dimension, sampler_type, padding_mode, align_corners, value):
    shape = (1, 2, 5, 41, 43)
    _, target_shape = SIZES[dimension][0]
    axes = len(target_shape)
    data, grid, out_grad = draw_grid(shape[:2] + shape[-axes:], target_shape)
    grid[0, -1].flat[::3] = value
    grid[0, 0].flat[::5] = value
    rules = {"sampler_type": sampler_type, "padding_mode": padding_mode, "align_corners": align_corners}
    compare(so.GridSampler, (data, grid), out_grad, **rules)


@either_dimension
@either_corner_rule
@pytest.mark.parametrize("padding_mode", PADDINGS)
def test_bilinear_sampler(dimension, padding_mode, align_corners):
    data, grid, out_grad = draw_grid(*SIZES[dimension][0])
    compare(so.BilinearSampler, (data, grid), out_grad, padding_mode=padding_mode, align_corners=align_corners)


@every_transform
@either_corner_rule
@pytest.mark.parametrize("target_shape", [TARGET_SHAPE, (1, 5), (4, 1), (1, 1), (131, 137)])
def test_grid_generator(transform_type, target_shape, align_corners):
    _, loc, _ = draw(transform_type)
    params = {"transform_type": transform_type, "target_shape": target_shape, "align_corners": align_corners}
    out_grad = np.random.default_rng(13).normal(size=(len(loc), 2, *target_shape))
    compare(so.GridGenerator, (loc,), out_grad, **params)


@every_transform_of_others
@either_corner_rule
@pytest.mark.parametrize(
    "target_shape", [TARGET_VOLUME, (1, 5, 3), (4, 1, 1), (1, 1, 1), (3, 67, 71), TARGET_SIGNAL, (1,), (2100,)]
)
def test_grid_generator_of_volumes_and_signals(transform_type, target_shape, align_corners):
    axes = len(target_shape)
    _, loc, _ = draw(transform_type, 0.1, VOLUME[: axes + 2], target_shape)
    params = {"transform_type": transform_type, "target_shape": target_shape, "align_corners": align_corners}
    out_grad = np.random.default_rng(14).normal(size=(len(loc), axes, *target_shape))
    compare(so.GridGenerator, (loc,), out_grad, **params)


@either_corner_rule
@pytest.mark.parametrize(
    "shape", [(5, 7), (1, 4), (3, 1), (1, 1), (131, 137), (3, 5, 7), (1, 4, 1), (5, 3, 66), (7,), (1,)]
)
def test_flow(shape, align_corners):
    flow, out_grad = np.random.default_rng(15).normal(size=(2, 3, len(shape), *shape))
    compare(so.GridGenerator, (3 * flow,), out_grad, transform_type="warp", align_corners=align_corners)


@either_corner_rule
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("shape", [(5, 7), (1, 1)])
def test_flow_that_is_no_number(shape, value, align_corners):
    """Its own coordinate is no number either; the others are."""
    flow, out_grad = np.random.default_rng(16).normal(size=(2, 2, 2, *shape))
    flow[0, 1, 0, 0] = value
    compare(so.GridGenerator, (flow,), out_grad, transform_type="warp", align_corners=align_corners)
