"""The reference's deformable convolutions against loops by hand, PyTorch's convolution and complex steps."""

import math
from itertools import product

import numpy as np
import pytest
from oracle import complex_step
from tolerances import assert_close

import reference

OPERATORS = {
    "v1": (reference.deformable_convolution, reference.deformable_convolution_backward),
    "v2": (reference.modulated_deformable_convolution, reference.modulated_deformable_convolution_backward),
}
every_operator = pytest.mark.parametrize("operator, border", [("v1", "mxnet"), ("v1", "zeros"), ("v2", "zeros")])


def case(shape, kernel, num_filter, stride=(), dilate=(), pad=(), num_group=1, num_deformable_group=1):
    params = {
        "kernel": kernel, "stride": stride, "dilate": dilate, "pad": pad, "num_filter": num_filter,
        "num_group": num_group, "num_deformable_group": num_deformable_group,
    }  # fmt: skip
    return shape, params


# Where both kinds of groups are present, their boundaries interleave.
CASES = {
    "plain": case((2, 3, 4, 5), (3, 2), 7),
    "spread": case((2, 3, 5, 4), (2, 3), 5, (2, 3), (3, 2), (2, 3)),
    "groups": case((2, 6, 3, 4), (2, 1), 9, pad=(1, 0), num_group=3),
    "deformable groups": case((2, 6, 4, 3), (1, 2), 10, pad=(0, 1), num_deformable_group=2),
    "both": case((1, 6, 3, 4), (2, 3), 12, dilate=(1, 2), pad=(1, 2), num_group=3, num_deformable_group=2),
    "interleaved": case((1, 12, 4, 3), (3, 1), 6, stride=(1, 2), pad=(2, 1), num_group=2, num_deformable_group=3),
    "one pixel": case((2, 2, 1, 1), (3, 2), 3, pad=(2, 1)),
    "signal": case((2, 12, 9), (3,), 6, stride=(2,), dilate=(2,), pad=(3,), num_group=2, num_deformable_group=3),
    "volume": case((2, 4, 3, 2, 4), (2, 1, 3), 6, (1, 1, 2), (2, 1, 1), (1, 0, 1), num_group=2, num_deformable_group=2),
}
every_case = pytest.mark.parametrize("name", CASES)


def regular_points(shape, kernel, stride, dilate, pad, **_):
    """Where the taps lie without offsets: (taps, axes, H_out, W_out), y first."""
    axes = len(kernel)
    stride, dilate, pad = stride or (1,) * axes, dilate or (1,) * axes, pad or (0,) * axes
    target = [
        (size + 2 * p - d * (k - 1) - 1) // s + 1 for size, k, s, d, p in zip(shape[2:], kernel, stride, dilate, pad)
    ]
    places = np.empty((math.prod(kernel), axes, *target))
    for k, tap in enumerate(product(*map(range, kernel))):
        for position in product(*map(range, target)):
            places[(k, slice(None), *position)] = [
                h * s - p + i * d for h, s, p, i, d in zip(position, stride, pad, tap, dilate)
            ]
    return places


def draw_places(shape, params, fractions=(0.2, 0.8), seed=0):
    """Sampling points (N, deformable groups, taps, axes, H_out, W_out) from two pixels before the image to one after it."""
    rng = np.random.default_rng(seed)
    size = (shape[0], params["num_deformable_group"], *regular_points(shape, **params).shape)
    axes = len(shape) - 2
    last = np.reshape(shape[2:], (axes, *[1] * axes))
    return rng.integers(-2, last + 2, size) + rng.uniform(*fractions, size)


def offsets(places, shape, params):
    """The offsets that lead to the sampling points."""
    shifts = places - regular_points(shape, **params)
    return shifts.reshape(len(places), -1, *places.shape[4:])


def draw(operator, name, seed=0):
    """The inputs, an out_grad and the parameters of a case; no sample lies at or near a whole pixel."""
    shape, params = CASES[name]
    rng = np.random.default_rng(seed)
    offset = offsets(draw_places(shape, params), shape, params)
    n, numbers, *size = offset.shape
    masks = [rng.normal(size=(n, numbers // len(size), *size))] if operator == "v2" else []
    weight = rng.normal(size=(params["num_filter"], shape[1] // params["num_group"], *params["kernel"]))
    bias = rng.normal(size=len(weight))
    out_grad = rng.normal(size=(n, len(weight), *size))
    return [rng.normal(size=shape), offset, *masks, weight, bias], out_grad, params


@every_case
def test_cases_reach_every_zone(name):
    """Far outside, within a pixel of the border on either side, and inside, along both axes."""
    shape, params = CASES[name]
    places = draw_places(shape, params)
    for axis, size in enumerate(shape[2:]):
        p = places[:, :, :, axis]
        zones = [p < -1, (-1 < p) & (p < 0), (0 < p) & (p < size - 1), (size - 1 < p) & (p < size), size < p]
        assert all(zone.any() for zone in zones[: 2 if size == 1 else 3] + zones[3:])
        assert np.abs(p - np.round(p)).min() > 0.1


# Values.


def sample_by_hand(image, point, border):
    """The neighbours, as long as they are pixels."""
    if border == "mxnet":
        if not all(0 <= p < size for p, size in zip(point, image.shape)):
            return 0
        point = [min(p, size - 1) for p, size in zip(point, image.shape)]
    neighbours = product(*[(math.floor(p), math.floor(p) + 1) for p in point])
    return sum(
        image[q] * math.prod(1 - abs(p - i) for p, i in zip(point, q))
        for q in neighbours
        if all(0 <= i < size for i, size in zip(q, image.shape))
    )


def convolve_by_hand(data, offset, mask, weight, bias, border, *, kernel, num_group, num_deformable_group, **params):
    """One output pixel, one channel and one tap after the other."""
    regular, axes = regular_points(data.shape, kernel, **params), len(kernel)
    out = np.empty((len(data), len(weight), *offset.shape[2:]))
    for n, f, *position in np.ndindex(out.shape):
        total = bias[f]
        group = f * num_group // len(weight)
        for m, *place in np.ndindex(weight.shape[1:]):
            c, k = group * weight.shape[1] + m, np.ravel_multi_index(place, kernel)
            tap = c * num_deformable_group // data.shape[1] * math.prod(kernel) + k
            point = regular[(k, slice(None), *position)] + offset[(n, slice(axes * tap, axes * (tap + 1)), *position)]
            value = sample_by_hand(data[n, c], point, border)
            total += weight[(f, m, *place)] * mask[(n, tap, *position)] * value
        out[(n, f, *position)] = total
    return out


@every_operator
@every_case
def test_loops_by_hand(operator, border, name):
    inputs, _, params = draw(operator, name)
    data, offset, *masks, weight, bias = inputs
    target = offset.shape[2:]
    mask = masks[0] if masks else np.ones((len(offset), offset.shape[1] // len(target), *target))
    found = OPERATORS[operator][0](*inputs, **params, border=border)
    assert_close(found, convolve_by_hand(data, offset, mask, weight, bias, border, **params), "float64", data.shape)


@every_operator
@every_case
def test_without_offsets_beside_pytorch(operator, border, name):
    """A plain convolution, and its gradients."""
    torch = pytest.importorskip("torch")
    (data, offset, *masks, weight, bias), out_grad, params = draw(operator, name)
    arrays = [data, np.zeros_like(offset), *map(np.ones_like, masks), weight, bias]
    tensors = [torch.tensor(array, requires_grad=True) for array in (data, weight, bias)]
    rules = {"stride": params["stride"] or 1, "padding": params["pad"] or 0, "dilation": params["dilate"] or 1}
    conv = getattr(torch.nn.functional, f"conv{data.ndim - 2}d")
    expected = conv(*tensors, **rules, groups=params["num_group"])
    expected.backward(torch.tensor(out_grad))

    forward, backward = OPERATORS[operator]
    assert_close(forward(*arrays, **params, border=border), expected.detach().numpy(), "float64", data.shape)
    grad_data, *_, grad_weight, grad_bias = backward(*arrays, out_grad, **params, border=border)
    for found, tensor in zip((grad_data, grad_weight, grad_bias), tensors):
        assert_close(found, tensor.grad.numpy(), "float64", data.shape)


@every_operator
@every_case
@pytest.mark.parametrize("shift", [(1, -2, 1), (-1, 0, -3), (0, 3, 2)])
def test_whole_pixels_are_a_shifted_convolution(operator, border, name, shift):
    """The shifted image keeps a frame of zeros, so that nothing leaves it; a negative padding crops the frame."""
    (data, offset, *others), _, params = draw(operator, name)
    moved, axes, frame = np.empty_like(offset), data.ndim - 2, 8
    for axis in range(axes):
        moved[:, axis::axes] = shift[axis]
    framed = np.pad(data, ((0, 0), (0, 0), *[(frame, frame)] * axes))
    framed = np.roll(framed, np.negative(shift[:axes]), range(2, data.ndim))
    cropped = params | {"pad": [p - frame for p in params["pad"] or (0,) * axes]}
    forward, _ = OPERATORS[operator]
    np.testing.assert_array_equal(
        forward(data, moved, *others, **params, border=border),
        forward(framed, np.zeros_like(offset), *others, **cropped, border=border),
    )


@every_operator
@every_case
def test_taps_add_up(operator, border, name):
    """Each is a convolution with a kernel of one pixel, its own padding and its own part of offsets and mask."""
    (data, offset, *masks, weight, bias), _, params = draw(operator, name)
    forward, _ = OPERATORS[operator]
    taps, size = math.prod(params["kernel"]), offset.shape[2:]
    axes = len(size)
    by_tap = offset.reshape(len(offset), -1, taps, axes, *size)
    total = bias.reshape(-1, *[1] * axes)
    for k, tap in enumerate(np.ndindex(params["kernel"])):
        pad = [p - t * d for p, t, d in zip(params["pad"] or (0,) * axes, tap, params["dilate"] or (1,) * axes)]
        own = by_tap[:, :, k].reshape(len(offset), -1, *size), *(mask[:, k::taps] for mask in masks)
        rules = params | {"kernel": (1,) * axes, "pad": pad}
        single = weight[(..., *[slice(i, i + 1) for i in tap])]
        total = total + forward(data, *own, single, **rules, border=border)
    assert_close(total, forward(data, offset, *masks, weight, bias, **params, border=border), "float64", data.shape)


# MXNet's answers for the column of pixels 1, 2, 4, 8: both operators agree inside; the first one repeats the last pixel
# for less than one more and ends abruptly, the second one fades on either side. The derivative is the right-hand one.
DENORMAL, LAST = np.nextafter(0, -1), np.nextafter(4, 0)
P = [-1.25, -1, -0.75, -0.25, -(2**-30), DENORMAL, -0.0, 0, 0.5, 2.5, 3, 3.25, 4 - 2**-10, LAST, 4, 4.25]
SWEEPS = {
    "mxnet": (
        [0, 0, 0, 0, 0, 0, 1, 1, 1.5, 6, 8, 8, 8, 8, 0, 0],
        [0, 0, 0, 0, 0, 0, 1, 1, 1, 4, 0, 0, 0, 0, 0, 0],
    ),
    "zeros": (
        [0, 0, 0.25, 0.75, 1 - 2**-30, 1, 1, 1, 1.5, 6, 8, 6, 2**-7, 2**-48, 0, 0],
        [0, 1, 1, 1, 1, 1, 1, 1, 1, 4, -8, -8, -8, -8, 0, 0],
    ),
}


@pytest.mark.parametrize("operator, border", [("v1", "mxnet"), ("v1", "zeros"), ("v2", "mxnet"), ("v2", "zeros")])
@pytest.mark.parametrize("axis", [0, 1])
def test_borders(operator, border, axis):
    """The modulated operator knows one rule only. Along the other axis the pixels are equal and the samples halfway."""
    values, slopes = SWEEPS[border if operator == "v1" else "zeros"]
    data = np.repeat([[1.0, 2, 4, 8]], 3, axis=0)
    offset = np.empty((2, len(P)))
    offset[axis], offset[1 - axis] = P, 1.5 - np.arange(len(P))
    # The output runs along the other axis, so that no rounding moves the points.
    data, offset = (data.T, offset[:, None]) if axis == 0 else (data, offset[:, :, None])
    weight, masks = np.ones((1, 1, 1, 1)), [np.ones((1, *offset.shape))[:, :1]] if operator == "v2" else []
    inputs = data[None, None], offset[None], *masks, weight

    forward, backward = OPERATORS[operator]
    out = forward(*inputs, border=border)
    grad_data, grad_offset, *_ = backward(*inputs, None, np.ones(out.shape), border=border)
    np.testing.assert_array_equal(out.ravel(), values)
    np.testing.assert_array_equal(grad_offset[0, axis].ravel(), slopes)
    np.testing.assert_array_equal(grad_offset[0, 1 - axis].ravel(), np.zeros(len(P)))
    assert (grad_data[0, 0] * data).sum() == pytest.approx(sum(values), rel=1e-15)


def test_bias_is_optional():
    for operator, (forward, backward) in OPERATORS.items():
        (*inputs, bias), out_grad, params = draw(operator, "plain")
        out = forward(*inputs, bias, **params)
        np.testing.assert_array_equal(forward(*inputs, **params) + bias[:, None, None], out)
        *grads, _ = backward(*inputs, bias, out_grad, **params)
        for found, expected in zip(backward(*inputs, None, out_grad, **params), grads, strict=True):
            np.testing.assert_array_equal(found, expected)


def test_single_precision_is_widened():
    for operator, (forward, backward) in OPERATORS.items():
        inputs, out_grad, params = draw(operator, "plain")
        *single, single_grad = (array.astype(np.float32) for array in (*inputs, out_grad))
        *double, double_grad = (array.astype(np.float64) for array in (*single, single_grad))
        found = forward(*single, **params), *backward(*single, single_grad, **params)
        expected = forward(*double, **params), *backward(*double, double_grad, **params)
        for one, other in zip(found, expected, strict=True):
            assert one.dtype == np.float64
            np.testing.assert_array_equal(one, other)


@every_operator
@pytest.mark.parametrize("shape", [(0, 6, 3, 4), (2, 0, 3, 4)])
def test_nothing_to_sample(operator, border, shape):
    """No image or no channel leaves the bias; ``test_empty`` says what becomes of images without pixels."""
    n, c, *_ = shape
    data, offset, masks = np.ones(shape), np.zeros((n, 8, 5, 7)), [np.ones((n, 4, 5, 7))] * (operator == "v2")
    weight, bias, rules = np.ones((4, c // 2, 2, 1)), np.arange(4.0), {"num_group": 2, "num_deformable_group": 2}
    inputs = [data, offset, *masks, weight, bias]
    forward, backward = OPERATORS[operator]
    out = forward(*inputs, **rules, border=border)
    np.testing.assert_array_equal(out, np.broadcast_to(bias[:, None, None], (n, 4, 5, 7)))
    *grads, grad_bias = backward(*inputs, np.ones(out.shape), **rules, border=border)
    assert [grad.shape for grad in grads] == [array.shape for array in inputs[:-1]]
    assert not any(grad.any() for grad in grads)
    np.testing.assert_array_equal(grad_bias, np.full(4, 35.0 * n))


# Numbers that are none.

FAR = 1e9  # a sample there is zero


@every_operator
@pytest.mark.parametrize("name", ["both", "interleaved"])
@pytest.mark.parametrize("direction", [0, 1])
@pytest.mark.parametrize("group", [0, 1])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_coordinates_that_are_no_numbers(operator, border, name, direction, group, value):
    """NaN in all that uses the sample, in both offsets that lead to it, and nowhere else; there it is like a zero."""
    (data, offset, *others), out_grad, params = draw(operator, name)
    n, h, w = 0, 2, 1
    i, j = (2, 0) if params["kernel"] == (3, 1) else (1, 2)
    tap = group * math.prod(params["kernel"]) + i * params["kernel"][1] + j

    forward, backward = OPERATORS[operator]
    results = {}
    for shift in (FAR, value):
        moved = offset.copy()
        moved[n, 2 * tap + direction, h, w] = shift
        inputs = data, moved, *others
        results[shift] = (
            forward(*inputs, **params, border=border),
            *backward(*inputs, out_grad, **params, border=border),
        )

    weight = others[-2]
    channels = np.arange(data.shape[1]).reshape(params["num_group"], -1)  # those of each group
    uses = channels // (data.shape[1] // params["num_deformable_group"]) == group
    uses = np.repeat(uses, len(weight) // params["num_group"], axis=0)  # of each filter: (num_filter, channels)
    assert uses.any() and not uses.all()
    expected_out, _, expected_offset, *expected_masks, expected_weight, _ = results[FAR]
    expected_out[n, uses.any(axis=1), h, w] = np.nan
    expected_offset[n, 2 * tap : 2 * tap + 2, h, w] = np.nan
    for expected_mask in expected_masks:
        expected_mask[n, tap, h, w] = np.nan
    expected_weight[uses, i, j] = np.nan
    for found, expected in zip(results[value], results[FAR], strict=True):
        np.testing.assert_array_equal(found, expected)


@every_operator
@pytest.mark.parametrize("axes", [1, 2, 3])
def test_an_axis_of_one_pixel_more(operator, border, axes):
    """A signal is an image of one row, and an image a volume of one slice, whose offsets along the new axis are zero."""
    (data, offset, *masks, weight, bias), out_grad, params = draw(operator, {1: "signal", 2: "both", 3: "volume"}[axes])
    by_axis = offset.reshape(len(offset), -1, axes, *offset.shape[2:])
    flat = np.concatenate([np.zeros_like(by_axis[:, :, :1]), by_axis], axis=2)
    flat = flat.reshape(len(offset), -1, 1, *offset.shape[2:])
    lifted = [data[:, :, None], flat, *(mask[:, :, None] for mask in masks), weight[:, :, None], bias]
    more = {
        name: params[name] and (value, *params[name]) for name, value in {"stride": 1, "dilate": 1, "pad": 0}.items()
    }
    forward, backward = OPERATORS[operator]
    inputs, rules = [data, offset, *masks, weight, bias], params | more | {"border": border}
    out = forward(*inputs, **params, border=border)
    np.testing.assert_array_equal(forward(*lifted, **rules)[:, :, 0], out)
    grads, flat_grads = (
        backward(*inputs, out_grad, **params, border=border),
        backward(*lifted, out_grad[:, :, None], **rules),
    )
    for i, (found, expected) in enumerate(zip(flat_grads, grads, strict=True)):
        if i == 1:
            found = found.reshape(flat.shape[0], -1, axes + 1, *offset.shape[2:])[:, :, 1:]
        np.testing.assert_allclose(found.reshape(expected.shape), expected, rtol=0, atol=1e-13)


@every_operator
@pytest.mark.parametrize("value", [1e10, -1e18, 1e30, -1e300, np.finfo(float).max])
def test_huge_coordinates(operator, border, value):
    """They are finite, so the samples are zero, and so are their gradients."""
    (data, offset, *others), out_grad, params = draw(operator, "both")
    forward, backward = OPERATORS[operator]
    results = {}
    for shift in (FAR, value):
        offset[:, ::3] = shift
        grads = backward(data, offset, *others, out_grad, **params, border=border)
        results[shift] = forward(data, offset, *others, **params, border=border), *grads
    for found, expected in zip(results[value], results[FAR], strict=True):
        np.testing.assert_array_equal(found, expected)
    assert not results[value][2][:, ::3].any()


@every_operator
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_pixels_without_weight_are_not_read(operator, border, value):
    """A pixel that is no number is seen by the samples within a pixel of it, at whole pixels by one alone."""
    data = np.arange(35.0).reshape(1, 1, 5, 7)
    data[0, 0, 2, 3] = value
    forward, backward = OPERATORS[operator]
    masks = [np.ones((1, 1, 5, 7))] if operator == "v2" else []
    inputs = [data, np.zeros((1, 2, 5, 7)), *masks, np.ones((1, 1, 1, 1))]
    out_grad = np.arange(1.0, 36).reshape(1, 1, 5, 7)

    np.testing.assert_array_equal(forward(*inputs, border=border), data)
    grad_data, grad_offset, *grad_masks, _ = backward(*inputs, None, out_grad, border=border)
    np.testing.assert_array_equal(grad_data, out_grad)
    np.testing.assert_array_equal(np.argwhere(~np.isfinite(grad_offset[0, 0])), [[1, 3], [2, 3]])
    np.testing.assert_array_equal(np.argwhere(~np.isfinite(grad_offset[0, 1])), [[2, 2], [2, 3]])
    for grad_mask in grad_masks:
        np.testing.assert_array_equal(grad_mask, out_grad * data)

    inputs[1] = np.stack([np.full((5, 7), 0.25), np.zeros((5, 7))])[None]
    out = forward(*inputs, border=border)
    np.testing.assert_array_equal(np.argwhere(~np.isfinite(out[0, 0])), [[1, 3], [2, 3]])


# Gradients.


@every_operator
@every_case
def test_gradients(operator, border, name):
    inputs, out_grad, params = draw(operator, name)
    forward, backward = OPERATORS[operator]

    def convolve(position, moved):
        return out_grad * forward(*inputs[:position], moved, *inputs[position + 1 :], **params, border=border)

    grads = backward(*inputs, out_grad, **params, border=border)
    for position, (array, grad) in enumerate(zip(inputs, grads, strict=True)):
        expected = complex_step(lambda moved, position=position: convolve(position, moved), array)
        assert_close(grad, expected, "float64", array.shape)


@every_operator
@every_case
@pytest.mark.parametrize("direction", [0, 1, 2])
def test_derivative_at_whole_pixels_is_from_the_right(operator, border, name, direction):
    """Between whole pixels it does not depend on the coordinate, so it is that at the quarter pixel beyond."""
    (data, _, *others), out_grad, params = draw(operator, name)
    axes = data.ndim - 2
    direction %= axes
    places = draw_places(data.shape, params, fractions=(0, 0))
    _, backward = OPERATORS[operator]

    def slopes():
        offset = offsets(places, data.shape, params)
        return backward(data, offset, *others, out_grad, **params, border=border)[1][:, direction::axes]

    at = slopes()
    places[:, :, :, direction] += 0.25
    assert_close(at, slopes(), "float64", data.shape)
