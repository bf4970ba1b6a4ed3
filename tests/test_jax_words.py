"""``spatial_op.jax`` beside PyTorch's and torchvision's functions of these names, and what it says of wrong calls."""

import numpy as np
import pytest

jax = pytest.importorskip("jax")
from jax import numpy as jnp  # noqa: E402

import spatial_op as so  # noqa: E402
from spatial_op import jax as words  # noqa: E402

RNG = np.random.default_rng(0)
IMAGES, VOLUMES = RNG.standard_normal((2, 3, 6, 7)), RNG.standard_normal((2, 3, 4, 6, 7))
THETA = {4: np.eye(2, 3) + 0.2 * RNG.standard_normal((2, 2, 3)), 5: np.eye(3, 4) + 0.2 * RNG.standard_normal((2, 3, 4))}
SIZES = {4: (2, 3, 5, 9), 5: (2, 3, 3, 5, 9)}


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


def beside(function, judge, arrays):
    """Values and gradients are those of PyTorch's function."""
    torch = pytest.importorskip("torch")
    tensors = [torch.tensor(array, requires_grad=True) for array in arrays]
    expected = judge(*tensors)
    (expected * torch.sin(expected)).sum().backward()
    out = jax.jit(function)(*arrays)
    np.testing.assert_allclose(out, expected.detach().numpy(), rtol=1e-12, atol=1e-12)
    every = tuple(range(len(arrays)))
    for grad, tensor in zip(
        jax.grad(lambda *arrays: (function(*arrays) * jnp.sin(function(*arrays))).sum(), every)(*arrays), tensors
    ):
        np.testing.assert_allclose(grad, tensor.grad.numpy(), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("align_corners", (True, False))
@pytest.mark.parametrize("padding_mode", ("zeros", "border", "reflection"))
@pytest.mark.parametrize(
    "data, mode",
    [
        (data, mode)
        for data in (IMAGES, VOLUMES)
        for mode in ("bilinear", "nearest", "bicubic")
        if data.ndim == 4 or mode != "bicubic"
    ],
)
def test_sampling(data, mode, padding_mode, align_corners):
    functional = pytest.importorskip("torch").nn.functional
    keywords = {"mode": mode, "padding_mode": padding_mode, "align_corners": align_corners}
    size, theta = SIZES[data.ndim], THETA[data.ndim]
    grid = np.asarray(words.affine_grid(theta, size, align_corners))
    beside(
        lambda *arrays: words.grid_sample(*arrays, **keywords),
        lambda *arrays: functional.grid_sample(*arrays, **keywords),
        (data, grid),
    )

    def fused(data, theta):
        return functional.grid_sample(data, functional.affine_grid(theta, size, align_corners), **keywords)

    beside(lambda *arrays: words.affine_grid_sample(*arrays, size, **keywords), fused, (data, theta))


@pytest.mark.parametrize("align_corners", (True, False))
@pytest.mark.parametrize("axes", SIZES)
def test_affine_grid(axes, align_corners):
    functional = pytest.importorskip("torch").nn.functional
    size = SIZES[axes]
    beside(
        lambda theta: words.affine_grid(theta, size, align_corners),
        lambda theta: functional.affine_grid(theta, size, align_corners), (THETA[axes],),
    )  # fmt: skip


@pytest.mark.parametrize("groups, deformables", [(1, 1), (2, 1), (1, 2)])
def test_deformable_convolution(groups, deformables):
    """The operators, which have judges of their own, by torchvision's names."""
    image, weight, bias = IMAGES[:, :2], RNG.standard_normal((4, 2 // groups, 3, 2)), RNG.standard_normal(4)
    offset, mask = RNG.standard_normal((2, 12 * deformables, 6, 4)), RNG.random((2, 6 * deformables, 6, 4))
    params = {
        "kernel": (3, 2), "stride": (1, 2), "pad": (1, 1), "dilate": (1, 2), "num_filter": 4, "num_group": groups,
        "num_deformable_group": deformables, "border": "zeros",
    }  # fmt: skip
    sizes = {"stride": (1, 2), "padding": 1, "dilation": (1, 2)}
    out = words.deform_conv2d(image, offset, weight, bias, mask=mask, **sizes)
    np.testing.assert_array_equal(out, so.ModulatedDeformableConvolution(image, offset, mask, weight, bias, **params))
    out = words.deform_conv2d(image, offset, weight, **sizes)
    np.testing.assert_array_equal(out, so.DeformableConvolution(image, offset, weight, no_bias=True, **params))


@pytest.mark.parametrize("axes", [1, 3])
def test_deformable_convolution_of_signals_and_volumes(axes):
    """With gradients under ``jit``; one number stands for all axes."""
    sizes, taps = (7, 5, 6)[:axes], 2**axes
    target = [(size + 2 - 2) // 2 + 1 for size in sizes]
    image, weight, bias = (
        RNG.standard_normal((2, 4, *sizes)),
        RNG.standard_normal((6, 2, *[2] * axes)),
        RNG.standard_normal(6),
    )
    offset, mask = RNG.standard_normal((2, 2 * axes * taps, *target)), RNG.random((2, 2 * taps, *target))
    params = {
        "kernel": (2,) * axes, "stride": (2,) * axes, "pad": (1,) * axes, "num_filter": 6, "num_group": 2,
        "num_deformable_group": 2, "border": "zeros",
    }  # fmt: skip
    function = getattr(words, f"deform_conv{axes}d")

    @jax.jit
    def call(image, offset, mask, weight, bias):
        return function(image, offset, weight, bias, 2, 1, mask=mask)

    inputs = image, offset, mask, weight, bias
    out, pullback = so.vjp(so.ModulatedDeformableConvolution, *inputs, **params)
    np.testing.assert_array_equal(call(*inputs), out)
    found, pull = jax.vjp(call, *inputs)
    for grad, expected in zip(pull(found), pullback(out), strict=True):
        np.testing.assert_array_equal(grad, expected)
    plain = function(image, offset, weight, stride=2, padding=1)
    np.testing.assert_array_equal(plain, so.DeformableConvolution(image, offset, weight, no_bias=True, **params))
    with pytest.raises(ValueError, match=rf"^deform_conv{axes}d: input has shape .*, expected {axes + 2} axes .*\."):
        function(image[0], offset, weight)
    with pytest.raises(
        ValueError, match=rf"^deform_conv{axes}d: offset has shape .*, input's batch, .* of each tap in each .*\."
    ):
        function(image, offset[:, 1:], weight, stride=2, padding=1)


GRID, OFFSET, WEIGHT = np.zeros((2, 5, 9, 2)), np.zeros((2, 12, 6, 8)), np.zeros((4, 3, 3, 2))
WRONG = {
    "a list": (lambda: words.grid_sample([1.0], GRID), TypeError, "grid_sample: input is a builtins.list, expected a jax.Array"),
    "an image": (lambda: words.grid_sample(IMAGES[0], GRID), ValueError, r"grid_sample: input has shape \(3, 6, 7\), expected 4 axes"),
    "planes": (
        lambda: words.grid_sample(IMAGES, np.zeros((2, 2, 5, 9))), ValueError,
        r"grid has shape \(2, 2, 5, 9\), expected \(2, 2, 5, 2\), .*; move its coordinates to the end with jax.numpy.moveaxis\(grid, 1, -1\)",
    ),
    "a narrow grid": (lambda: words.grid_sample(IMAGES, GRID.astype("f4")), TypeError, r"convert it with grid.astype\(input.dtype\)"),
    "whole numbers": (lambda: words.grid_sample(jnp.ones((1, 1, 2, 2), "int32"), GRID), TypeError, "grid_sample: input has dtype int32"),
    "a mode": (lambda: words.grid_sample(IMAGES, GRID, "cubic"), ValueError, "mode is 'cubic', which is not known; use"),
    "a padding": (lambda: words.grid_sample(IMAGES, GRID, padding_mode="wrap"), ValueError, "padding_mode is 'wrap'"),
    "a rule": (lambda: words.grid_sample(IMAGES, GRID, align_corners=None), TypeError, "align_corners is None, expected True or False"),
    "a size": (lambda: words.affine_grid(THETA[4], (5, 9)), ValueError, r"affine_grid: size is \(5, 9\), expected four or five integers"),
    "a matrix": (lambda: words.affine_grid(THETA[4], SIZES[5]), ValueError, r"theta has shape \(2, 2, 3\), expected \(2, 3, 4\)"),
    "a batch": (
        lambda: words.affine_grid_sample(IMAGES[:1], THETA[4], SIZES[4]), ValueError,
        r"size is \(2, 3, 5, 9\) and input has shape \(1, 3, 6, 7\), .*; pass size=\(1, channels, height, width\)",
    ),
    "a traced size": (
        lambda: jax.jit(words.affine_grid)(THETA[4], (2, 3, 5, 9)), TypeError, "affine_grid: size is traced by JAX, .* static_argnames",
    ),
    "groups": (lambda: words.deform_conv2d(IMAGES, OFFSET, WEIGHT[:, :2]), ValueError, "groups of one size"),
    "offsets": (
        lambda: words.deform_conv2d(IMAGES, OFFSET[:, :8], WEIGHT, padding=1), ValueError,
        r"deform_conv2d: offset has shape \(2, 8, 6, 8\), expected \(2, 12, 6, 8\)",
    ),
    "no padding": (lambda: words.deform_conv2d(IMAGES, OFFSET, WEIGHT), ValueError, r"with padding=\(0, 0\); pass padding=\(1, 1\), or a jax.Array"),
    "a stride": (lambda: words.deform_conv2d(IMAGES, OFFSET, WEIGHT, stride=0), ValueError, "stride.* is 0, expected at least 1"),
    "a dtype": (lambda: words.deform_conv2d(IMAGES, OFFSET.astype("f4"), WEIGHT, padding=1), TypeError, "expected one dtype for all"),
    "a bias": (lambda: words.deform_conv2d(IMAGES, OFFSET, WEIGHT, np.zeros(3), padding=1), ValueError, "bias has shape"),
    "a mask": (lambda: words.deform_conv2d(IMAGES, OFFSET, WEIGHT, mask=OFFSET, padding=1), ValueError, "mask has shape"),
    "no weight": (lambda: words.deform_conv2d(IMAGES, OFFSET, None), TypeError, "weight is None, expected a jax.Array; pass one"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_one_sentence_for_each_wrong_call(case):
    call, kind, sentence = WRONG[case]
    with pytest.raises(kind, match=sentence) as error:
        call()
    assert str(error.value).split("\n")[0].endswith(".")


def test_in_half_precision():
    data, grid = jnp.asarray(IMAGES, "bfloat16"), jnp.zeros((2, 5, 9, 2), "float32")
    assert words.grid_sample(data, grid).dtype == jnp.bfloat16
    assert words.affine_grid_sample(data, jnp.asarray(THETA[4], "bfloat16"), SIZES[4]).dtype == jnp.bfloat16


def test_vmap():
    grids = RNG.uniform(-1, 1, (4, 2, 5, 9, 2))
    out = jax.vmap(words.grid_sample, (None, 0))(jnp.asarray(IMAGES), grids)
    for found, grid in zip(out, grids):
        np.testing.assert_array_equal(found, words.grid_sample(IMAGES, grid))


def test_halfway_between_two_pixels_the_even_one_is_nearest():
    x = jnp.array([0.5, 1.5, 2.5, 3.5]) / 2 - 1  # five pixels from -1 to +1
    grid = jnp.stack([x, 0 * x], -1)[None, None]
    found = words.grid_sample(jnp.arange(5.0).reshape(1, 1, 1, 5), grid, "nearest", align_corners=True)
    np.testing.assert_array_equal(found.ravel(), [0, 2, 2, 4])


@pytest.mark.parametrize("align_corners", (True, False))
@pytest.mark.parametrize("padding_mode", ("zeros", "border", "reflection"))
def test_points_at_borders_and_beyond_all_numbers(padding_mode, align_corners):
    """The gradients of a grid at the border pixels' centres are PyTorch's, and so is what no number samples."""
    functional = pytest.importorskip("torch").nn.functional
    keywords = {"padding_mode": padding_mode, "align_corners": align_corners}
    grid = np.broadcast_to(np.array([[-1.0, 1.0], [-3.0, 0.1], [1.0, -1.0], [5.0, -7.0]]), (2, 1, 4, 2)).copy()
    beside(
        lambda *arrays: words.grid_sample(*arrays, **keywords),
        lambda *arrays: functional.grid_sample(*arrays, **keywords),
        (IMAGES, grid),
    )
    if padding_mode != "zeros":
        import torch

        odd = np.full((2, 1, 2, 2), np.inf)
        odd[..., 1, :] = np.nan
        expected = functional.grid_sample(torch.tensor(IMAGES), torch.tensor(odd), **keywords)
        np.testing.assert_array_equal(words.grid_sample(IMAGES, odd, **keywords), expected)
