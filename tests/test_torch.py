"""The package beside PyTorch in float64: every sampler, padding, corner rule and dimension, values and gradients."""

import numpy as np
import pytest
from oracle import SHAPE, TARGET_SHAPE, TARGET_VOLUME, TORCH, VOLUME, draw, either_corner_rule, of_both, rules_of

import spatial_op as so

torch = pytest.importorskip("torch")
functional = torch.nn.functional

BOUND = 1e-12
TITLE = "largest differences from PyTorch, relative to the largest magnitude"
SIZES = {"2-D": (SHAPE, TARGET_SHAPE), "3-D": (VOLUME, TARGET_VOLUME)}
either_dimension = pytest.mark.parametrize("dimension", SIZES)


@pytest.fixture
def compare(record_property):
    """A function that compares two sets of arrays, puts them into the table, and fails where they differ.

    Each set is a dict with the names of the table's columns.
    """
    columns = ("values", "grad data", "grad grid", "grad loc")

    def check(combination, found, expected):
        assert [array.shape for array in found.values()] == [array.shape for array in expected.values()]
        differences = {
            name: np.abs(found[name] - expected[name]).max() / (np.abs(expected[name]).max() or 1) for name in found
        }
        cells = (f"{differences[name]:.1e}" if name in differences else "" for name in columns)
        record_property("table", (TITLE, ("", *columns), (combination, *cells)))
        assert all(difference < BOUND for difference in differences.values()), differences

    return check


def tensors(*arrays):
    return [torch.tensor(array, requires_grad=True) for array in arrays]


def arrays(tensor, *leaves):
    return [value.detach().numpy() for value in (tensor, *(leaf.grad for leaf in leaves))]


def scattered(rng, sizes, target_shape, batch, align_corners):
    """A grid (N, dimension, ...) that reaches a whole image beyond the border, away from whole and half pixels.

    There the samplers or their slopes jump, and rounding decides on which side a sample lies.
    """
    axes = []
    for size in reversed(sizes):
        cell = np.round(size * rng.normal(0.5, 0.6, (batch, *target_shape)))
        pixel = cell + rng.uniform(0.05, 0.45, cell.shape) + 0.5 * rng.integers(0, 2, cell.shape)
        axes.append((2 * pixel - (size - 1)) / (size - 1 if align_corners else size))
    return np.stack(axes, axis=1)


@pytest.mark.parametrize(
    "dimension, sampler_type, padding_mode, align_corners",
    of_both(rules_of(TORCH, 2), rules_of(TORCH, 3)),
)
def test_grid_sampler(compare, dimension, sampler_type, padding_mode, align_corners):
    shape, target_shape = SIZES[dimension]
    rng = np.random.default_rng(7)
    data, out_grad = rng.normal(size=shape), rng.normal(size=shape[:2] + target_shape)
    grid = scattered(rng, shape[2:], target_shape, shape[0], align_corners)
    out, pullback = so.vjp(
        so.GridSampler, data, grid, sampler_type=sampler_type, padding_mode=padding_mode, align_corners=align_corners
    )

    images, points = tensors(data, grid)
    theirs = functional.grid_sample(
        images, points.movedim(1, -1), TORCH.samplers[sampler_type], TORCH.paddings[padding_mode], align_corners
    )
    theirs.backward(torch.tensor(out_grad))
    names = ("values", "grad data", "grad grid")
    combination = f"{dimension} {sampler_type} {padding_mode} align_corners={align_corners}"
    found = dict(zip(names, (out, *pullback(out_grad))))
    compare(combination, found, dict(zip(names, arrays(theirs, images, points))))


@either_corner_rule
@either_dimension
def test_spatial_transformer(compare, dimension, align_corners):
    data, loc, out_grad = draw("affine", 0.5, *SIZES[dimension])
    rules = {"target_shape": out_grad.shape[2:], "transform_type": "affine", "align_corners": align_corners}
    out, pullback = so.vjp(so.SpatialTransformer, data, loc, **rules)

    images, theta = tensors(data, loc)
    rows = data.ndim - 2
    points = functional.affine_grid(theta.reshape(-1, rows, rows + 1), out_grad.shape, align_corners=align_corners)
    theirs = functional.grid_sample(images, points, "bilinear", "zeros", align_corners)
    theirs.backward(torch.tensor(out_grad))
    names = ("values", "grad data", "grad loc")
    found = dict(zip(names, (out, *pullback(out_grad))))
    combination = f"{dimension} SpatialTransformer align_corners={align_corners}"
    compare(combination, found, dict(zip(names, arrays(theirs, images, theta))))


@either_corner_rule
@either_dimension
def test_grid_generator(compare, dimension, align_corners):
    _, loc, out_grad = draw("affine", 0.5, *SIZES[dimension])
    target_shape = out_grad.shape[2:]
    rules = {"transform_type": "affine", "target_shape": target_shape, "align_corners": align_corners}
    out, pullback = so.vjp(so.GridGenerator, loc, **rules)
    out_grad = np.random.default_rng(8).normal(size=out.shape)

    (theta,) = tensors(loc)
    rows = len(target_shape)
    size = (len(loc), 1, *target_shape)
    theirs = functional.affine_grid(theta.reshape(-1, rows, rows + 1), size, align_corners=align_corners).movedim(-1, 1)
    theirs.backward(torch.tensor(out_grad))
    names = ("values", "grad loc")
    found = dict(zip(names, (out, *pullback(out_grad))))
    compare(f"{dimension} GridGenerator align_corners={align_corners}", found, dict(zip(names, arrays(theirs, theta))))
