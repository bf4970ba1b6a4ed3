"""Every wrong call of a deformable convolution is refused with one sentence; among them all that end MXNet's process."""

import numpy as np
import pytest

import spatial_op as so

DATA = np.ones((2, 6, 5, 7), "float32")
OFFSET = np.zeros((2, 18, 5, 7), "float32")
MASK = np.ones((2, 9, 5, 7), "float32")
WEIGHT, BIAS = np.ones((4, 6, 3, 3), "float32"), np.ones(4, "float32")
PARAMS = {"kernel": (3, 3), "pad": (1, 1), "num_filter": 4}


def call(op, data=DATA, offset=OFFSET, mask=MASK, weight=WEIGHT, bias=BIAS, **params):
    masks = (mask,) if op is so.ModulatedDeformableConvolution else ()
    return op(data, offset, *masks, weight, bias, **{**PARAMS, **params})


WRONG = [
    ({"data": DATA[0]}, ValueError, r"data has shape \(6, 5, 7\), expected 4 axes \(batch, channels, height, width\); .*"),
    ({"data": DATA.tolist()}, TypeError, r"data is a builtins\.list, expected a NumPy array; .*"),
    ({"data": DATA.astype(int)}, TypeError, r"data has dtype int64, expected .*; convert it .*"),
    ({"data": DATA.astype("float64")}, TypeError, r"offset has dtype float32 and data has dtype float64, expected one dtype .*"),
    ({"weight": WEIGHT.astype("float64")}, TypeError, r"weight has dtype float64 and data has dtype float32, .*"),
    # what MXNet does not look at, reading and writing memory that is not its own
    ({"offset": OFFSET[:1]}, ValueError, r"offset has shape \(1, 18, 5, 7\), expected \(2, 18, 5, 7\), data's batch, .*"),
    ({"offset": np.zeros((2, 27, 5, 7), "float32")}, ValueError, r"offset has shape \(2, 27, 5, 7\), expected \(2, 18, 5, 7\), .*"),
    ({"offset": OFFSET[:, :, :4]}, ValueError, r"offset has shape \(2, 18, 4, 7\), expected \(2, 18, 5, 7\), .* size of the output with pad=.*; .*"),
    # what ends MXNet's process
    ({"num_group": 0}, ValueError, r"num_group is 0, expected at least 1; .*"),
    ({"num_deformable_group": 0}, ValueError, r"num_deformable_group is 0, expected at least 1; .*"),
    # numbers
    ({"num_group": 4}, ValueError, r"num_group is 4 and there are 6 channels, expected groups of one size; pass a divisor of 6"),
    ({"num_group": 3}, ValueError, r"num_group is 3 and there are 4 num_filter, expected groups of one size; .*"),
    ({"num_deformable_group": 4}, ValueError, r"num_deformable_group is 4 and there are 6 channels, .*; pass a divisor of 6"),
    ({"num_group": 2}, ValueError, r"weight has shape \(4, 6, 3, 3\), expected \(4, 3, 3, 3\), num_filter, the channels .*"),
    ({"num_filter": None}, ValueError, r"num_filter is missing, expected the number of filters; pass num_filter=4"),
    ({"num_filter": 0}, ValueError, r"num_filter is 0, expected at least 1; .*"),
    ({"num_filter": 5}, ValueError, r"weight has shape \(4, 6, 3, 3\), expected \(5, 6, 3, 3\), .*"),
    ({"kernel": None}, ValueError, r"kernel is missing, expected \(height, width\) of the taps; .*"),
    ({"kernel": 3}, ValueError, r"kernel is 3, expected two integers, \(rows, columns\); pass for example kernel=\(3, 3\)"),
    ({"kernel": (3,)}, ValueError, r"kernel is \(3,\), expected two integers, .*"),
    ({"kernel": (3, 3, 3)}, ValueError, r"kernel is \(3, 3, 3\), expected two integers, .*"),
    ({"kernel": (3.0, 3)}, TypeError, r"kernel\[0\] is 3\.0, expected an integer; .*"),
    ({"kernel": (3, 2)}, ValueError, r"weight has shape \(4, 6, 3, 3\), expected \(4, 6, 3, 2\), .*"),
    ({"stride": (0, 1)}, ValueError, r"stride\[0\] is 0, expected at least 1; .*"),
    ({"stride": 2}, ValueError, r"stride is 2, expected two integers, .*"),
    ({"dilate": (1, 0)}, ValueError, r"dilate\[1\] is 0, expected at least 1; .*"),
    ({"pad": "1"}, ValueError, r"pad is '1', expected two integers, .*"),
    ({"pad": (-2, 0)}, ValueError, r"kernel is 3 pixels high with its dilation and data 1 with its padding, expected it to fit; .*"),
    ({"dilate": (4, 4), "stride": (9, 9)}, ValueError, r"kernel is 9 pixels high with its dilation and data 7 .*"),
    # words
    ({"layout": "NHWC"}, ValueError, r"layout is 'NHWC', expected 'NCHW' or None; move the channels of data .*"),
    ({"layout": "NCDHW"}, ValueError, r"layout is 'NCDHW', expected 'NCHW' or None; .*"),
    ({"border": "reflect"}, ValueError, r"border is 'reflect', which is not known; use 'mxnet' or 'zeros'"),
    ({"no_bias": True}, ValueError, r"bias is given with no_bias=True, expected none; leave out one of the two"),
    ({"bias": None}, ValueError, r"bias is missing, expected one number for each filter; pass bias, or no_bias=True .*"),
    ({"no_bias": 1}, TypeError, r"no_bias is 1, expected True or False; .*"),
    ({"bias": BIAS[:3]}, ValueError, r"bias has shape \(3,\), expected \(4,\), one number for each filter; .*"),
    ({"bias": BIAS[None]}, ValueError, r"bias has shape \(1, 4\), expected 1 axes \(filters\); .*"),
    ({"out": np.empty((2, 4, 5, 6), "float32")}, ValueError, r"out has shape \(2, 4, 5, 6\), expected \(2, 4, 5, 7\); .*"),
]  # fmt: skip
WRONG_MODULATED = [
    ({"mask": MASK[:1]}, ValueError, r"mask has shape \(1, 9, 5, 7\), expected \(2, 9, 5, 7\), data's batch, one factor .*"),
    ({"mask": MASK[:, :8]}, ValueError, r"mask has shape \(2, 8, 5, 7\), expected \(2, 9, 5, 7\), .*"),
    ({"mask": MASK[0]}, ValueError, r"mask has shape \(9, 5, 7\), expected 4 axes .*"),
    ({"mask": MASK.astype("float64")}, TypeError, r"mask has dtype float64 and data has dtype float32, .*"),
    ({"im2col_step": 0}, ValueError, r"im2col_step is 0, expected at least 1; .*"),
]  # fmt: skip
OPERATORS = (so.DeformableConvolution, so.ModulatedDeformableConvolution)
# Signals and volumes: what is right, and calls that are wrong.
SIGNALS = {
    "data": DATA[:, :, 0], "offset": np.zeros((2, 3, 7), "float32"), "mask": np.ones((2, 3, 7), "float32"),
    "weight": np.ones((4, 6, 3), "float32"), "kernel": (3,), "pad": (1,),
}  # fmt: skip
VOLUMES = {
    "data": np.ones((2, 6, 3, 5, 7), "float32"), "offset": np.zeros((2, 81, 3, 5, 7), "float32"),
    "mask": np.ones((2, 27, 3, 5, 7), "float32"), "weight": np.ones((4, 6, 3, 3, 3), "float32"), "kernel": (3, 3, 3), "pad": (1, 1, 1),
}  # fmt: skip
WRONG_SIGNALS = [
    ({"data": DATA[0, :, 0]}, ValueError, r"data has shape \(6, 7\), expected 3 axes \(batch, channels, width\); .*data\[None\]"),
    ({"offset": OFFSET}, ValueError, r"offset has shape \(2, 18, 5, 7\), expected 3 axes \(batch, offsets, output width\); .*"),
    ({"offset": np.zeros((2, 6, 7), "float32")}, ValueError, r"offset has shape \(2, 6, 7\), expected \(2, 3, 7\), data's batch, x of each tap .*"),
    ({"pad": ()}, ValueError, r"offset has shape .* with pad=\(0,\); pass pad=\(1,\), or a NumPy array of shape \(2, 3, 5\)"),
    ({"kernel": 3}, ValueError, r"kernel is 3, expected one integer, \(columns,\); pass for example kernel=\(3,\)"),
    ({"kernel": None}, ValueError, r"kernel is missing, expected \(width,\) of the taps; pass for example kernel=\(3,\)"),
    ({"pad": (-3,)}, ValueError, r"kernel is 3 pixels wide with its dilation and data 1 with its padding, expected it to fit; .*"),
    ({"layout": "NCHW"}, ValueError, r"layout is 'NCHW', expected 'NCW' or None; .*data\.transpose\(0, 2, 1\)"),
    ({"data": DATA[:, :, 0, :0]}, ValueError, r"data has shape \(2, 6, 0\), whose width is 0, expected images of at least one pixel; .*"),
]  # fmt: skip
WRONG_VOLUMES = [
    ({"data": np.ones((6, 3, 5, 7), "float32")}, ValueError,
     r"data has shape \(6, 3, 5, 7\), expected 5 axes \(batch, channels, depth, height, width\); .*data\[None\]"),
    ({"weight": WEIGHT}, ValueError, r"weight has shape \(4, 6, 3, 3\), expected 5 axes \(filters, .*, kernel depth, .*\); .*"),
    ({"offset": np.zeros((2, 54, 3, 5, 7), "float32")}, ValueError, r"offset has shape \(2, 54, 3, 5, 7\), expected \(2, 81, .*, z, y and x of .*"),
    ({"stride": (1, 1)}, ValueError, r"stride is \(1, 1\), expected three integers, \(slices, rows, columns\); pass for example stride=\(3, 3, 3\)"),
    ({"dilate": (2, 1, 1)}, ValueError, r"offset has shape .*"),
    ({"dilate": (3, 1, 1)}, ValueError, r"kernel is 7 pixels deep with its dilation and data 5 with its padding, expected it to fit; .*"),
    ({"layout": "NDHWC"}, ValueError, r"layout is 'NDHWC', expected 'NCDHW' or None; .*"),
    ({"data": np.ones((2, 6, 3, 5, 7, 1), "float32"), "offset": OFFSET}, ValueError,
     r"data has shape \(2, 6, 3, 5, 7, 1\), expected 4 axes .* or 5 axes .* or 3 axes .*"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("op", "arguments", "error", "sentence"),
    [(op, *row) for op in OPERATORS for row in WRONG]
    + [(OPERATORS[1], *row) for row in WRONG_MODULATED]
    + [
        (op, {**right, **changed}, *row)
        for op in OPERATORS
        for right, rows in ((SIGNALS, WRONG_SIGNALS), (VOLUMES, WRONG_VOLUMES))
        for changed, *row in rows
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_wrong_call(op, arguments, error, sentence):
    with pytest.raises(error, match=rf"^{op.__name__}: {sentence}(\.|; .*\.)$"):
        call(op, **arguments)


@pytest.mark.parametrize("op", OPERATORS)
@pytest.mark.parametrize("right", [SIGNALS, VOLUMES], ids=["signals", "volumes"])
def test_what_is_right(op, right):
    """Also by the name that MXNet has for this layout."""
    layout = "NCW" if right is SIGNALS else "NCDHW"
    assert call(op, **right, layout=layout).shape == (2, 4, *right["data"].shape[2:])


@pytest.mark.parametrize("op", OPERATORS)
def test_number_of_inputs(op):
    with pytest.raises(TypeError, match=rf"{op.__name__} got 2 inputs, expected data, offset, .*bias; pass the other"):
        so.vjp(op, DATA, OFFSET, **PARAMS)


def test_what_mxnet_refuses_and_need_not():
    """A batch that its step does not divide, and float16."""
    one = [np.ones(shape, "float16") for shape in ((65, 1, 2, 2), (65, 2, 2, 2), (65, 1, 2, 2), (1, 1, 1, 1), (1,))]
    out = so.ModulatedDeformableConvolution(*one, kernel=(1, 1), num_filter=1)
    np.testing.assert_array_equal(out, np.tile(np.array([[2, 1], [1, 1]], "float16"), (65, 1, 1, 1)))
