"""Windows of whole images: tiles of scattered points share one, beside tiles that have their own and tiles that have none.

An image of many channels has no such window, so that its points are sampled in place. Its first channels are what an image of few
channels gives, however the points lie.
"""

import numba
import numpy as np
import pytest

import spatial_op as so
from spatial_op.paddings import PADDINGS

SOURCE, TARGET = (300, 310), (200, 190)
MANY = 17


def grid_of(samples):
    """Tiles of scattered points, also beyond the image, of smooth ones, and one with coordinates that are no numbers."""
    rng = np.random.default_rng(samples)
    grid = rng.uniform(-1.4, 1.4, (samples, 2, *TARGET))
    grid[:, :, 64:128] *= 0.05
    grid[:, :, 130, 70] = np.nan
    grid[:, :, :64, :64] += 7  # far outside
    return grid


def pulled(data, grid, out_grad, **params):
    """The result and the gradients, when memory has been used for an image of no numbers."""
    so.vjp(so.GridSampler, np.full_like(data, np.nan), grid, **params)[1](np.full_like(out_grad, np.nan))
    out, pullback = so.vjp(so.GridSampler, data, grid, **params)
    return out, *pullback(out_grad)


def compared(channels, images=1, samples=1, **params):
    """Few channels beside many."""
    rng, grid = np.random.default_rng(channels), grid_of(samples)
    data, out_grad = rng.standard_normal((images, MANY, *SOURCE)), rng.standard_normal((samples, MANY, *TARGET))
    out_grad[:, channels:] = 0  # so that only the first channels move the points
    expected = pulled(data, grid, out_grad, **params)
    few, out_grad = (np.ascontiguousarray(array[:, :channels]) for array in (data, out_grad))
    found = pulled(few, grid, out_grad, **params)
    for one, many in zip(found[:2], expected):
        np.testing.assert_allclose(one, many[:, :channels], rtol=0, atol=1e-11)
    np.testing.assert_allclose(found[2], expected[2], rtol=0, atol=1e-9)


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("channels", [1, 3])
def test_every_padding(channels, padding):
    compared(channels, padding_mode=padding)


@pytest.mark.parametrize("sampler", ["bicubic", "lanczos3"])
@pytest.mark.parametrize("channels", [1, 4, 7])
def test_more_taps(channels, sampler):
    compared(channels, sampler_type=sampler, align_corners=False)


@pytest.mark.parametrize(("images", "samples"), [(5, 5), (1, 5)])
def test_several_samples(images, samples):
    compared(3, images, samples)


@pytest.mark.parametrize("images", [1, 3])
def test_threads(images):
    """The same bits for any number of threads, which fill a window each."""
    rng, grid = np.random.default_rng(2), grid_of(images).astype("float32")
    data, out_grad = (rng.standard_normal((images, 3, *size)).astype("float32") for size in (SOURCE, TARGET))
    before, results = numba.get_num_threads(), []
    try:
        for threads in range(1, before + 1):
            numba.set_num_threads(threads)
            results.append([array.tobytes() for array in pulled(data, grid, out_grad)])
    finally:
        numba.set_num_threads(before)
    assert all(result == results[0] for result in results)


def test_gradients_are_added():
    rng = np.random.default_rng(3)
    data, grid, out_grad = rng.standard_normal((1, 3, *SOURCE)), grid_of(1), rng.standard_normal((1, 3, *TARGET))
    _, pullback = so.vjp(so.GridSampler, data, grid)
    once, _ = pullback(out_grad)
    held = np.full_like(data, 2.0), np.zeros_like(grid)
    so.vjp(so.GridSampler, data, grid, grad_req="add")[1](out_grad, out=held)
    np.testing.assert_allclose(held[0], once + 2.0, rtol=0, atol=1e-11)
