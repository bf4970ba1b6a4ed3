"""Images of integers, booleans and complex numbers from frameworks: the bits of NumPy's, and what differentiation makes of them."""

import numpy as np
import pytest
from test_integers import COMPLEX, INTEGERS, WIDE, call, images

import spatial_op as so

# PyTorch's forward mode uses what PyTorch itself calls old.
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")

NAMES = [*INTEGERS, *WIDE, *COMPLEX]


def case(dtype):
    """Images, parameters, and words of a call."""
    data, loc, target = call(2, 3, dtype)
    return data, loc, {"target_shape": target, "sampler_type": "nearest" if dtype in WIDE else "bilinear"}


@pytest.mark.parametrize("dtype", NAMES)
def test_pytorch(dtype):
    torch = pytest.importorskip("torch")
    data, loc, words = case(dtype)
    expected = so.SpatialTransformer(data, loc, **words)
    tensors = torch.from_numpy(data), torch.from_numpy(loc)
    warp = torch.compile(lambda *inputs: so.SpatialTransformer(*inputs, **words), backend="eager")
    for out in (so.SpatialTransformer(*tensors, **words), warp(*tensors)):
        np.testing.assert_array_equal(out.numpy(), expected)
        assert out.numpy().dtype == dtype
    with torch.autocast("cpu"):
        np.testing.assert_array_equal(so.SpatialTransformer(*tensors, **words).numpy(), expected)


def test_pytorch_passes_no_gradient_through_integers():
    """Where one would be lost, that is said; labels have none to lose."""
    torch = pytest.importorskip("torch")
    data, loc, words = case("uint8")
    data, loc = torch.from_numpy(data), torch.from_numpy(loc)
    dual = lambda loc: torch.func.jvp(lambda loc: so.SpatialTransformer(data, loc, **words), (loc,), (loc,))  # noqa: E731
    for run in (lambda loc: so.SpatialTransformer(data, loc.requires_grad_(), **words), dual):
        with pytest.raises(
            TypeError,
            match=r"loc is differentiated and data has dtype uint8, .*data\.to\(torch\.float32\), .*loc\.detach\(\)",
        ):
            run(loc.clone())
    out = so.SpatialTransformer(data, loc.requires_grad_(), words["target_shape"], sampler_type="nearest")
    assert out.dtype == torch.uint8 and not out.requires_grad
    with torch.no_grad():
        so.SpatialTransformer(data, loc, **words)
    for narrow in (torch.float16, torch.bfloat16):
        with pytest.raises(
            TypeError,
            match=r"loc has dtype b?float16 and data has dtype uint8, .*; convert it with loc\.to\(torch\.float32\)",
        ):
            so.SpatialTransformer(data, loc.detach().to(narrow), **words)


def test_pytorch_differentiates_complex_numbers():
    """In its own convention, to second order and in both modes."""
    torch = pytest.importorskip("torch")
    data = torch.from_numpy(images((2, 2, 5, 6), "complex128")).requires_grad_()
    loc = torch.from_numpy(call(2, 1, "uint8")[1]).requires_grad_()
    function = lambda data, loc: so.SpatialTransformer(data, loc, (4, 5))  # noqa: E731
    assert torch.autograd.gradcheck(function, (data, loc), check_forward_ad=True)
    assert torch.autograd.gradgradcheck(function, (data, loc))


@pytest.mark.parametrize("dtype", NAMES)
def test_jax(dtype):
    """Integers have gradients of float0, and pass none on."""
    jax = pytest.importorskip("jax")
    data, loc, words = case(dtype)
    expected = so.SpatialTransformer(data, loc, **words)
    function = lambda *inputs: so.SpatialTransformer(*inputs, **words)  # noqa: E731
    with jax.enable_x64(True) if hasattr(jax, "enable_x64") else jax.experimental.enable_x64():
        arrays = jax.numpy.asarray(data), jax.numpy.asarray(loc)
        for run in (function, jax.jit(function)):
            out = run(*arrays)
            assert out.dtype == dtype
            np.testing.assert_array_equal(out, expected)
        out, pullback = jax.vjp(function, *arrays)
        if dtype in COMPLEX:
            return
        grad_data, grad_loc = pullback(np.zeros(out.shape, jax.dtypes.float0))
        assert grad_data.dtype == jax.dtypes.float0 and not grad_loc.any()


def test_jax_differentiates_complex_numbers():
    """In its own convention: gradients are the conjugates of PyTorch's."""
    jax = pytest.importorskip("jax")
    check_grads = pytest.importorskip("jax.test_util").check_grads
    loc = call(2, 1, "uint8")[1]
    with jax.enable_x64(True) if hasattr(jax, "enable_x64") else jax.experimental.enable_x64():
        data = jax.numpy.asarray(images((2, 2, 5, 6), "complex128"))
        check_grads(lambda data, loc: so.SpatialTransformer(data, loc, (4, 5)), (data, jax.numpy.asarray(loc)), order=2)


@pytest.mark.parametrize("dtype", NAMES)
def test_dask(dtype):
    da = pytest.importorskip("dask.array")
    data, loc, words = case(dtype)
    out = so.SpatialTransformer(da.from_array(data, chunks=(1, 3, 43, 71)), loc, **words)
    assert out.dtype == dtype
    np.testing.assert_array_equal(out.compute(scheduler="synchronous"), so.SpatialTransformer(data, loc, **words))


def test_opencv_differs_by_its_weights_of_five_bits():
    """It rounds coordinates to 32nds of a pixel; float32, rounded, is meant."""
    cv2 = pytest.importorskip("cv2")
    image = cv2.GaussianBlur(images((211, 307, 3), "uint8"), (0, 0), 2)
    matrix = np.array([[0.9137, -0.4071, 40.5313], [0.3053, 1.1071, -30.2573]])
    out = so.warp(image, matrix)
    theirs = cv2.warpAffine(image, matrix, image.shape[1::-1], flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    floats = np.rint(so.warp(image.astype("float32"), matrix)).astype("uint8")
    np.testing.assert_array_equal(out, floats)
    assert abs(out.astype(int) - theirs).max() <= 2
