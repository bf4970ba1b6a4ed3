"""Sizes of zero: outputs, batches and channels may have them, images may not."""

import numpy as np
import pytest

import reference
import spatial_op as so
from spatial_op.transforms import TABLES

DTYPES = ("float16", "float32", "float64")
TARGETS = {1: [(0,)], 2: [(0, 3), (3, 0), (0, 0)], 3: [(2, 0, 3), (0, 1, 1), (0, 0, 0)]}
CONVOLUTIONS = (so.DeformableConvolution, so.ModulatedDeformableConvolution)


def images(axes, dtype="float64", batch=2, channels=3):
    return np.random.default_rng(0).random((batch, channels, *(4, 5, 6)[:axes])).astype(dtype)


def calls(axes, target, dtype="float64"):
    """Every operator that samples or makes coordinates, with an output of these sizes; and the result's shape."""
    data, grid = images(axes, dtype), np.zeros((2, axes, *target), dtype)
    for name in TABLES[axes]:
        params = {"target_shape": target, "transform_type": name}
        loc = so.identity_loc(name, 2, dtype, axes=axes)
        if target != (0, 0):  # which MXNet takes for a shape that was left out
            yield so.SpatialTransformer, (data, loc), params, (2, 3, *target)
            yield so.GridGenerator, (loc,), params, (2, axes, *target)
    for sampler_type in ("bilinear", "nearest", "nearest_even", "bicubic"):
        yield so.GridSampler, (data, grid), {"sampler_type": sampler_type}, (2, 3, *target)
    yield so.BilinearSampler, (data, grid), {"padding_mode": "reflection", "align_corners": False}, (2, 3, *target)
    yield so.GridGenerator, (grid,), {"transform_type": "warp"}, (2, axes, *target)


EMPTY = [(axes, target) for axes, targets in TARGETS.items() for target in targets]


@pytest.mark.parametrize(("axes", "target"), EMPTY)
@pytest.mark.parametrize("dtype", DTYPES)
def test_empty_outputs(axes, target, dtype):
    """Gradients are zeros, or what they are added to, and so are tangents."""
    for op, inputs, params, shape in calls(axes, target, dtype):
        out, pullback = so.vjp(op, *inputs, **params)
        assert out.shape == shape and out.dtype == dtype and out.size == 0
        for value, grad in zip(inputs, pullback(out)):
            assert grad.shape == value.shape and grad.dtype == dtype and not grad.any()
        mine = np.empty(shape, dtype)
        assert op(*inputs, out=mine, **params) is mine
        _, pullback = so.vjp(op, *inputs, grad_req="add", **params)
        kept = [np.full_like(value, 7) for value in inputs]
        pullback(out, out=kept)
        assert all((grad == 7).all() for grad in kept)
        result, tangent = so.jvp(op, inputs, [np.ones_like(value) for value in inputs], **params)
        assert result.shape == tangent.shape == shape and tangent.dtype == dtype


@pytest.mark.parametrize(("axes", "target"), EMPTY)
def test_the_reference_agrees(axes, target):
    data, grid = images(axes), np.zeros((2, axes, *target))
    loc = so.identity_loc("affine", 2, "float64", axes=axes)
    assert reference.grid_sampler(data, grid).shape == (2, 3, *target)
    assert reference.spatial_transformer(data, loc, target).shape == (2, 3, *target)
    grads = reference.spatial_transformer_backward(data, loc, np.zeros((2, 3, *target)), target)
    assert [grad.shape for grad in grads] == [data.shape, loc.shape] and not any(grad.any() for grad in grads)


@pytest.mark.parametrize("axes", [2, 3])
@pytest.mark.parametrize(("batch", "channels"), [(0, 3), (2, 0), (0, 0)])
def test_no_batch_and_no_channels(axes, batch, channels):
    target = (3, 2, 4)[:axes]
    data, grid = images(axes, batch=batch, channels=channels), np.zeros((batch, axes, *target))
    loc = so.identity_loc("affine", batch, "float64", axes=axes)
    for op, second, params in (
        (so.GridSampler, grid, {}),
        (so.SpatialTransformer, loc, {"target_shape": target}),
    ):
        out, pullback = so.vjp(op, data, second, **params)
        assert out.shape == (batch, channels, *target)
        grads = pullback(out)
        assert [grad.shape for grad in grads] == [data.shape, second.shape] and not any(grad.any() for grad in grads)
        assert so.jvp(op, (data, second), (data, second), **params)[1].shape == out.shape


@pytest.mark.parametrize(("batch", "channels"), [(0, 3), (2, 0), (0, 0)])
@pytest.mark.parametrize("op", CONVOLUTIONS)
def test_convolutions_without_batch_or_channels(op, batch, channels):
    inputs = convolved(op, (batch, channels, 4, 5), (2, 3))
    out, pullback = so.vjp(op, *inputs, kernel=(3, 3), num_filter=2)
    assert out.shape == (batch, 2, 2, 3) and (out == 1).all()
    grads = pullback(np.ones_like(out))
    assert [grad.shape for grad in grads] == [value.shape for value in inputs]
    assert (grads[-1] == batch * 6).all() and not any(grad.any() for grad in grads[:-1])
    assert so.jvp(op, inputs, inputs, kernel=(3, 3), num_filter=2)[1].shape == out.shape


def convolved(op, shape, target):
    """Arrays for a 3x3 convolution to two filters."""
    batch, channels, *_ = shape
    masks = [np.ones((batch, 9, *target))] if "mask" in op.operator.inputs else []
    weight = np.ones((2, channels, 3, 3))
    return np.ones(shape), np.zeros((batch, 18, *target)), *masks, weight, np.ones(2)


@pytest.mark.parametrize("sizes", [(0, 5), (4, 0), (0, 4, 5), (4, 5, 0)])
@pytest.mark.parametrize("batch", [0, 2])
def test_images_without_pixels_are_refused(sizes, batch):
    """Whatever is asked of them: a border of nothing has no value."""
    axes, data = len(sizes), np.zeros((batch, 3, *sizes))
    names = ("depth", "height", "width")[-axes:]
    sentence = rf"data has shape .*, whose {names[sizes.index(0)]} is 0, expected images of at least one pixel; .*\.$"
    for target in ((2, 3, 4)[:axes], (0, 3, 4)[:axes]):
        for padding_mode in ("zeros", "border", "reflection"):
            with pytest.raises(ValueError, match=f"^GridSampler: {sentence}"):
                so.GridSampler(data, np.zeros((batch, axes, *target)), padding_mode=padding_mode)
            loc = so.identity_loc("affine", batch, "float64", axes=axes)
            with pytest.raises(ValueError, match=f"^SpatialTransformer: {sentence}"):
                so.SpatialTransformer(data, loc, target, padding_mode=padding_mode)
        with pytest.raises(ValueError, match=f"^BilinearSampler: {sentence}"):
            so.BilinearSampler(data, np.zeros((batch, axes, *target)))
    with pytest.raises(ValueError, match="an image needs a pixel"):
        reference.grid_sampler(data, np.zeros((batch, axes, *target)))
    if axes == 2:
        target = tuple(size + 2 for size in sizes)
        for op in CONVOLUTIONS:
            inputs = convolved(op, data.shape, target)
            with pytest.raises(ValueError, match=f"^{op.__name__}: {sentence}"):
                op(*inputs, kernel=(3, 3), pad=(2, 2), num_filter=2)


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
def test_tensors():
    """Empty results carry gradients through PyTorch, batched and forwards, too."""
    torch = pytest.importorskip("torch")
    data, grid = torch.rand(2, 3, 4, 5, requires_grad=True), torch.zeros(2, 2, 0, 6, requires_grad=True)
    loc = torch.eye(2, 3).reshape(1, 6).repeat(2, 1).requires_grad_()
    for op, second, params in (
        (so.GridSampler, grid, {}),
        (so.SpatialTransformer, loc, {"target_shape": (0, 6)}),
    ):
        out = op(data, second, **params)
        assert out.shape == (2, 3, 0, 6)
        for value, grad in zip((data, second), torch.autograd.grad(out.sum(), (data, second))):
            assert grad.shape == value.shape and not grad.any()
        along = torch.func.jvp(lambda images: op(images, second.detach(), **params), (data.detach(),), (data.detach(),))  # noqa: B023
        assert along[1].shape == out.shape
    with pytest.raises(ValueError, match="GridSampler: data has shape .*, whose height is 0"):
        so.GridSampler(data[:, :, :0], grid)


def test_jax():
    jax = pytest.importorskip("jax")
    data, grid = jax.numpy.ones((2, 3, 4, 5)), jax.numpy.zeros((2, 2, 0, 6))
    out = jax.jit(so.GridSampler)(data, grid)
    assert out.shape == (2, 3, 0, 6)
    grads = jax.grad(lambda *inputs: so.GridSampler(*inputs).sum(), (0, 1))(data, grid)
    assert [grad.shape for grad in grads] == [data.shape, grid.shape] and not any(grad.any() for grad in grads)
    with pytest.raises(ValueError, match="GridSampler: data has shape .*, whose width is 0"):
        so.GridSampler(data[..., :0], grid)


@pytest.mark.parametrize("target", [(0, 0), [0, 0], np.zeros(2, int), None])
def test_a_target_that_is_left_out(target):
    """MXNet's default means that there is none; it refuses it, too."""
    loc = so.identity_loc("affine")
    for name, call in (
        ("SpatialTransformer", lambda: so.SpatialTransformer(images(2, "float32", batch=1), loc, target)),
        ("GridGenerator", lambda: so.GridGenerator(loc, "affine", target)),
    ):
        with pytest.raises(ValueError, match=f"{name}: target_shape is missing, expected two integers"):
            call()
