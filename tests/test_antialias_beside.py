"""Output pixels that are means of samples: in other frameworks, of pictures in pixels, and beside who else has them."""

import numpy as np
import pytest

import reference
import spatial_op as so

rng = np.random.default_rng(0)
DATA = rng.standard_normal((2, 3, 21, 22))
LOC = 1.1 * so.identity_loc("affine", 2, "float64") + 0.01 * rng.standard_normal((2, 6))
PARAMS = {"target_shape": (6, 7), "antialias": True}


def test_torch():
    torch = pytest.importorskip("torch")
    from spatial_op.torch import SpatialTransformer

    data, loc = (torch.from_numpy(value).requires_grad_() for value in (DATA, LOC))
    expected, pullback = so.vjp(so.SpatialTransformer, DATA, LOC, **PARAMS)
    out = SpatialTransformer(**PARAMS)(data, loc)
    np.testing.assert_array_equal(out.detach(), expected)
    for grad, exact in zip(torch.autograd.grad(out, (data, loc), out), pullback(expected)):
        np.testing.assert_array_equal(grad, exact)

    def network(data, loc):
        return so.SpatialTransformer(data, loc, (2, 3), antialias=(3, 2))

    small = data[:1, :1, :7, :8].detach().requires_grad_(), loc[:1].detach().requires_grad_()
    assert torch.autograd.gradcheck(network, small)
    assert torch.autograd.gradgradcheck(network, small)


def test_jax():
    jax = pytest.importorskip("jax")
    data, loc = np.float32(DATA), np.float32(LOC)
    expected, pullback = so.vjp(so.SpatialTransformer, data, loc, **PARAMS)
    warp = jax.jit(lambda data, loc: so.SpatialTransformer(data, loc, **PARAMS))
    out, pull = jax.vjp(warp, data, loc)
    np.testing.assert_array_equal(out, expected)
    for grad, exact in zip(pull(out), pullback(expected)):
        np.testing.assert_array_equal(grad, exact)
    tangent = jax.jvp(warp, (data, loc), (data, loc))[1]
    np.testing.assert_array_equal(tangent, so.jvp(so.SpatialTransformer, (data, loc), (data, loc), **PARAMS)[1])


def test_dask():
    da = pytest.importorskip("dask.array")
    data, loc = da.from_array(DATA, chunks=1), da.from_array(LOC, chunks=1)
    found = so.SpatialTransformer(data, loc, **PARAMS).compute()
    np.testing.assert_array_equal(found, so.SpatialTransformer(DATA, LOC, **PARAMS))


def test_onnx_has_no_such_thing():
    pytest.importorskip("onnx")
    from spatial_op.onnx import export

    with pytest.raises(ValueError, match=r"export: antialias is 2, expected False.*; leave it out"):
        export(so.SpatialTransformer, DATA, LOC, target_shape=(6, 7), antialias=2)


# Pictures in pixels.

AFFINE = np.array([[3.1, 0.4, -5], [-0.3, 2.7, 20], [0, 0, 1]])
PROJECTIVE = np.array([[3.1, 0.4, -5], [-0.3, 2.7, 20], [0.002, 0.001, 1]])
PICTURE = np.random.default_rng(1).random((91, 87, 3))


def expected_warp(matrix, target, counts):
    """The mean of warps by matrices that begin beside the pixels."""
    places = reference.antialias.offsets(counts, 2)
    moves = (np.array([[1, 0, x], [0, 1, y], [0, 0, 1]]) for x, y in places)
    return sum(reference.warp(PICTURE, matrix @ move, target) for move in moves) / len(places)


@pytest.mark.parametrize("matrix", [AFFINE, PROJECTIVE], ids=["affine", "projective"])
def test_warps_by_a_matrix(matrix):
    for counts in ((3, 4), (1, 2)):
        found = so.warp(PICTURE, matrix, (31, 30), antialias=counts)
        np.testing.assert_allclose(found, expected_warp(matrix, (31, 30), counts), rtol=0, atol=1e-12)
        picture = (PICTURE * 255).astype("uint8")
        whole, found = (
            so.warp(kind, matrix, (31, 30), antialias=counts) for kind in (picture, picture.astype("float64"))
        )
        assert whole.dtype == "uint8" and abs(whole - found).max() <= 0.5001
    columns = [np.hypot(*matrix[:2, axis]) for axis in (1, 0)]  # at the first pixel, where a homography shrinks most
    counts = tuple(int(np.ceil(length - 0.125)) for length in columns)
    if matrix is AFFINE:
        np.testing.assert_array_equal(
            so.warp(PICTURE, matrix, (31, 30), antialias=True), so.warp(PICTURE, matrix, (31, 30), antialias=counts)
        )
    still = so.warp(PICTURE, np.eye(3), antialias=True)
    np.testing.assert_array_equal(still, PICTURE)


def test_warps_by_a_displacement():
    """As a grid of the same points."""
    y, x = np.mgrid[:31, :30]
    points = np.stack([2.9 * x + np.sin(y / 5), 2.8 * y - np.cos(x / 4)])
    grid = points * 2 / np.array([86, 90]).reshape(2, 1, 1) - 1
    data = PICTURE.transpose(2, 0, 1)[None]
    for antialias in (True, (2, 3)):
        found = so.warp(PICTURE, displacement=points - [x, y], antialias=antialias)
        expected = so.GridSampler(data, grid[None], antialias=antialias)[0].transpose(1, 2, 0)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
    volume = np.random.default_rng(0).random((9, 8, 7))
    map_of_volume = np.diag([2.0, 3, 2, 1])
    found = so.warp(volume, map_of_volume, (4, 3, 3), antialias=True)
    np.testing.assert_array_equal(found, so.warp(volume, map_of_volume, (4, 3, 3), antialias=(2, 3, 2)))
    with pytest.raises(ValueError, match=r"warp: antialias is \(2, 2\).*\(nz, ny, nx\)"):
        so.warp(volume, map_of_volume, antialias=(2, 2))


@pytest.mark.parametrize("matrix", [AFFINE, PROJECTIVE], ids=["affine", "projective"])
@pytest.mark.parametrize("antialias", [True, (3, 2)])
def test_chunks_of_a_warp_have_the_bits_of_the_whole(matrix, antialias):
    da = pytest.importorskip("dask.array")
    from spatial_op.dask import warp

    for dtype in ("float32", "float64", "uint8"):
        picture = (PICTURE * 255).astype(dtype)
        whole = so.warp(picture, matrix, (31, 30), antialias=antialias)
        for chunks in ((31, 30), (7, 11)):
            image = da.from_array(picture, chunks=(40, 33, 3))
            found = warp(image, matrix, (31, 30), antialias=antialias, channel_axis=-1, chunks=chunks).compute()
            assert found.tobytes() == whole.tobytes()


def test_chunks_of_a_displacement_know_their_neighbours():
    da = pytest.importorskip("dask.array")
    from spatial_op.dask import warp

    y, x = np.mgrid[:31, :30]
    displacement = np.stack([1.9 * x + 6 * np.sin(y / 3), 1.8 * y - 6 * np.cos(x / 2)])
    whole = so.warp(PICTURE, displacement=displacement, antialias=True)
    image = da.from_array(PICTURE, chunks=(40, 33, 3))
    found = warp(image, displacement=displacement, antialias=True, channel_axis=-1, chunks=(7, 11))
    np.testing.assert_allclose(found.compute(), whole, rtol=0, atol=1e-12)
    other = warp(image, displacement=displacement, channel_axis=-1, chunks=(7, 11))
    assert other.name != found.name and abs(other.compute() - whole).max() > 0.1


# Who else has them, for scales along the axes.


def shrunk(image, target_shape, **params):
    """Of a picture (H, W)."""
    loc = so.identity_loc("affine", dtype=image.dtype)
    return so.SpatialTransformer(image[None, None], loc, target_shape, align_corners=False, **params)[0, 0]


@pytest.mark.parametrize("factor", [2, 3, 4, 7])
def test_boxes_of_pillow(factor):
    """By a whole factor each pixel is the mean of so many: the same numbers."""
    pillow = pytest.importorskip("PIL.Image")
    image, size = np.float32(np.random.default_rng(0).random((12 * factor, 10 * factor))), (10, 12)
    expected = np.asarray(pillow.fromarray(image).resize(size, pillow.BOX))
    np.testing.assert_allclose(shrunk(image, (12, 10), antialias=True), expected, rtol=0, atol=3e-7)


def rings(size, frequency):
    """Circles around a corner, whose frequency grows to so many cycles per pixel at the other one."""
    y, x = np.mgrid[:size, :size] / size
    return np.float32(np.cos(np.pi * frequency * size * (x * x + y * y) / np.sqrt(2)))


def test_filters_of_torch_and_jax():
    """They weigh pixels by a triangle of twice the width: what the result can hold is alike, what it cannot hold is gone in all."""
    torch, jax = pytest.importorskip("torch"), pytest.importorskip("jax")
    image = rings(256, 0.5)
    found, plain = shrunk(image, (64, 64), antialias=True), shrunk(image, (64, 64))
    others = [
        torch.nn.functional.interpolate(torch.from_numpy(image)[None, None], (64, 64), mode="bilinear", antialias=True)[
            0, 0
        ].numpy(),
        np.asarray(jax.image.resize(image, (64, 64), "linear", antialias=True)),
    ]
    held, gone = np.s_[:8, :8], np.s_[32:, 32:]
    for other in others:
        assert abs(found - other)[held].max() < 0.1 < abs(plain - other)[held].max()
        assert strength(other[gone]) < 0.002
    assert strength(found[gone]) < 0.04 and strength(plain[gone]) > 0.3


def strength(values):
    """The root of the mean square."""
    return np.sqrt((values**2).mean())
