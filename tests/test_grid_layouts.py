"""Grids whose coordinates stand side by side, points that are moved inside, and matrices in place of rows."""

import numpy as np
import pytest

import spatial_op as so
from spatial_op.paddings import PADDINGS
from spatial_op.samplers import SAMPLERS


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("axes", [2, 3])
@pytest.mark.parametrize("inside", [False, True])
def test_coordinates_side_by_side(padding, axes, inside):
    """Results, gradients and tangents have the bits of a grid of planes; the gradient is laid out as the grid is."""
    rng = np.random.default_rng(0)
    data, target = rng.random((2, 3, 5, 6, 7)[: axes + 2]), (3, 5, 37)[-axes:]
    last = rng.normal(size=(2, *target, axes)).clip(-2.5, 2.5)
    beside, planes = np.moveaxis(last, -1, 1), np.ascontiguousarray(np.moveaxis(last, -1, 1))
    params = {"padding_mode": padding, "points_inside": inside}
    (out, pull), (expected, pull_planes) = (so.vjp(so.GridSampler, data, grid, **params) for grid in (beside, planes))
    assert np.array_equal(out, expected)
    for found, wanted in zip(pull(out), pull_planes(out)):
        assert np.array_equal(found, wanted)
    assert pull(out)[1].strides == beside.strides
    changed = [so.jvp(so.GridSampler, (data, grid), (None, planes), **params)[1] for grid in (beside, planes)]
    assert np.array_equal(*changed)
    total = [np.ones_like(beside), np.ones_like(planes)]
    for grid, grad in zip((beside, planes), total):
        so.vjp(so.GridSampler, data, grid, grad_req=("null", "add"), **params)[1](out, out=(None, grad))
    assert np.array_equal(*total)


@pytest.mark.parametrize("align_corners", [True, False])
def test_points_inside_sample_the_same(align_corners):
    """Only numbers that are none or infinite, and slopes at the border, are others."""
    rng = np.random.default_rng(0)
    data, grid = rng.random((1, 2, 5, 6)), rng.normal(size=(1, 2, 20, 30)) * 1.5
    for sampler in SAMPLERS:
        for padding in PADDINGS:
            params = {"sampler_type": sampler, "padding_mode": padding, "align_corners": align_corners}
            (out, pull), (moved, pull_moved) = (
                so.vjp(so.GridSampler, data, grid, points_inside=inside, **params) for inside in (False, True)
            )
            for found, expected in zip((moved, *pull_moved(out)), (out, *pull(out))):
                np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("shape, target", [((2, 3), (4, 5)), ((3, 4), (3, 4, 5))])
@pytest.mark.parametrize("side_by_side", [False, True])
def test_matrices_are_rows(shape, target, side_by_side):
    rng = np.random.default_rng(0)
    data, matrices = rng.random((2, 3, 4, 5, 6)[: len(target) + 2]), rng.normal(size=(2, *shape))
    rows, params = matrices.reshape(2, -1), {"transform_type": "affine", "target_shape": target}
    grid_params = {**params, "side_by_side": side_by_side}
    for op, inputs, more, known in (
        (so.SpatialTransformer, (data,), params, params),
        (so.GridGenerator, (), grid_params, params),
    ):
        (out, pull), (expected, pull_rows) = (
            so.vjp(op, *inputs, matrices, **more),
            so.vjp(op, *inputs, rows, **known),
        )
        assert np.array_equal(out, expected)
        assert pull(out)[-1].shape == matrices.shape
        assert np.array_equal(pull(out)[-1].reshape(2, -1), pull_rows(expected)[-1])
        nothing = (None,) * len(inputs)
        changed = so.jvp(op, (*inputs, matrices), (*nothing, matrices), **more)[1]
        assert np.array_equal(changed, so.jvp(op, (*inputs, rows), (*nothing, rows), **known)[1])
    assert np.moveaxis(so.GridGenerator(matrices, **grid_params), 1, -1).flags.c_contiguous == side_by_side
