"""Every wrong call is refused with one sentence that names operator, argument, what came, what was expected and the cure."""

import numpy as np
import pytest

import spatial_op as so
from spatial_op import check
from spatial_op.paddings import PADDINGS
from spatial_op.samplers import SAMPLERS
from spatial_op.transforms import TRANSFORMS

DATA = np.ones((2, 3, 5, 7), "float32")
LOC = so.identity_loc("affine", 2)
LOC3 = so.identity_loc("affine", 2, axes=3)


def call(data=DATA, loc=LOC, target_shape=(4, 6), **params):
    return so.SpatialTransformer(data, loc, target_shape, **params)


class Tensor:
    """An array of another library."""


WRONG = [
    # data
    ({"data": DATA[0]}, ValueError, r"data has shape \(3, 5, 7\), expected 4 axes \(batch, channels, height, width\) or 5 axes \(.*depth.*\); .*"),
    ({"data": DATA[None, None]}, ValueError, r"data has shape \(1, 1, 2, 3, 5, 7\), expected 4 axes .* or 5 axes .*"),
    ({"data": DATA[None]}, ValueError, r"loc has shape \(2, 6\), expected \(2, 12\), data's batch and .* 'affine' \(row-major 3x4 matrix\); .*"),
    ({"data": DATA[:, :, None], "transform_type": "tps"}, ValueError,
     r"transform_type is 'tps', which is not known for volumes; use 'affine', 'translation', 'attention' or 'projective'"),
    ({"data": DATA[:, :, 0], "target_shape": (6,), "transform_type": "tps"}, ValueError,
     r"transform_type is 'tps', which is not known for signals; use 'affine', .*"),
    ({"data": DATA[:, :, 0], "target_shape": (6,)}, ValueError,
     r"loc has shape \(2, 6\), expected \(2, 2\), data's batch and the 2 parameters of 'affine' \(row-major 1x2 matrix\); .*"),
    ({"data": DATA[:, :, 0], "target_shape": 6, "loc": LOC[:, :2]}, ValueError,
     r"target_shape is 6, expected one integer in a tuple, \(width,\); pass for example target_shape=\(28,\)"),
    ({"data": DATA[:, :, None], "loc": LOC3}, ValueError, r"target_shape is \(4, 6\), expected three integers, \(depth, height, width\); .*"),
    ({"loc": LOC[:, :2], "transform_type": "tps"}, ValueError, r"loc has shape \(2, 2\), expected \(2, 32\), .* K a perfect square.*\); .*"),
    ({"loc": np.ones((2, 24), "float32"), "transform_type": "tps"}, ValueError, r"loc has shape \(2, 24\), expected \(2, 32\), .*"),
    ({"data": DATA.tolist()}, TypeError, r"data is a builtins\.list, expected a NumPy array; convert it with numpy\.asarray\(data\)"),
    ({"data": Tensor()}, TypeError, r"data is a test_errors\.Tensor, expected a NumPy array; .*"),
    ({"data": None}, TypeError, r"data is None, expected a NumPy array; pass one"),
    ({"data": DATA.astype(int)}, TypeError, r"data has dtype int64 and sampler_type is 'bilinear', expected one that picks a pixel, .*; pass .*"),
    ({"data": DATA > 0}, TypeError, r"data has dtype bool and sampler_type is 'bilinear', expected one that picks a pixel, .*; pass .*"),
    ({"data": DATA.astype(object)}, TypeError, r"data has dtype object, expected .*; convert it with data\.astype\('float32'\)"),
    ({"data": DATA.astype("M8[s]")}, TypeError, r"data has dtype datetime64\[s\], expected real or complex numbers .*; convert it .*"),
    # loc
    ({"loc": LOC[:, None]}, ValueError, r"loc has shape \(2, 1, 6\), expected 2 axes \(batch, parameters\); .*"),
    ({"loc": LOC[:, :5]}, ValueError, r"loc has shape \(2, 5\), expected \(2, 6\), data's batch and the 6 parameters of 'affine' .*"),
    ({"loc": LOC.repeat(2, 0)}, ValueError, r"loc has shape \(4, 6\), expected \(2, 6\), data's batch and .*; .*"),
    ({"loc": LOC, "transform_type": "projective"}, ValueError, r"loc has shape \(2, 6\), expected \(2, 8\), .* 'projective' .*"),
    ({"loc": LOC.astype(int)}, TypeError, r"loc has dtype int64, expected .*; convert it with loc\.astype\('float32'\)"),
    ({"loc": LOC.tolist()}, TypeError, r"loc is a builtins\.list, expected a NumPy array; .*"),
    ({"data": DATA.astype("float64")}, TypeError,
     r"loc has dtype float32 and data has dtype float64, expected loc to be at least as precise; convert it .*"),
    ({"loc": LOC.astype("float16")}, TypeError, r"loc has dtype float16 and data has dtype float32, expected loc .*; convert .*"),
    # target_shape
    ({"target_shape": None}, ValueError, r"target_shape is missing, expected two integers, \(height, width\) of the output; pass .*"),
    ({"target_shape": (-2, 6)}, ValueError, r"target_shape\[0\] is -2, expected at least 0; pass a larger number"),
    ({"target_shape": (4, -1)}, ValueError, r"target_shape\[1\] is -1, expected at least 0; .*"),
    ({"target_shape": (4,)}, ValueError, r"target_shape is \(4,\), expected two integers, \(height, width\); pass .*"),
    ({"target_shape": (4, 6, 7)}, ValueError, r"target_shape is \(4, 6, 7\), expected two integers, .*"),
    ({"target_shape": 4}, ValueError, r"target_shape is 4, expected two integers, .*"),
    ({"target_shape": "46"}, ValueError, r"target_shape is '46', expected two integers, .*"),
    ({"target_shape": (4.0, 6.0)}, TypeError, r"target_shape\[0\] is 4\.0, expected an integer; convert it with int\(\)"),
    ({"target_shape": (4, True)}, TypeError, r"target_shape\[1\] is True, expected an integer; .*"),
    # names and flags
    ({"transform_type": "Affine"}, ValueError,
     rf"transform_type is 'Affine', which is not known; use {check.listed(TRANSFORMS)}"),
    ({"transform_type": ["affine"]}, ValueError, r"transform_type is \['affine'\], which is not known; use .*"),
    ({"sampler_type": "linear"}, ValueError, rf"sampler_type is 'linear', which is not known; use {check.listed(SAMPLERS)}"),
    ({"padding_mode": "edge"}, ValueError, rf"padding_mode is 'edge', which is not known; use {check.listed(PADDINGS)}"),
    ({"align_corners": "yes"}, TypeError, r"align_corners is 'yes', expected True or False; pass one of them"),
    # out
    ({"out": np.empty((2, 3, 6, 4), "float32")}, ValueError, r"out has shape \(2, 3, 6, 4\), expected \(2, 3, 4, 6\); pass .*"),
    ({"out": np.empty((2, 3, 4, 6))}, TypeError, r"out has dtype float64, expected float32; pass numpy\.empty\(.*\)"),
    ({"out": [1]}, TypeError, r"out is a builtins\.list, expected a NumPy array; pass .*"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "error", "sentence"), WRONG, ids=lambda value: getattr(value, "__name__", None))
def test_wrong_call(arguments, error, sentence):
    with pytest.raises(error, match=rf"^SpatialTransformer: {sentence}(\.|; .*\.)$"):
        call(**arguments)


def test_nothing_is_written_by_a_wrong_call():
    out = np.full((2, 3, 4, 6), 7, "float32")
    with pytest.raises(ValueError):
        call(loc=LOC[:, :5], out=out)
    assert (out == 7).all()


def test_out_that_overlaps_an_input():
    store = np.ones(DATA.size + 10, "float32")
    data = store[: DATA.size].reshape(DATA.shape)
    out = store[10:].reshape(DATA.shape)
    with pytest.raises(
        ValueError, match=r"^SpatialTransformer: out overlaps data in memory, expected memory of its own; pass .*\.$"
    ):
        call(data=data, target_shape=(5, 7), out=out)
    with pytest.raises(ValueError, match="out overlaps loc in memory"):
        call(np.ones((1, 1, 3, 2), "float32"), (loc := np.ones((1, 6), "float32")), (3, 2), out=loc.reshape(1, 1, 3, 2))
    # Interleaved, but apart.
    pair = np.ones((2, 3, 5, 7, 2), "float32")
    so.SpatialTransformer(pair[..., 0], LOC, (5, 7), out=pair[..., 1])


def test_read_only_out():
    out = np.empty((2, 3, 4, 6), "float32")
    out.flags.writeable = False
    with pytest.raises(
        ValueError, match=r"^SpatialTransformer: out is read-only, expected an array that can be written; pass .*\.$"
    ):
        call(out=out)


def test_unknown_keyword():
    with pytest.raises(TypeError, match="sampler"):
        call(sampler="bilinear")


@pytest.fixture
def pullback():
    return so.vjp(so.SpatialTransformer, DATA, LOC, target_shape=(4, 6))[1]


GRAD = np.ones((2, 3, 4, 6), "float32")


@pytest.mark.parametrize(
    ("out_grad", "error", "sentence"),
    [
        (
            GRAD[:, :, :3],
            ValueError,
            r"out_grad has shape \(2, 3, 3, 6\), expected \(2, 3, 4, 6\), the shape of the result; .*",
        ),
        (GRAD[0], ValueError, r"out_grad has shape \(3, 4, 6\), expected 4 axes \(2, 3, 4, 6\); .*"),
        (
            GRAD.astype("float64"),
            TypeError,
            r"out_grad has dtype float64, expected float32 as the result; convert it .*",
        ),
        (1.0, TypeError, r"out_grad is a builtins\.float, expected a NumPy array; .*"),
    ],
)
def test_wrong_out_grad(pullback, out_grad, error, sentence):
    with pytest.raises(error, match=rf"^SpatialTransformer: {sentence}\.$"):
        pullback(out_grad)


def test_wrong_gradient_arrays(pullback):
    with pytest.raises(
        ValueError, match=r"^SpatialTransformer: out has 1 entries, expected one for each of data, loc; pass None .*\.$"
    ):
        pullback(GRAD, out=[None])
    with pytest.raises(ValueError, match=r"out for the gradient of loc has shape \(2, 5\), expected \(2, 6\)"):
        pullback(GRAD, out=[None, np.ones((2, 5), "float32")])
    with pytest.raises(ValueError, match="out for the gradient of data overlaps data in memory"):
        pullback(GRAD, out=[DATA, None])
    mine = np.full_like(DATA, 5)
    with pytest.raises(ValueError, match="the gradient of loc"):
        pullback(GRAD, out=[mine, np.ones((2, 5), "float32")])
    assert (mine == 5).all()


def test_gradient_arrays_must_not_overlap_each_other(pullback):
    one = np.zeros(DATA.size, "float32")
    with pytest.raises(ValueError, match=r"out for the gradient of loc overlaps .*gradient of data"):
        pullback(GRAD, out=[one.reshape(DATA.shape), one[:12].reshape(2, 6)])


def test_add_without_an_array():
    _, pullback = so.vjp(so.SpatialTransformer, DATA, LOC, grad_req="add", target_shape=(4, 6))
    with pytest.raises(
        ValueError, match=r"^SpatialTransformer: grad_req of data is 'add' but there is nothing to add to; pass .*\.$"
    ):
        pullback(GRAD)


@pytest.mark.parametrize(
    ("grad_req", "sentence"),
    [
        ("sum", r"grad_req is 'sum', which is not known; use 'write', 'add' or 'null'"),
        (("write",), r"grad_req has 1 words, expected one for each of data, loc; pass .*"),
        ({"weight": "add"}, r"grad_req names 'weight', which is no input; use 'data' or 'loc'"),
    ],
)
def test_wrong_grad_req(grad_req, sentence):
    with pytest.raises(ValueError, match=rf"^SpatialTransformer: {sentence}\.$"):
        so.vjp(so.SpatialTransformer, DATA, LOC, grad_req=grad_req, target_shape=(4, 6))


def test_wrong_vjp_calls():
    with pytest.raises(
        TypeError, match=r"^vjp: op is <built-in function sum>, expected an operator of this package; pass .*\.$"
    ):
        so.vjp(sum, DATA)
    with pytest.raises(TypeError, match=r"^vjp: SpatialTransformer got 1 inputs, expected data, loc; pass .*\.$"):
        so.vjp(so.SpatialTransformer, DATA, target_shape=(4, 6))


@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        (("spline",), ValueError, r"transform_type is 'spline', which is not known; use 'affine', .*"),
        (("affine", -1), ValueError, r"batch is -1, expected at least 0; .*"),
        (("tps", 1, "float32", 12), ValueError, r"control_points is 12, expected a perfect square; .*"),
        (("tps", 1, "float32", 1), ValueError, r"control_points is 1, expected at least 4; .*"),
        (("affine", 1.5), TypeError, r"batch is 1\.5, expected an integer; .*"),
        (
            ("affine", 1, "int32"),
            TypeError,
            r"dtype is 'int32', which is no floating point type to compute with; use .*",
        ),
        (("affine", 1, "nonsense"), TypeError, r"dtype is 'nonsense', which is no .*"),
    ],
)
def test_wrong_identity_loc(arguments, error, sentence):
    with pytest.raises(error, match=rf"^identity_loc: {sentence}\.$"):
        so.identity_loc(*arguments)


GRID = np.zeros((2, 2, 4, 6), "float32")
GRID3 = np.zeros((2, 3, 2, 4, 6), "float32")


@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        ((DATA, GRID.repeat(2, 0)), ValueError, r"grid has shape \(4, 2, 4, 6\), expected \(2, 2, 4, 6\), data's batch and one plane each .*; .*"),
        ((DATA, GRID3), ValueError, r"grid has shape .*, expected 4 axes \(batch, coordinates, height, width\); .*"),
        ((DATA, np.moveaxis(GRID, 1, -1)), ValueError, r"grid has shape \(2, 4, 6, 2\), expected \(2, 2, 6, 2\), .*"),
        ((DATA[:, :, None], GRID), ValueError, r"grid has shape .*, expected 5 axes \(batch, coordinates, depth, height, width\); .*"),
        ((DATA.astype("float64"), GRID), TypeError, r"grid has dtype float32 and data has dtype float64, expected grid to be .*"),
        ((DATA, [[0]]), TypeError, r"grid is a builtins\.list, expected a NumPy array; .*"),
        ((DATA, GRID, "cubic"), ValueError, r"sampler_type is 'cubic', which is not known; use .*"),
    ],
)  # fmt: skip
def test_wrong_grid(arguments, error, sentence):
    with pytest.raises(error, match=rf"^GridSampler: {sentence}(\.|; .*\.)$"):
        so.GridSampler(*arguments)
    if len(arguments) == 2:
        with pytest.raises(error, match=rf"^BilinearSampler: {sentence}(\.|; .*\.)$"):
            so.BilinearSampler(*arguments)


@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        ((LOC, "affine"), ValueError, r"target_shape is missing, expected two integers, .*"),
        ((LOC, "affine", None), ValueError, r"target_shape is missing, expected two integers, .*"),
        ((LOC, "affine", (1, 2, 3)), ValueError, r"data has shape \(2, 6\), expected \(2, 12\), the batch and the 12 parameters of 'affine' .*"),
        ((LOC, "spline", (3, 4)), ValueError, rf"transform_type is 'spline', which is not known; use {check.listed([*TRANSFORMS, 'warp'])}"),
        ((LOC, "warp"), ValueError, r"data has shape \(2, 6\), expected 4 axes \(batch, directions, height, width\) or 5 axes .*"),
        ((DATA, "warp"), ValueError, r"data has shape \(2, 3, 5, 7\), expected \(2, 2, 5, 7\), one plane each of flow along x and y, in pixels; .*"),
        ((GRID, "affine", (3, 4)), ValueError, r"data has shape .*, expected 2 axes \(batch, parameters\); .*"),
    ],
)  # fmt: skip
def test_wrong_grid_generator(arguments, error, sentence):
    with pytest.raises(error, match=rf"^GridGenerator: {sentence}(\.|; .*\.)$"):
        so.GridGenerator(*arguments)
