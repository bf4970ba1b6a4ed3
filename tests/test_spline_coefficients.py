"""Coefficients of cubic splines beside SciPy's filter and the reference; the curve through the pixels, and its gradients."""

import numpy as np
import pytest
from oracle import complex_step
from tolerances import assert_close

import reference
import spatial_op as so
from spatial_op.paddings import PADDINGS

# SciPy's words for the rules that it has.
SCIPY = {("reflection", True): "mirror", ("reflection", False): "reflect", ("wrap", True): "grid-wrap"}
SHAPES = (2, 3, 9, 7), (1, 2, 2, 1), (1, 1, 40, 41), (2, 1, 4, 3, 6)
every_rule = pytest.mark.parametrize("padding_mode", PADDINGS)
either_corner_rule = pytest.mark.parametrize("align_corners", [True, False])
every_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)


@every_shape
@every_rule
@either_corner_rule
def test_reference(shape, padding_mode, align_corners):
    rng, rules = np.random.default_rng(0), {"padding_mode": padding_mode, "align_corners": align_corners}
    data, change = rng.normal(size=(2, *shape))
    out, pullback = so.vjp(so.spline_coefficients, data, **rules)
    assert_close(out, reference.spline_coefficients(data, **rules), "float64", shape)
    (grad,) = pullback(change)
    if data.size < 200:
        exact = complex_step(lambda moved: change * reference.spline_coefficients(moved, **rules), data)
        assert_close(grad, exact, "float64", shape)
    same, changed = so.jvp(so.spline_coefficients, (data,), (change,), **rules)
    np.testing.assert_array_equal(same, out)
    np.testing.assert_array_equal(changed, so.spline_coefficients(change, **rules))
    np.testing.assert_allclose((grad * data).sum(), (change * out).sum(), rtol=1e-11)


@every_rule
@either_corner_rule
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_the_curve_goes_through_the_pixels(padding_mode, align_corners, dtype):
    data = np.random.default_rng(1).normal(size=(2, 3, 9, 7)).astype(dtype)
    rules = {"padding_mode": padding_mode, "align_corners": align_corners}
    smooth = so.spline_coefficients(data, **rules)
    assert smooth.dtype == data.dtype
    back = so.SpatialTransformer(
        smooth, so.identity_loc("affine", 2, dtype), (9, 7), sampler_type="cubic_bspline", **rules
    )
    assert abs(back.astype("float64") - data).max() < 30 * np.finfo(dtype).eps


@pytest.mark.parametrize(("padding_mode", "align_corners"), SCIPY)
def test_scipy(padding_mode, align_corners):
    """The coefficients, and the spline at any point, values and slopes included."""
    ndimage = pytest.importorskip("scipy.ndimage")
    rng, mode = np.random.default_rng(2), SCIPY[padding_mode, align_corners]
    data, rules = rng.normal(size=(1, 1, 30, 37)), {"padding_mode": padding_mode, "align_corners": align_corners}
    smooth = so.spline_coefficients(data, **rules)
    np.testing.assert_allclose(smooth[0, 0], ndimage.spline_filter(data[0, 0], 3, mode=mode), rtol=0, atol=1e-12)
    pixels = rng.uniform(-50, 80, (2, 20, 20))  # x first
    spans = np.reshape([37, 30], (2, 1, 1)) - align_corners
    grid = (2 * pixels - (np.reshape([37, 30], (2, 1, 1)) - 1)) / spans
    found = so.GridSampler(smooth, grid[None], "cubic_bspline", **rules)
    expected = ndimage.map_coordinates(data[0, 0], pixels[::-1], order=3, mode=mode)
    np.testing.assert_allclose(found[0, 0], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("padding_mode", "align_corners"), SCIPY)
def test_scipy_of_volumes(padding_mode, align_corners):
    """Tricubic splines."""
    ndimage = pytest.importorskip("scipy.ndimage")
    rng, mode = np.random.default_rng(2), SCIPY[padding_mode, align_corners]
    data, rules = rng.normal(size=(1, 1, 20, 21, 19)), {"padding_mode": padding_mode, "align_corners": align_corners}
    smooth, sizes = so.spline_coefficients(data, **rules), np.reshape([19, 21, 20], (3, 1, 1, 1))
    pixels = rng.uniform(-30, 50, (3, 5, 6, 20))  # x first
    grid = (2 * pixels - (sizes - 1)) / (sizes - align_corners)
    found = so.GridSampler(smooth, grid[None], "cubic_bspline", **rules)
    expected = ndimage.map_coordinates(data[0, 0], pixels[::-1], order=3, mode=mode)
    np.testing.assert_allclose(found[0, 0], expected, rtol=0, atol=1e-12)


def test_layouts_out_and_grad_req():
    data = np.random.default_rng(3).normal(size=(2, 3, 8, 6)).astype("float32")
    expected = so.spline_coefficients(data)
    assert so.spline_coefficients(np.asfortranarray(data)).tobytes() == expected.tobytes()
    assert so.spline_coefficients(data.astype(">f4")).tobytes() == expected.tobytes()
    assert so.spline_coefficients(data[1:]).tobytes() == expected[1:].tobytes()
    out = np.empty_like(data)
    assert so.spline_coefficients(data, out=out) is out and out.tobytes() == expected.tobytes()
    _, adding = so.vjp(so.spline_coefficients, data, grad_req="add")
    _, writing = so.vjp(so.spline_coefficients, data)
    total = np.ones_like(data)
    adding(data, out=[total])
    np.testing.assert_allclose(total, writing(data)[0] + 1, rtol=1e-6)
    assert so.spline_coefficients(data[:0]).shape == (0, 3, 8, 6)


def test_what_is_wrong():
    data = np.ones((1, 1, 3, 4))
    for wrong, kind, words in (
        ((data[0, 0],), ValueError, r"spline_coefficients: data has shape \(3, 4\), expected 4 axes"),
        ((data.astype(int),), TypeError, "spline_coefficients: data has dtype int64"),
        ((data, data), ValueError, "spline_coefficients: out overlaps data"),
    ):
        with pytest.raises(kind, match=words):
            so.spline_coefficients(*wrong)
    with pytest.raises(ValueError, match="padding_mode is 'edge', which is not known; use 'zeros', "):
        so.spline_coefficients(data, padding_mode="edge")
    with pytest.raises(TypeError, match="align_corners is 1, expected True or False"):
        so.spline_coefficients(data, align_corners=1)


def test_pytorch_differentiates_twice():
    torch = pytest.importorskip("torch")
    data = torch.randn(1, 1, 4, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(so.spline_coefficients, data)
    assert torch.autograd.gradgradcheck(lambda data: so.spline_coefficients(data) ** 2, data)
