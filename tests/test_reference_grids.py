"""The reference's grid generator, spline and volumes against paper and pencil, complex steps, PyTorch and SciPy."""

import numpy as np
import pytest
from oracle import (
    IDENTITY,
    NAMES,
    SHAPE,
    SIGNAL,
    TARGET_SHAPE,
    TARGET_SIGNAL,
    TARGET_VOLUME,
    TORCH,
    VOLUME,
    complex_step,
    draw,
    draw_grid,
    either_corner_rule,
    every_rule,
    every_transform,
    every_transform_of_others,
    rules_of,
)
from tolerances import assert_close

import reference
from reference.grid import centres
from reference.kernels import SAMPLERS
from reference.tps import lattice, system

# The grid generator.


def test_flow_is_mxnets_formula():
    """(flow_x + j) / ((W - 1) / 2) - 1, and y likewise."""
    flow = np.random.default_rng(0).normal(size=(2, 2, 5, 7))
    expected = np.stack([(flow[:, 0] + np.arange(7)) / 3 - 1, (flow[:, 1] + np.arange(5)[:, None]) / 2 - 1], axis=1)
    assert_close(reference.grid_generator(flow, "warp"), expected, "float64", flow.shape)


def test_flow_by_hand():
    flow = np.array([[0, 0.5, 1, -3], [0, 0, 0.25, 0]]).reshape(1, 2, 1, 4)
    centred = reference.grid_generator(flow, "warp")
    np.testing.assert_allclose(centred, np.reshape([[-1, 0, 1, -1], [0, 0, 0, 0]], (1, 2, 1, 4)), atol=1e-15)
    to_edges = reference.grid_generator(flow, "warp", align_corners=False)
    np.testing.assert_array_equal(to_edges, np.reshape([[-0.75, 0, 0.75, -0.75], [0, 0, 0.5, 0]], (1, 2, 1, 4)))


@either_corner_rule
@pytest.mark.parametrize("shape", [(5, 7), (1, 4), (3, 1), (1, 1)])
def test_no_flow_is_the_identity(shape, align_corners):
    grid = reference.grid_generator(np.zeros((1, 2, *shape)), "warp", align_corners=align_corners)
    identity = reference.grid_generator(np.array([IDENTITY["affine"]]), "affine", shape, align_corners=align_corners)
    np.testing.assert_allclose(grid, identity, rtol=1e-15)


@either_corner_rule
@pytest.mark.parametrize("shape", [(3, 4), (1, 4), (3, 1)])
def test_gradient_of_flow(shape, align_corners):
    rng = np.random.default_rng(2)
    flow, out_grad = rng.normal(size=(2, 2, 2, *shape))
    found = reference.grid_generator_backward(flow, out_grad, "warp", align_corners=align_corners)
    expected = complex_step(
        lambda moved: out_grad * reference.grid_generator(moved, "warp", align_corners=align_corners), flow
    )
    assert_close(found, expected, "float64", flow.shape)


@either_corner_rule
@every_transform
def test_gradient_of_grid(transform_type, align_corners):
    _, loc, _ = draw(transform_type)
    out_grad = np.random.default_rng(2).normal(size=(2, 2, 4, 7))
    found = reference.grid_generator_backward(loc, out_grad, transform_type, (4, 7), align_corners=align_corners)

    def generate(moved):
        return out_grad * reference.grid_generator(moved, transform_type, (4, 7), align_corners=align_corners)

    assert_close(found, complex_step(generate, loc), "float64", out_grad.shape)


@every_transform
@every_rule
def test_generator_and_sampler_are_the_transformer(transform_type, sampler_type, padding_mode, align_corners):
    data, loc, _ = draw(transform_type)
    rules = {"padding_mode": padding_mode, "align_corners": align_corners}
    grid = reference.grid_generator(loc, transform_type, TARGET_SHAPE, align_corners=align_corners)
    sampled = reference.grid_sampler(data, grid, sampler_type, **rules)
    warped = reference.spatial_transformer(data, loc, TARGET_SHAPE, transform_type, sampler_type, **rules)
    np.testing.assert_array_equal(sampled, warped)


def test_bilinear_sampler_is_the_bilinear_row():
    arrays = draw_grid()
    rules = {"padding_mode": "border", "align_corners": False}
    np.testing.assert_array_equal(
        reference.bilinear_sampler(*arrays[:2], **rules), reference.grid_sampler(*arrays[:2], "bilinear", **rules)
    )
    found = reference.bilinear_sampler_backward(*arrays, **rules)
    for one, other in zip(found, reference.grid_sampler_backward(*arrays, "bilinear", **rules)):
        np.testing.assert_array_equal(one, other)


# The thin plate spline.

COUNTS = (4, 9, 16, 25)
every_count = pytest.mark.parametrize("count", COUNTS)


def test_lattice():
    """Row by row, x fastest."""
    np.testing.assert_array_equal(lattice(4), [[-1, -1], [1, -1], [-1, 1], [1, 1]])
    np.testing.assert_array_equal(lattice(9)[[1, 3, 5]], [[0, -1], [-1, 0], [1, 0]])


def test_system_by_hand():
    """U(2) = 4 log 2 and U(sqrt(8)) = 4 log 8, between the corners of the square."""
    side, diagonal = 4 * np.log(2), 4 * np.log(8)
    expected = [
        [0, side, side, diagonal, 1, -1, -1],
        [side, 0, diagonal, side, 1, 1, -1],
        [side, diagonal, 0, side, 1, -1, 1],
        [diagonal, side, side, 0, 1, 1, 1],
        [1, 1, 1, 1, 0, 0, 0],
        [-1, 1, -1, 1, 0, 0, 0],
        [-1, -1, 1, 1, 0, 0, 0],
    ]
    np.testing.assert_allclose(system(lattice(4)), expected, rtol=1e-14)


@every_count
def test_spline_interpolates_its_control_points(count):
    """They are the pixels of an image with as many."""
    loc = np.random.default_rng(3).normal(size=(2, 2 * count))
    side = round(count**0.5)
    grid = reference.grid_generator(loc, "tps", (side, side))
    assert_close(grid.reshape(2, -1), loc, "float64", grid.shape)


@every_count
def test_spline_of_an_affine_map_is_that_map(count):
    matrix = np.random.default_rng(4).normal(size=(2, 2, 3))
    sources = reference.gemm(matrix, np.stack([*lattice(count).T, np.ones(count)])).reshape(2, -1)
    expected = reference.grid_generator(matrix.reshape(2, 6), "affine", TARGET_SHAPE)
    found = reference.grid_generator(sources, "tps", TARGET_SHAPE)
    assert_close(found, expected, "float64", found.shape)


@either_corner_rule
@every_count
def test_spline_beside_scipy(count, align_corners):
    scipy = pytest.importorskip("scipy.interpolate")
    sources = np.random.default_rng(5).normal(size=(2, count))
    found = reference.grid_generator(sources.reshape(1, -1), "tps", TARGET_SHAPE, align_corners=align_corners)
    x, y, _ = reference.homogeneous_grid(TARGET_SHAPE, align_corners=align_corners)
    spline = scipy.RBFInterpolator(lattice(count), sources.T, kernel="thin_plate_spline")
    expected = spline(np.stack([x, y], axis=1)).T.reshape(found.shape)
    assert_close(found, expected, "float64", found.shape)


# Volumes and signals.

# Shifts by half of the way from the centre to the border, along x, y and z.
SHIFTS = [np.eye(3, 4) + 0.5 * np.outer(np.eye(3)[axis], np.eye(4)[3]) for axis in range(3)]


@pytest.mark.parametrize("sampler_type", SAMPLERS)
def test_equation_3_with_one_factor(sampler_type):
    """The sum over all pixels of a signal."""
    kernel, *_ = SAMPLERS[sampler_type]
    data, grid, _ = draw_grid(SIGNAL, TARGET_SIGNAL)
    x, width = (grid + 1) / 2 * (SIGNAL[2] - 1), SIGNAL[2]
    expected = sum(data[:, :, w, None] * kernel(x - w) for w in range(width))
    assert_close(reference.grid_sampler(data, grid, sampler_type), expected, "float64", SIGNAL)


@pytest.mark.parametrize("sampler_type", SAMPLERS)
def test_equation_3_with_a_third_factor(sampler_type):
    """The sum over all pixels of the volume."""
    kernel, *_ = SAMPLERS[sampler_type]
    data, grid, _ = draw_grid(VOLUME, TARGET_VOLUME)
    depth, height, width = VOLUME[2:]
    x, y, z = ((grid[:, [axis]] + 1) / 2 * (size - 1) for axis, size in enumerate((width, height, depth)))
    expected = sum(
        data[:, :, d, h, w, None, None, None] * kernel(x - w) * kernel(y - h) * kernel(z - d)
        for d in range(depth)
        for h in range(height)
        for w in range(width)
    )
    assert_close(reference.grid_sampler(data, grid, sampler_type), expected, "float64", VOLUME)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_axes_of_volumes(axis):
    data = np.arange(125.0).reshape(1, 1, 5, 5, 5)
    loc = np.reshape(SHIFTS[axis], (1, 12))
    out = reference.spatial_transformer(data, loc, (5, 5, 5), padding_mode="border")
    step = (1, 5, 25)[axis]
    assert out[0, 0, 2, 2, 2] == data[0, 0, 2, 2, 2] + step
    assert out[0, 0, 0, 0, 0] == step


@every_rule
def test_a_volume_of_one_slice_is_an_image(sampler_type, padding_mode, align_corners):
    data, grid, out_grad = draw_grid()
    volume, flat_grad = data[:, :, None], out_grad[:, :, None]
    flat = np.stack([grid[:, 0], grid[:, 1], np.zeros_like(grid[:, 0])], axis=1)[:, :, None]
    rules = {"padding_mode": padding_mode, "align_corners": align_corners}
    out = reference.grid_sampler(volume, flat, sampler_type, **rules)
    grad_data, grad_grid = reference.grid_sampler_backward(volume, flat, flat_grad, sampler_type, **rules)
    # A sampler that blurs takes something from the slices beside it, which are zeros.
    kernel, *_ = SAMPLERS[sampler_type]
    share = kernel(np.zeros(1)) if padding_mode == "zeros" else 1
    image_data, image_grid = reference.grid_sampler_backward(data, grid, share * out_grad, sampler_type, **rules)
    assert_close(out[:, :, 0], share * reference.grid_sampler(data, grid, sampler_type, **rules), "float64", SHAPE)
    assert_close(grad_data[:, :, 0], image_data, "float64", SHAPE)
    assert_close(grad_grid[:, :2, 0], image_grid, "float64", SHAPE)


@every_rule
@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("value", [np.nan, np.inf, 1e308])
def test_volume_coordinates_that_are_no_numbers(sampler_type, padding_mode, align_corners, axis, value):
    data, grid = np.ones((1, 1, 41, 41, 43)), np.zeros((1, 3, 1, 1, 2))
    grid[0, axis, 0, 0, 0] = value
    rules = {"padding_mode": padding_mode, "align_corners": align_corners}
    out = reference.grid_sampler(data, grid, sampler_type, **rules)
    grad_data, grad_grid = reference.grid_sampler_backward(data, grid, np.ones(out.shape), sampler_type, **rules)
    np.testing.assert_allclose(out[0, 0, 0, 0], [np.nan, 1], rtol=1e-14)
    np.testing.assert_allclose(grad_data.sum(), 1, rtol=1e-14)
    assert np.isnan(grad_grid[..., 0]).all()
    assert np.isfinite(grad_grid[..., 1]).all()


@every_rule
def test_gradient_of_sampling_volumes(sampler_type, padding_mode, align_corners):
    data, grid, out_grad = draw_grid((1, 2, 2, 3, 5), (2, 1, 4), seed=6)
    rules = {"padding_mode": padding_mode, "align_corners": align_corners}
    grad_data, grad_grid = reference.grid_sampler_backward(data, grid, out_grad, sampler_type, **rules)

    def sample(data, grid):
        return out_grad * reference.grid_sampler(data, grid, sampler_type, **rules)

    assert_close(grad_data, complex_step(lambda moved: sample(moved, grid), data), "float64", data.shape)
    assert_close(grad_grid, complex_step(lambda moved: sample(data, moved), grid), "float64", data.shape)


@every_transform_of_others
@either_corner_rule
@pytest.mark.parametrize("shape, target", [((2, 2, 3, 4, 5), (3, 2, 4)), ((2, 2, 7), (9,))])
def test_gradient_of_warping_volumes_and_signals(transform_type, align_corners, shape, target):
    data, loc, out_grad = draw(transform_type, 0.2, shape, target)
    rules = {"transform_type": transform_type, "align_corners": align_corners}
    found = reference.spatial_transformer_backward(data, loc, out_grad, target, **rules)

    def warp(data, loc):
        return out_grad * reference.spatial_transformer(data, loc, target, **rules)

    assert_close(found[0], complex_step(lambda moved: warp(moved, loc), data), "float64", data.shape)
    assert_close(found[1], complex_step(lambda moved: warp(data, moved), loc), "float64", data.shape)


@pytest.mark.parametrize(NAMES, rules_of(TORCH, 3))
@pytest.mark.parametrize("shape, target", [(VOLUME, TARGET_VOLUME), ((1, 2, 1, 6, 4), (3, 4, 5))])
def test_volumes_beside_pytorch(sampler_type, padding_mode, align_corners, shape, target):
    torch = pytest.importorskip("torch")
    data, loc, out_grad = draw("affine", 0.5, shape, target)
    volumes, theta = torch.tensor(data, requires_grad=True), torch.tensor(loc, requires_grad=True)
    grid = torch.nn.functional.affine_grid(theta.reshape(-1, 3, 4), out_grad.shape, align_corners=align_corners)
    out = torch.nn.functional.grid_sample(
        volumes, grid, TORCH.samplers[sampler_type], TORCH.paddings[padding_mode], align_corners
    )
    out.backward(torch.tensor(out_grad))

    rules = {"padding_mode": padding_mode, "align_corners": align_corners}
    found = reference.spatial_transformer(data, loc, target, "affine", sampler_type, **rules)
    grads = reference.spatial_transformer_backward(data, loc, out_grad, target, "affine", sampler_type, **rules)
    generated = reference.grid_generator(loc, "affine", target, align_corners=align_corners)
    assert_close(generated, grid.detach().numpy().transpose(0, 4, 1, 2, 3), "float64", shape)
    assert_close(found, out.detach().numpy(), "float64", shape)
    assert_close(grads[0], volumes.grad.numpy(), "float64", shape)
    assert_close(grads[1], theta.grad.numpy(), "float64", shape)


def test_centre_of_a_single_pixel():
    """The one destination of an axis lies at 0, in volumes too."""
    loc = np.reshape(SHIFTS[2], (1, 12))
    grid = reference.grid_generator(loc, "affine", (1, 3, 1))
    np.testing.assert_array_equal(grid[0].reshape(3, 3), [[0, 0, 0], centres(3, True), [0.5, 0.5, 0.5]])
