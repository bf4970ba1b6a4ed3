"""The share of a sample's weight that lies inside: beside the reference, with derivatives, in every framework, and refused."""

import numpy as np
import pytest
from oracle import draw_grid
from tables import PAIRS

import reference
import spatial_op as so
from spatial_op.paddings import PADDINGS

# PyTorch's own parts still use what it calls deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")

SIZES = {1: ((70,), (2100,)), 2: ((70, 40), (90, 75)), 3: ((4, 5, 7), (6, 3, 8))}
SAMPLERS = [(axes, sampler) for axes, pairs in PAIRS.items() for sampler, padding in pairs if padding == "zeros"]
TURN = np.array([[0.8, -0.5, 0.1, 0.6, 0.9, -0.2]])


@pytest.mark.parametrize("align_corners", [True, False])
@pytest.mark.parametrize(("axes", "sampler_type"), SAMPLERS)
def test_ones_of_the_reference(axes, sampler_type, align_corners):
    data, grid, _ = draw_grid((2, 3, *SIZES[axes][0]), SIZES[axes][1])
    ones = np.ones((2, 1, *data.shape[2:]))
    rules = {"sampler_type": sampler_type, "align_corners": align_corners}
    expected = reference.grid_sampler(ones, grid, **rules)
    for padding_mode in PADDINGS:
        out, coverage = so.GridSampler(data, grid, padding_mode=padding_mode, coverage=True, **rules)
        np.testing.assert_array_equal(out, so.GridSampler(data, grid, padding_mode=padding_mode, **rules))
        np.testing.assert_allclose(coverage, expected, rtol=0, atol=1e-12)
        alone = so.GridSampler(data, grid, padding_mode=padding_mode, coverage="only", **rules)
        np.testing.assert_array_equal(alone, coverage)


def test_transforms():
    """Inside it is 1 and outside 0 to the bit, and an output of one transform of many images has it for each."""
    for channels in (1, 3, 40):
        data = np.random.default_rng(0).normal(size=(2, channels, 90, 100)).astype("float32")
        out, coverage = so.SpatialTransformer(data, TURN.astype("float32"), (200, 210), fill_value=1, coverage=True)
        assert coverage.shape == (2, 1, 200, 210) and coverage.dtype == data.dtype
        expected = reference.spatial_transformer(np.ones((1, 1, 90, 100)), TURN.astype("float32"), (200, 210))
        np.testing.assert_allclose(coverage, expected.repeat(2, 0), rtol=0, atol=2e-5)
        assert (coverage[expected.repeat(2, 0) == 0] == 0).all()
        np.testing.assert_array_equal(coverage == 1, (abs(expected - 1) < 1e-6).repeat(2, 0))
        assert 0.2 < (coverage == 1).mean() < 0.8
        np.testing.assert_array_equal(
            out, so.SpatialTransformer(data, TURN.astype("float32"), (200, 210), fill_value=1)
        )


@pytest.mark.parametrize("shift", [-1.5, -0.5, -0.01, 0.0, 0.01, 0.5, 1.5])
def test_tiles_at_the_border(shift):
    """Whole tiles that lie inside but for a row, a column, or less."""
    data, loc = np.ones((1, 1, 128, 128)), np.array([[1, 0, 2 * shift / 127, 0, 1, 2 * shift / 127]])
    for sampler in ("nearest", "bilinear", "bicubic", "lanczos3"):
        found = so.SpatialTransformer(data, loc, (128, 128), sampler_type=sampler, coverage="only")
        expected = reference.spatial_transformer(data, loc, (128, 128), sampler_type=sampler)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


def test_coordinates_that_are_no_numbers_are_covered_by_nothing_known():
    grid = np.zeros((1, 2, 1, 3))
    grid[0, 0, 0, 1] = np.nan
    np.testing.assert_array_equal(so.GridSampler(np.ones((1, 1, 2, 2)), grid, coverage="only")[0, 0, 0], [1, np.nan, 1])


def test_derivatives():
    """Those of an image of ones; the images have no part in them."""
    data, grid, _ = draw_grid((2, 3, 5, 7), (4, 6))
    ones, rng = np.ones((2, 1, 5, 7)), np.random.default_rng(1)
    out, pullback = so.vjp(so.GridSampler, data, grid, coverage="only")
    same, pullback_of_ones = so.vjp(so.GridSampler, ones, grid)
    out_grad = rng.normal(size=out.shape)
    np.testing.assert_array_equal(out, same)
    grad_data, grad_grid = pullback(out_grad)
    np.testing.assert_array_equal(grad_data, np.zeros(data.shape))
    np.testing.assert_array_equal(grad_grid, pullback_of_ones(out_grad)[1])
    assert abs(grad_grid).max() > 0.1
    there = [np.ones(data.shape), np.ones(grid.shape)]
    _, adding = so.vjp(so.GridSampler, data, grid, grad_req="add", coverage="only")
    adding(out_grad, out=there)
    np.testing.assert_array_equal(there[0], np.ones(data.shape))
    np.testing.assert_allclose(there[1], grad_grid + 1, rtol=1e-15)
    moved = rng.normal(size=data.shape), rng.normal(size=grid.shape)
    along = so.jvp(so.GridSampler, (data, grid), moved, coverage="only")[1]
    expected = so.jvp(so.GridSampler, (ones, grid), (None, moved[1]))[1]
    np.testing.assert_array_equal(along, expected)
    found = so.jvp(pullback, (data, grid, out_grad), (*moved, None))[1]
    expected = so.jvp(pullback_of_ones, (ones, grid, out_grad), (None, moved[1], None))[1]
    np.testing.assert_array_equal(found[0], np.zeros(data.shape))
    np.testing.assert_array_equal(found[1], expected[1])


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64", "complex64"])
def test_pictures(dtype):
    matrix = [[0.9, -0.4, 4.5], [0.3, 1.1, -3.2]]
    for shape in ((9, 11), (9, 11, 3)):
        image = np.ones(shape, dtype)
        out, coverage = so.warp(image, matrix, padding_mode="border", coverage=True)
        np.testing.assert_array_equal(out, so.warp(image, matrix, padding_mode="border"))
        expected = reference.warp(np.ones((9, 11)), matrix)
        assert coverage.dtype == ("float32" if dtype in ("uint8", "float32") else "float64")
        np.testing.assert_allclose(coverage, expected, rtol=0, atol=1e-5)
        np.testing.assert_array_equal(so.warp(image, matrix, coverage="only"), coverage)
    volume = np.ones((4, 5, 6), dtype)
    found = so.warp(volume, np.eye(4)[:3] + 0.1, coverage="only")
    np.testing.assert_allclose(found, reference.warp(np.ones((4, 5, 6)), np.eye(4)[:3] + 0.1), rtol=0, atol=1e-5)


def test_refused():
    data, grid = np.ones((1, 1, 3, 3)), np.zeros((1, 2, 3, 3))
    for wrong in ("all", 1, None, np.ones(2)):
        with pytest.raises(
            TypeError, match=r"^GridSampler: coverage is .*, expected False, True or 'only'; pass one of them\.$"
        ):
            so.GridSampler(data, grid, coverage=wrong)
        with pytest.raises(
            TypeError, match=r"^warp: coverage is .*, expected False, True or 'only'; pass one of them\.$"
        ):
            so.warp(data[0, 0], np.eye(3), coverage=wrong)
    with pytest.raises(
        ValueError, match=r"^GridSampler: coverage is True and there is one result to differentiate, expected .*\.$"
    ):
        so.vjp(so.GridSampler, data, grid, coverage=True)
    with pytest.raises(ValueError, match=r"^GridSampler: out has shape \(1, 1, 3, 4\), expected \(1, 1, 3, 3\)"):
        so.GridSampler(data, grid, out=np.ones((1, 1, 3, 4)), coverage="only")
    pytest.importorskip("onnx")
    from spatial_op.onnx import export

    with pytest.raises(
        ValueError, match=r"^export: coverage is 'only', expected False, since ONNX has no such node; .*\.$"
    ):
        export(so.GridSampler, data, grid, coverage="only")


def test_pytorch():
    torch = pytest.importorskip("torch")
    from spatial_op.torch import SpatialTransformer

    rng = np.random.default_rng(2)
    data = torch.tensor(rng.normal(size=(1, 3, 5, 6)), requires_grad=True)
    loc = torch.tensor(TURN + 0.1 * rng.normal(size=(4, 6)), requires_grad=True)
    module = SpatialTransformer((7, 8), coverage=True)
    out, coverage = module(data, loc)
    assert coverage.shape == (4, 1, 7, 8)
    torch.testing.assert_close(coverage, so.SpatialTransformer(torch.ones_like(data[:, :1]), loc, (7, 8)))

    def alone(data, loc):
        return so.SpatialTransformer(data, loc, (7, 8), coverage="only")

    assert torch.autograd.gradcheck(alone, (data, loc), check_forward_ad=True)
    masked = (out * coverage).sum() / coverage.sum()
    assert all(torch.isfinite(grad).all() for grad in torch.autograd.grad(masked, (data, loc)))
    each = torch.vmap(alone, (None, 0))(data.detach(), loc.detach()[:, None])
    torch.testing.assert_close(each[:, 0], coverage.detach())
    compiled = torch.compile(lambda data, loc: module(data, loc), backend="eager", fullgraph=True)
    for one, other in zip(compiled(data, loc), (out, coverage)):
        assert torch.equal(one, other)


def test_jax():
    jax = pytest.importorskip("jax")
    from jax import numpy as jnp

    data, loc = jnp.ones((1, 3, 5, 6)), jnp.asarray(TURN, "float32")

    def loss(loc):
        out, coverage = so.SpatialTransformer(data, loc, (7, 8), coverage=True)
        return ((out.mean(1, keepdims=True) - 2 * coverage) ** 2).sum()

    out, coverage = jax.jit(lambda loc: so.SpatialTransformer(data, loc, (7, 8), coverage=True))(loc)
    np.testing.assert_allclose(coverage, out[:, :1], atol=1e-6)
    expected = jax.grad(lambda loc: (so.SpatialTransformer(data, loc, (7, 8))[:, 0] ** 2).sum())(loc)
    np.testing.assert_allclose(jax.grad(loss)(loc), expected, rtol=1e-3, atol=1e-3)


def test_dask():
    pytest.importorskip("dask")
    from dask import array as da

    out, coverage = so.SpatialTransformer(da.ones((2, 3, 5, 6)), TURN.repeat(2, 0), (7, 8), coverage=True)
    np.testing.assert_allclose(
        *(x.compute(scheduler="synchronous")[:, :1] for x in (coverage, out)), rtol=0, atol=1e-12
    )
