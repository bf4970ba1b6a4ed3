"""Both deformable convolutions beside the reference, by their properties, and where numbers, borders or memory are awkward.

Float64, and float32 with more than one vector of channels: each pair of dtype and vectors is compiled on its own, and so
is what runs on several threads, for which reason all of that is tried here.
"""

import math
import os
import pathlib
import subprocess
import sys

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import complex_step
from test_properties import same_bits
from tolerances import assert_close

import reference
import spatial_op as so
from spatial_op.kernels import matrix, planning, threads

V1, V2 = so.DeformableConvolution, so.ModulatedDeformableConvolution
REFERENCE = {
    V1: (reference.deformable_convolution, reference.deformable_convolution_backward),
    V2: (reference.modulated_deformable_convolution, reference.modulated_deformable_convolution_backward),
}
RULES = {"v1": (V1, "mxnet"), "v1-zeros": (V1, "zeros"), "v2": (V2, "mxnet")}
every_rule = pytest.mark.parametrize(("op", "border"), RULES.values(), ids=RULES)
every_operator = pytest.mark.parametrize("op", [V1, V2])
# Of a block: with float32, more than 16 channels.
either_precision = pytest.mark.parametrize(("dtype", "channels"), [("float64", 1), ("float32", 17)])

SEEDS = st.integers(0, 2**32 - 1)
THREE, FOUR, SIX = st.integers(1, 3), st.integers(1, 4), st.integers(1, 6)
STEP = 1e-40


def output_size(size, taps, stride, pad, dilate):
    return (size + 2 * pad - dilate * (taps - 1) - 1) // stride + 1


def problem(
    op, shape, kernel=(3, 2), num_filter=4, stride=None, pad=None, dilate=None, num_group=1,
    num_deformable_group=1, border="mxnet", dtype="float64", seed=0,
):  # fmt: skip
    """Inputs, an upstream gradient and parameters; offsets have a spread of 2, and none is a whole number.

    Steps, gaps and margins are 1 unless they are given.

    Slopes jump at whole pixels, so that rounding would decide there: float32 needs a larger distance.
    """
    rng, axes = np.random.default_rng(seed), len(kernel)
    stride, pad, dilate = stride or (1,) * axes, pad or (1,) * axes, dilate or (1,) * axes
    target = tuple(map(output_size, shape[2:], kernel, stride, pad, dilate))
    taps = num_deformable_group * math.prod(kernel)
    offset = 2 * rng.standard_normal((shape[0], axes * taps, *target))
    margin = 1e-5 if dtype == "float64" else 1e-2
    offset = np.floor(offset) + np.clip(offset % 1, margin, 1 - margin)
    masks = [rng.standard_normal((shape[0], taps, *target))] if op is V2 else []
    weight = rng.standard_normal((num_filter, shape[1] // num_group, *kernel))
    arrays = rng.standard_normal(shape), offset, *masks, weight, rng.standard_normal(num_filter)
    out_grad = rng.standard_normal((shape[0], num_filter, *target))
    params = {
        "kernel": kernel, "stride": stride, "pad": pad, "dilate": dilate, "num_filter": num_filter,
        "num_group": num_group, "num_deformable_group": num_deformable_group, "border": border,
    }  # fmt: skip
    return [array.astype(dtype) for array in arrays], out_grad.astype(dtype), params


# Groups of both kinds interleave: no block of channels may cross either's border.
INTERLEAVED = {"shape": (2, 12, 4, 5), "num_group": 2, "num_deformable_group": 3, "num_filter": 6, "kernel": (3, 1)}
WIDE = {**INTERLEAVED, "shape": (2, 54, 4, 5), "dtype": "float32"}
either_size = pytest.mark.parametrize("sizes", [INTERLEAVED, WIDE], ids=["float64", "float32"])
SIGNALS = {**INTERLEAVED, "shape": (2, 12, 9), "kernel": (3,), "pad": (2,), "stride": (2,), "dilate": (2,)}
VOLUMES = {**INTERLEAVED, "shape": (2, 12, 3, 4, 5), "kernel": (2, 1, 3), "pad": (1, 0, 2), "stride": (1, 1, 2)}
every_kind = pytest.mark.parametrize("sizes", [SIGNALS, INTERLEAVED, VOLUMES], ids=["signals", "images", "volumes"])


@st.composite
def axes(draw, most_taps, most=5):
    """Of one axis: the image's size, taps, stride, pad and dilate, for an output of 1 to ``most``."""
    taps, pad = draw(st.integers(1, most_taps)), draw(st.integers(-1, 3))
    dilate = draw(st.integers(1, 3 if taps < 4 else 1))
    extent = dilate * (taps - 1) + 1
    least = max(1, extent - 2 * pad)
    size = draw(st.integers(least, least + most - 1))
    stride = draw(st.integers(1, 3))
    return size, taps, max(stride, (size + 2 * pad - extent) // most + 1), pad, dilate


IMAGES = axes(5), axes(3)


@st.composite
def sizes(draw, groups=FOUR, times=SIX, images=THREE, each=IMAGES):
    """Arguments of ``problem``: as many channels as ``times`` the smallest number that all groups divide."""
    num_group, num_deformable_group = draw(groups), draw(groups)
    channels = math.lcm(num_group, num_deformable_group) * draw(times)
    shape, kernel, stride, pad, dilate = zip(*map(draw, each))
    return {
        "shape": (draw(images), channels, *shape), "kernel": kernel, "stride": stride, "pad": pad, "dilate": dilate,
        "num_filter": num_group * draw(st.integers(1, 5)), "num_group": num_group,
        "num_deformable_group": num_deformable_group, "seed": draw(SEEDS),
    }  # fmt: skip


TWO = st.integers(1, 2)
OTHER_SIZES = st.one_of(
    sizes(groups=TWO, times=TWO, each=(axes(7),)), sizes(groups=TWO, times=TWO, images=TWO, each=(axes(2, 3),) * 3)
)


def both_ways(op, inputs, out_grad, **params):
    """Result and gradients."""
    out, pullback = so.vjp(op, *inputs, **params)
    return (out, *pullback(out_grad))


def assert_like_reference(found, op, inputs, out_grad, params):
    """Result and gradients; a sum that cancels is no more precise than its terms, which are about 1."""
    forward, backward = REFERENCE[op]
    with np.errstate(invalid="ignore"):
        expected = forward(*inputs, **params), *backward(*inputs, out_grad, **params)
    data = inputs[0]
    for mine, exact in zip(found, expected, strict=True):
        assert mine.dtype == data.dtype
        scale = max(1, np.max(np.abs(exact), initial=0, where=np.isfinite(exact)))
        assert_close(mine, exact, data.dtype, data.shape, scale)


def check(op, inputs, out_grad, params):
    found = both_ways(op, inputs, out_grad, **params)
    assert_like_reference(found, op, inputs, out_grad, params)
    return found


# Beside the reference.


@every_rule
@given(sizes=sizes())
def test_result_and_gradients(op, border, sizes):
    check(op, *problem(op, border=border, **sizes))


@every_rule
@settings(max_examples=30)
@given(sizes=OTHER_SIZES)
def test_signals_and_volumes(op, border, sizes):
    check(op, *problem(op, border=border, **sizes))


@every_rule
@settings(max_examples=15)
@given(sizes=sizes(groups=st.integers(1, 2), times=st.integers(17, 36), images=st.integers(1, 2)))
def test_single_precision(op, border, sizes):
    check(op, *problem(op, border=border, dtype="float32", **sizes))


@every_rule
@pytest.mark.parametrize("sizes", [
    INTERLEAVED, WIDE, SIGNALS, VOLUMES,
    {"shape": (1, 17, 300), "kernel": (7,), "num_filter": 40, "dtype": "float32"},  # several tiles
    {"shape": (1, 33, 4, 5, 7), "kernel": (3, 2, 3), "num_filter": 34, "dtype": "float32"},
    {"shape": (1, 3, 1, 1, 1), "kernel": (1, 1, 2), "num_filter": 2},
    {"shape": (1, 1, 1, 1), "kernel": (1, 1), "pad": (0, 0), "num_filter": 1},
    {"shape": (2, 16, 3, 5), "num_filter": 16},
    {"shape": (2, 70, 3, 5), "num_filter": 37},
    {"shape": (1, 66, 3, 5), "num_filter": 70, "num_group": 2, "num_deformable_group": 3, "dtype": "float32"},
    {"shape": (1, 3, 23, 29), "kernel": (5, 3), "num_filter": 9},  # several tiles
    {"shape": (3, 20, 19, 17), "kernel": (1, 2), "num_filter": 9, "dtype": "float32"},
    {"shape": (1, 21, 4, 3), "kernel": (9, 8), "pad": (4, 4), "dtype": "float32"},  # taps in several steps
    {"shape": (1, 16, 5, 7), "stride": (3, 2), "dilate": (2, 3), "pad": (3, -1), "num_group": 16, "num_filter": 32},
], ids=lambda sizes: "x".join(map(str, sizes["shape"])))  # fmt: skip
def test_chosen_sizes(op, border, sizes):
    check(op, *problem(op, border=border, **sizes))


@every_rule
@pytest.mark.parametrize(("shape", "kernel"), [((1, 6, 5), (2,)), ((1, 6, 3, 4), (2, 1)), ((1, 6, 2, 3, 2), (1, 1, 2))])
def test_gradients_equal_the_complex_step(op, border, shape, kernel):
    """Each element of each gradient, without the reference's own gradients."""
    inputs, out_grad, params = problem(
        op, shape, kernel, num_filter=4, num_group=2, num_deformable_group=3, border=border
    )
    forward, _ = REFERENCE[op]
    _, *grads = both_ways(op, inputs, out_grad, **params)
    for i, (array, grad) in enumerate(zip(inputs, grads, strict=True)):

        def convolve(moved, i=i):
            return out_grad * forward(*inputs[:i], moved, *inputs[i + 1 :], **params)

        np.testing.assert_allclose(grad, complex_step(convolve, array), rtol=0, atol=1e-11)


@every_operator
def test_half_precision_is_single_precision_stored(op):
    inputs, out_grad, params = problem(op, **{**WIDE, "dtype": "float16"})
    single = [array.astype("float32") for array in inputs]
    expected = both_ways(op, single, out_grad.astype("float32"), **params)
    for found, exact in zip(both_ways(op, inputs, out_grad, **params), expected):
        assert same_bits(found, exact.astype("float16"))
    _, tangent = so.jvp(op, inputs, inputs, **params)
    np.testing.assert_allclose(tangent, so.jvp(op, single, single, **params)[1], rtol=1e-3, atol=1e-3)
    assert tangent.dtype == "float16"
    data, offset, *others = inputs
    out = op(data * np.float16(300), offset, *[array * np.float16(300) for array in others], **params)
    assert np.isinf(out).any()


# Properties.


@every_rule
@given(sizes=st.one_of(sizes(), OTHER_SIZES))
def test_tangents_are_the_transpose_of_the_pullback_and_the_complex_step(op, border, sizes):
    inputs, out_grad, params = problem(op, border=border, **sizes)
    rng = np.random.default_rng(sizes["seed"] + 1)
    tangents = [rng.standard_normal(array.shape) for array in inputs]
    out, *grads = both_ways(op, inputs, out_grad, **params)
    total = 0
    for i, (tangent, grad) in enumerate(zip(tangents, grads)):
        alone = [tangent if i == k else None for k in range(len(inputs))]
        same, change = so.jvp(op, inputs, alone, **params)
        assert same_bits(out, same)
        left, right = (out_grad * change).sum(), (grad * tangent).sum()
        assert abs(left - right) <= 1e-12 * (1 + np.abs(out_grad * change).sum() + np.abs(grad * tangent).sum())
        moved = [array + 1j * STEP * t if t is not None else array for array, t in zip(inputs, alone)]
        expected = np.imag(REFERENCE[op][0](*moved, **params)) / STEP
        assert_close(change, expected, "float64", out.shape, max(1, np.abs(expected).max()))
        total = total + change
    together = so.jvp(op, inputs, tangents, **params)[1]
    assert_close(together, total, "float64", out.shape, max(1, np.abs(total).max()))
    assert not so.jvp(op, inputs, [None] * len(inputs), **params)[1].any()


@every_rule
@settings(max_examples=20)
@given(sizes=sizes())
def test_linear_in_all_but_the_offsets(op, border, sizes):
    inputs, _, params = problem(op, border=border, **sizes)
    *inputs, bias = inputs
    others = [1.5 * array + 1 for array in inputs]
    with_bias = op(*inputs, bias, **params)
    np.testing.assert_allclose(
        with_bias - op(*inputs, 0 * bias, **params),
        np.broadcast_to(bias[:, None, None], with_bias.shape),
        atol=1e-12 * 40,
    )
    for i in (0, *range(2, len(inputs))):

        def at(value, i=i):
            return op(*inputs[:i], value, *inputs[i + 1 :], no_bias=True, **params)

        expected = 2 * at(inputs[i]) - 3 * at(others[i])
        assert_close(
            at(2 * inputs[i] - 3 * others[i]), expected, "float64", expected.shape, 10 * len(others[i].ravel())
        )


@every_rule
@pytest.mark.parametrize("sizes", [
    INTERLEAVED, WIDE, {"shape": (2, 6, 7, 8), "kernel": (3, 2), "stride": (2, 3), "dilate": (2, 1), "pad": (2, 3), "num_group": 3, "num_filter": 9},
    SIGNALS, VOLUMES,
], ids=["interleaved", "float32", "strides", "signals", "volumes"])  # fmt: skip
def test_without_offsets_it_is_pytorch_convolution(op, border, sizes):
    torch = pytest.importorskip("torch")
    (data, offset, *masks, weight, bias), out_grad, params = problem(op, border=border, **sizes)
    tensors = [torch.tensor(array, requires_grad=True) for array in (data, weight, bias)]
    names = {"stride": "stride", "padding": "pad", "dilation": "dilate", "groups": "num_group"}
    convolve = getattr(torch.nn.functional, f"conv{data.ndim - 2}d")
    theirs = convolve(*tensors, **{name: params[mine] for name, mine in names.items()})
    theirs.backward(torch.tensor(out_grad))
    inputs = data, 0 * offset, *map(np.ones_like, masks), weight, bias
    out, grad_data, *_, grad_weight, grad_bias = both_ways(op, inputs, out_grad, **params)
    expected = [theirs.detach(), *(tensor.grad for tensor in tensors)]
    for found, exact in zip((out, grad_data, grad_weight, grad_bias), expected):
        assert_close(found, exact.numpy(), data.dtype, data.shape)


@every_rule
@either_precision
@given(
    step=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    pad=st.tuples(st.integers(-1, 3), st.integers(-1, 3)),
    seed=SEEDS,
)
def test_whole_offsets_move_pixels_bit_by_bit(op, border, dtype, channels, step, pad, seed):
    """Each deformable group reads its own pixels, and those alone; outside there are zeros."""
    shape, channels = (2, 2 * channels, 5, 7), 2 * channels
    (data, offset, *_), _, params = problem(
        op, shape, (1, 1), channels, step, pad, num_deformable_group=2, border=border, dtype=dtype, seed=seed
    )
    offset = np.floor(offset)
    masks = [np.ones_like(offset[:, ::2])] if op is V2 else []
    weight = np.eye(channels, dtype=dtype)[:, :, None, None]
    out = op(data, offset, *masks, weight, no_bias=True, **params)
    rows, columns = np.indices(offset.shape[2:])
    far = 40
    padded = np.pad(data, ((0, 0), (0, 0), (far, far), (far, far)))
    for n, c in np.ndindex(shape[:2]):
        group = 2 * (2 * c // channels)
        y = rows * step[0] - pad[0] + offset[n, group].astype(int) + far
        x = columns * step[1] - pad[1] + offset[n, group + 1].astype(int) + far
        np.testing.assert_array_equal(out[n, c], padded[n, c, y, x])


@either_size
def test_a_mask_of_ones_changes_nothing(sizes):
    (data, offset, mask, *others), out_grad, params = problem(V2, **sizes)
    plain = both_ways(V1, (data, offset, *others), out_grad, **{**params, "border": "zeros"})
    out, *grads = both_ways(V2, (data, offset, np.ones_like(mask), *others), out_grad, **params)
    del grads[2]
    assert all(same_bits(a, b) for a, b in zip((out, *grads), plain, strict=True))
    for border in ("mxnet", "zeros"):  # which are the same here
        assert same_bits(V2(data, offset, np.ones_like(mask), *others, **{**params, "border": border}), out)


@every_rule
@pytest.mark.parametrize("sizes", [SIGNALS, INTERLEAVED], ids=["signals", "images"])
def test_an_axis_of_one_pixel_more(op, border, sizes):
    """A signal is an image of one row, and an image a volume of one slice, whose offsets along the new axis are zero."""
    (data, offset, *others), out_grad, params = problem(op, border=border, **sizes)
    out, grad_data, grad_offset, *grads, grad_bias = both_ways(op, (data, offset, *others), out_grad, **params)
    axes, target = data.ndim - 2, offset.shape[2:]
    apart = offset.reshape(len(offset), -1, axes, *target)
    flat = np.concatenate([0 * apart[:, :, :1], apart], axis=2).reshape(len(offset), -1, 1, *target)
    one, none = ("kernel", "stride", "dilate"), ("pad",)
    more = {name: (value, *params[name]) for names, value in ((one, 1), (none, 0)) for name in names}
    *others, bias = others
    lifted = data[:, :, None], flat, *(array[:, :, None] for array in others), bias
    found = both_ways(op, lifted, out_grad[:, :, None], **params | more)
    by_axis = found[2].reshape(len(offset), -1, axes + 1, *target)
    assert same_bits(found[0][:, :, 0], out)
    expected = grad_data, grad_offset.reshape(apart.shape), *grads, grad_bias
    same = found[1][:, :, 0], by_axis[:, :, 1:], *(grad[:, :, 0] for grad in found[3:-1]), found[-1]
    for mine, theirs in zip(same, expected, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-12)


# Borders: a column of the pixels 1, 2, 4, 8; place -> value and slope of the first operator, and of the second one, which
# fades. At a kink the slope is the right-hand one.
SWEEP = {
    -1.25: ((0, 0), (0, 0)),
    np.nextafter(np.float32(-1), np.float32(-2)): ((0, 0), (0, 0)),
    -1: ((0, 0), (0, 1)),
    -0.25: ((0, 0), (0.75, 1)),
    -1e-9: ((0, 0), (1 - 1e-9, 1)),
    -0.0: ((1, 1), (1, 1)),
    0.5: ((1.5, 1), (1.5, 1)),
    2.5: ((6, 4), (6, 4)),
    np.nextafter(np.float32(3), np.float32(0)): ((8 - 2**-20, 4), (8 - 2**-20, 4)),
    3: ((8, 0), (8, -8)),
    3.25: ((8, 0), (6, -8)),
    3.999: ((8, 0), (0.008, -8)),
    np.nextafter(np.float32(4), np.float32(0)): ((8, 0), (2**-19, -8)),
    4: ((0, 0), (0, 0)),
    4.25: ((0, 0), (0, 0)),
}  # fmt: skip


@every_rule
@either_precision
@pytest.mark.parametrize("axis", [0, 1])
def test_borders(op, border, dtype, channels, axis):
    """The first row or column of the output looks at the places, halfway between two equal pixels; the rest nowhere."""
    places = np.array(list(SWEEP), dtype)
    values, slopes = np.array([row[border == "zeros" or op is V2] for row in SWEEP.values()]).T
    data = np.zeros((1, channels, 4, len(places)), dtype)
    data[:, 0] = np.reshape([1, 2, 4, 8], (4, 1))
    offset = np.full((1, 2, 4, len(places)), 1e6, dtype)
    offset[0, 0, 0], offset[0, 1, 0] = places, 0.5 - np.arange(len(places))
    if axis == 1:
        data, offset = data.swapaxes(2, 3), offset[:, ::-1].swapaxes(2, 3)
    masks = [np.ones_like(offset[:, :1])] if op is V2 else []
    weight = np.zeros((1, channels, 1, 1), dtype)
    weight[0, 0] = 1
    params = {"kernel": (1, 1), "num_filter": 1, "no_bias": True, "border": border}
    out_grad = np.ones((1, 1, *data.shape[2:]), dtype)
    out, grad_data, grad_offset, *_ = both_ways(op, (data, offset, *masks, weight), out_grad, **params)
    if axis == 1:
        out, grad_offset = out.swapaxes(2, 3), grad_offset.swapaxes(2, 3)
    assert not out[0, 0, 1:].any() and not grad_offset[0, :, 1:].any()
    np.testing.assert_allclose((grad_data * data).sum(), out.sum(), rtol=1e-5)
    eps = np.finfo(dtype).eps * 8
    np.testing.assert_allclose(out[0, 0, 0], values, rtol=0, atol=eps)
    np.testing.assert_allclose(grad_offset[0, axis, 0], slopes, rtol=0, atol=eps)


# Requests, memory and threads.


@every_operator
@every_kind
def test_grad_requests(op, sizes):
    """Each input on its own, and all but it: what is wanted does not depend on what else is."""
    inputs, out_grad, params = problem(op, **sizes)
    _, *full = both_ways(op, inputs, out_grad, **params)
    for alone, others in (("write", "null"), ("null", "write"), ("add", "write")):
        for i in range(len(inputs)):
            requests = [alone if k == i else others for k in range(len(inputs))]
            there = [np.ones_like(array) for array in inputs]
            _, pullback = so.vjp(op, *inputs, grad_req=requests, **params)
            for _ in range(2):
                found = pullback(out_grad, out=there)
            for request, grad, expected, array in zip(requests, found, full, there):
                if request == "null":
                    assert grad is None and (array == 1).all()
                elif request == "write":
                    assert grad is array and same_bits(grad, expected)
                else:
                    np.testing.assert_allclose(grad, 1 + 2 * expected, rtol=1e-13, atol=1e-13)


@every_operator
@every_kind
def test_layouts_and_a_bias_left_out(op, sizes):
    (*inputs, bias), out_grad, params = problem(op, **sizes)
    expected = both_ways(op, inputs, out_grad, no_bias=True, **params)
    assert len(expected) == 1 + len(inputs)
    assert all(
        same_bits(a, b) for a, b in zip(expected, both_ways(op, [*inputs, None], out_grad, no_bias=True, **params))
    )
    for change in (
        np.asfortranarray,
        lambda array: array.astype(">f8"),
        lambda array: np.repeat(array, 2, -1)[..., ::2],
    ):
        other = [change(array) for array in inputs]
        for array in other:
            array.flags.writeable = False
        before = [array.copy() for array in other]
        assert all(
            same_bits(a, b) for a, b in zip(expected, both_ways(op, other, change(out_grad), no_bias=True, **params))
        )
        assert all(same_bits(a, b) for a, b in zip(before, other))
    out = np.empty_like(out_grad)
    assert op(*inputs, no_bias=True, out=out, **params) is out and same_bits(out, expected[0])


@every_operator
def test_nothing_to_look_at(op):
    """No image; no channel."""
    for shape in ((0, 6, 4, 5), (2, 0, 4, 5)):
        inputs, out_grad, params = problem(op, shape, (1, 1), pad=(1, 1))
        out, *grads = both_ways(op, inputs, out_grad, **params)
        np.testing.assert_array_equal(out, np.broadcast_to(inputs[-1][:, None, None], out.shape))
        assert not any(grad.any() for grad in grads[:-1])
        np.testing.assert_allclose(grads[-1], out_grad.sum(axis=(0, 2, 3)), rtol=0, atol=1e-12)


@every_rule
@either_precision
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("coordinate", [0, 1])
def test_an_offset_that_is_no_number_stays_alone(op, border, dtype, channels, bad, coordinate):
    inputs, out_grad, params = problem(op, (2, channels, 5, 7), border=border, dtype=dtype)
    clean = both_ways(op, inputs, out_grad, **params)
    inputs[1][1, 4 + coordinate, 2, 3] = bad
    out, grad_data, grad_offset, *masks, grad_weight, grad_bias = both_ways(op, inputs, out_grad, **params)
    assert np.isnan(out[1, :, 2, 3]).all() and np.isnan(out).sum() == out.shape[1]
    assert np.isfinite(grad_data).all() and same_bits(grad_data[0], clean[1][0])
    assert np.isnan(grad_offset[1, 4:6, 2, 3]).all() and np.isnan(grad_offset).sum() == 2
    assert np.isnan(grad_weight[:, :, 1, 0]).all() and np.isnan(grad_weight).sum() == grad_weight[:, :, 1, 0].size
    assert all(np.isnan(grad).sum() == 1 for grad in masks) and same_bits(grad_bias, clean[-1])


@every_rule
@either_precision
@pytest.mark.parametrize("shape", [(2, 5), (2, 3, 4, 5)], ids=["signals", "volumes"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_such_an_offset_of_signals_and_volumes(op, border, dtype, channels, shape, bad):
    """One at a time on each axis: no number is NaN but those that meet it."""
    batch, *size = shape
    axes, where = len(size), (1, *[2] * len(size))
    here = (where[0], slice(None), *where[1:])
    for axis in range(axes):
        inputs, out_grad, params = problem(op, (batch, channels, *size), (1,) * axes, border=border, dtype=dtype)
        inputs[1][(1, axis, *where[1:])] = bad
        out, grad_data, grad_offset, *masks, grad_weight, grad_bias = both_ways(op, inputs, out_grad, **params)
        assert np.isnan(out[here]).all() and np.isnan(out).sum() == out.shape[1]
        assert np.isnan(grad_offset[here]).all() and np.isnan(grad_offset).sum() == axes
        assert all(np.isnan(grad).sum() == 1 for grad in masks) and np.isnan(grad_weight).all()
        assert np.isfinite(grad_data).all() and np.isfinite(grad_bias).all()


@every_rule
@either_precision
def test_huge_offsets_see_nothing(op, border, dtype, channels):
    inputs, out_grad, params = problem(op, (2, channels, 5, 7), border=border, dtype=dtype)
    inputs[1][...] = np.where(inputs[1] > 0, 1e30, -1e30)
    out, *grads, grad_bias = both_ways(op, inputs, out_grad, **params)
    np.testing.assert_array_equal(out, np.broadcast_to(inputs[-1][:, None, None], out.shape))
    assert not any(grad.any() for grad in grads) and grad_bias.any()


@every_rule
@either_precision
def test_pixels_without_weight_are_not_read(op, border, dtype, channels):
    """Whole offsets beside a pixel that is no number: its neighbours do not see it, forward or in the filters' gradient."""
    inputs, out_grad, params = problem(op, (1, channels, 5, 7), (1, 1), pad=(0, 0), border=border, dtype=dtype)
    inputs[0][0, :, 2, 3] = np.nan
    inputs[1][...] = 0
    out, _, _, *_, grad_weight, _ = both_ways(op, inputs, out_grad, **params)
    assert np.isnan(out).sum() == out.shape[1] and np.isnan(out[0, :, 2, 3]).all()
    out_grad[0, :, 2, 3] = 0
    inputs[1][0, :, 2, 3] = 1e9
    assert np.isfinite(both_ways(op, inputs, out_grad, **params)[-2]).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("channels", [3, 17])
def test_an_infinite_gradient_makes_infinite_gradients(dtype, channels):
    """Not such that are no numbers: it meets no zeros of channels that a block of channels lacks."""
    inputs, out_grad, params = problem(V2, (1, channels, 5, 7), (1, 1), 1, pad=(0, 0), dtype=dtype)
    data, offset, mask, weight, bias = inputs
    inputs = np.abs(data) + 1, 0.1 * offset, np.abs(mask), np.abs(weight), bias
    out_grad[0, 0, 2, 3] = np.inf
    with np.errstate(invalid="ignore"):
        expected = reference.modulated_deformable_convolution_backward(*inputs, out_grad, **params)
    found = both_ways(V2, inputs, out_grad, **params)[1:]
    for mine, exact in zip(found, expected):
        np.testing.assert_array_equal(np.isnan(mine), np.isnan(exact))
        np.testing.assert_array_equal(np.isinf(mine), np.isinf(exact))


@pytest.fixture
def restore_threads():
    before = min(numba.get_num_threads(), numba.config.NUMBA_NUM_THREADS)
    yield
    numba.set_num_threads(before)


@pytest.fixture
def on_threads(restore_threads, monkeypatch):
    """Result and gradients on one thread and on two, which are seen to be asked for."""
    if numba.config.DISABLE_JIT or numba.config.NUMBA_NUM_THREADS < 2:
        pytest.skip("needs two threads")
    seen = []

    def watched(units, elements, ask=threads.threads_for):
        seen.append(ask(units, elements))
        return seen[-1]

    def results(op, inputs, out_grad, params):
        for count in (1, 2):
            numba.set_num_threads(count)
            yield both_ways(op, inputs, out_grad, **params)
        assert seen == [1, 1, 2, 2]

    monkeypatch.setattr(threads, "threads_for", watched)
    return results


@every_operator
def test_the_same_bits_for_any_number_of_threads(op, on_threads):
    call = problem(op, (3, 40, 19, 23), (3, 3), 33, num_deformable_group=2, dtype="float32")
    one, two = on_threads(op, *call)
    assert all(map(same_bits, one, two))
    assert_like_reference(one, op, *call)


@every_operator
@pytest.mark.parametrize(("size", "kernel"), [((1999,), (5,)), ((7, 8, 9), (2, 3, 2))], ids=["signals", "volumes"])
def test_the_same_bits_of_signals_and_volumes(op, size, kernel, on_threads):
    one, two = on_threads(op, *problem(op, (3, 40, *size), kernel, 33, num_deformable_group=2, dtype="float32"))
    assert all(map(same_bits, one, two))


@every_operator
@every_kind
def test_a_batch_in_several_calls(op, sizes, monkeypatch):
    inputs, out_grad, params = problem(op, **{**sizes, "shape": (5, *sizes["shape"][1:])})
    once = both_ways(op, inputs, out_grad, **params)
    monkeypatch.setattr(planning, "ROOM", 1)
    several = both_ways(op, inputs, out_grad, **params)
    assert same_bits(once[0], several[0])
    for found, expected in zip(several, once):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


@pytest.fixture
def other_processor(monkeypatch):
    """Has the work cut as on another processor; what was planned for this one is forgotten, and remembered no longer."""
    cached = (planning.cut, planning.forward, planning.backward, planning.chunks_of)
    cached += planning.forward_kernels, planning.backward_kernels

    def forget():
        for function in cached:
            function.cache_clear()

    def become(registers):
        monkeypatch.setattr(matrix, "registers", lambda: registers)
        forget()

    yield become
    forget()


@pytest.mark.parametrize("registers", [*matrix.REGISTERS.values(), matrix.FEWEST], ids=str)
def test_every_processor_has_products_of_its_own(registers, other_processor):
    """Wide and narrow vectors, few registers and many: more channels and filters than any of them takes at once."""
    other_processor(registers)
    inputs, out_grad, params = problem(V2, (2, 80, 9, 7), (3, 3), 96, num_deformable_group=2, dtype="float32")
    check(V2, inputs, out_grad, params)
    inputs, out_grad, params = problem(V2, (2, 54, 4, 5), num_filter=6, num_group=3, dtype="float32")
    check(V2, inputs, out_grad, params)


PROGRAM = """
import numpy as np, spatial_op as so
rng = np.random.default_rng(0)
shapes = (1, 3, 4, 5), (1, 8, 5, 6), (1, 4, 5, 6), (2, 3, 2, 2), (2,)
inputs = [rng.standard_normal(shape) for shape in shapes]
out, pullback = so.vjp(so.ModulatedDeformableConvolution, *inputs, kernel=(2, 2), pad=(1, 1), num_filter=2)
print(*(np.abs(array).sum() for array in (out, *pullback(rng.standard_normal(out.shape)))))
"""


def test_without_the_compiler():
    """NumPy computes the same."""
    here = [sys.executable, "-W", "error", "-c", PROGRAM]
    root = str(pathlib.Path(so.__file__).parents[1])
    printed = [
        subprocess.run(
            here, env={**os.environ, "PYTHONPATH": root, **more}, capture_output=True, text=True, check=True
        ).stdout
        for more in ({}, {"NUMBA_DISABLE_JIT": "1"})
    ]
    compiled, plain = (np.array(line.split(), float) for line in printed)
    assert len(compiled) == 6
    np.testing.assert_allclose(plain, compiled, rtol=1e-13)


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="needs two threads")
def test_a_process_whose_threads_have_not_started_is_no_fork():
    """``set_num_threads`` starts the layer, and GNU OpenMP its threads only when they have work."""
    program = "import numba; numba.set_num_threads(2); from spatial_op.kernels import threads; print(threads.threads_for(9, 10**9))"
    env = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(pathlib.Path(so.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True)
    assert done.stdout == "2\n"
