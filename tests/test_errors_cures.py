"""The cure that an error names can be typed as it stands, in the framework that the arrays come from, and it cures."""

import re

import numpy as np
import pytest

import spatial_op as so

# MXNet uses what NumPy has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

RNG = np.random.default_rng(0)
PHOTO = RNG.random((40, 50, 3), "float32")
BATCH = RNG.random((2, 3, 8, 9), "float32")
VOLUME = RNG.random((2, 1, 5, 6, 7), "float32")
GRID = RNG.uniform(-1, 1, (2, 2, 6, 7)).astype("float32")
LOC = RNG.uniform(-1, 1, (2, 6)).astype("float32")
LOC3 = RNG.uniform(-1, 1, (2, 12)).astype("float32")
POINTS = so.identity_loc("tps", 2, control_points=9) + RNG.uniform(-0.1, 0.1, (2, 18)).astype("float32")
LAST = np.array([[[0, 0, 1]], [[0, 0, 1]]], "float32")
HOMOGRAPHY = np.concatenate([LOC + 1, [[0.1, 0.2], [0.2, 0.1]]], 1).astype("float32")
KERNEL = {"kernel": (3, 3), "pad": (1, 1), "num_filter": 4, "no_bias": True}
WEIGHT = RNG.random((4, 3, 3, 3), "float32")
OFFSET = RNG.uniform(-1, 1, (2, 18, 8, 9)).astype("float32")


def last(array):
    """Channels last, in memory of their own."""
    return np.ascontiguousarray(np.moveaxis(array, 1, -1))


# Operator, parameters, inputs that fit, and those that are given instead.
AFFINE = {"target_shape": (6, 7)}
PROJECTIVE = {**AFFINE, "transform_type": "projective"}
SPLINE = {**AFFINE, "transform_type": "tps"}
CASES = {
    "a grid with its coordinates last": ("GridSampler", {}, (BATCH, GRID), {"grid": last(GRID)}),
    "a grid and images with channels last": ("GridSampler", {}, (BATCH, GRID), {"data": last(BATCH), "grid": last(GRID)}),
    "a grid of volumes": ("BilinearSampler", {}, (VOLUME, VOLUME.repeat(3, 1) - 0.5), {"grid": last(VOLUME.repeat(3, 1) - 0.5)}),
    "a flow with its directions last": ("GridGenerator", {"transform_type": "warp"}, (GRID,), {"data": last(GRID)}),
    "rows with an axis more": ("SpatialTransformer", AFFINE, (BATCH, LOC), {"loc": LOC[:, None]}),
    "3x3 matrices": ("SpatialTransformer", AFFINE, (BATCH, LOC), {"loc": np.concatenate([LOC.reshape(2, 2, 3), LAST], 1)}),
    "flat 3x3 matrices": ("SpatialTransformer", AFFINE, (BATCH, LOC), {"loc": np.concatenate([LOC, LAST[:, 0]], 1)}),
    "one sample's parameters": ("SpatialTransformer", AFFINE, (BATCH[:1], LOC[:1]), {"loc": LOC[0]}),
    "one sample's matrix": ("SpatialTransformer", AFFINE, (BATCH[:1], LOC[:1]), {"loc": LOC[0].reshape(2, 3)}),
    "homographies": (
        "SpatialTransformer", PROJECTIVE, (BATCH, HOMOGRAPHY),
        {"loc": (np.concatenate([HOMOGRAPHY, LAST[:, 0, 2:]], 1) * 2).reshape(2, 3, 3)},
    ),
    "flat homographies": (
        "SpatialTransformer", PROJECTIVE, (BATCH, HOMOGRAPHY), {"loc": np.concatenate([HOMOGRAPHY, LAST[:, 0, 2:]], 1) * 2},
    ),
    "points": ("SpatialTransformer", SPLINE, (BATCH, POINTS), {"loc": POINTS.reshape(2, 2, 9).transpose(0, 2, 1).copy()}),
    "rows of x and of y": ("SpatialTransformer", SPLINE, (BATCH, POINTS), {"loc": POINTS.reshape(2, 2, 9)}),
    "rows with an axis more, of volumes": (
        "SpatialTransformer", {"target_shape": (3, 4, 5)}, (VOLUME, LOC3), {"loc": LOC3[:, None]},
    ),
    "rows with an axis more, for a grid": ("GridGenerator", {"transform_type": "affine", **AFFINE}, (LOC,), {"data": LOC[:, None]}),
    "a photograph": ("SpatialTransformer", AFFINE, (PHOTO.transpose(2, 0, 1)[None], LOC[:1]), {"data": PHOTO}),
    "one image": ("SpatialTransformer", AFFINE, (BATCH[:1], LOC[:1]), {"data": BATCH[0]}),
    "a grey image": ("SpatialTransformer", AFFINE, (BATCH[:1, :1], LOC[:1]), {"data": BATCH[0, 0]}),
    "integers": ("SpatialTransformer", AFFINE, ((BATCH * 9).astype("int32").astype("float32"), LOC), {"data": (BATCH * 9).astype("int32")}),
    "coarse coordinates": ("GridSampler", {}, (BATCH, GRID.astype("float16").astype("float32")), {"grid": GRID.astype("float16")}),
    "images of a convolution": ("DeformableConvolution", KERNEL, (BATCH, OFFSET, WEIGHT), {"data": last(BATCH)}),
    "offsets": ("DeformableConvolution", KERNEL, (BATCH, OFFSET, WEIGHT), {"offset": last(OFFSET)}),
    "one sample's offsets for all": ("DeformableConvolution", KERNEL, (BATCH, OFFSET[:1].repeat(2, 0), WEIGHT), {"offset": OFFSET[:1]}),
    "filters": (
        "DeformableConvolution", KERNEL, (BATCH.repeat(2, 1), OFFSET, WEIGHT.repeat(2, 1)), {"weight": last(WEIGHT.repeat(2, 1))},
    ),
    "dtypes of a convolution": ("DeformableConvolution", KERNEL, (BATCH, OFFSET, WEIGHT), {"weight": WEIGHT.astype("float64")}),
}  # fmt: skip


def frameworks():
    """How each makes an array of one of NumPy, what a cure may name, and how moving axes is written there."""

    def of_numpy(array):
        return array, {"numpy": np}, "transpose(0, 3, 1, 2)"

    def of_torch(array):
        torch = pytest.importorskip("torch")
        return torch.from_numpy(array), {"torch": torch}, "permute(0, 3, 1, 2)"

    def of_jax(array):
        jax = pytest.importorskip("jax")
        return jax.numpy.asarray(array), {"jax": jax}, "transpose(0, 3, 1, 2)"

    def of_dask(array):
        dask = pytest.importorskip("dask")
        return pytest.importorskip("dask.array").from_array(array), {"dask": dask}, "transpose(0, 3, 1, 2)"

    def of_mxnet(array):
        mxnet = pytest.importorskip("mxnet")
        return mxnet.nd.array(array, dtype=array.dtype), {"mxnet": mxnet}, "transpose((0, 3, 1, 2))"

    return {"numpy": of_numpy, "torch": of_torch, "jax": of_jax, "dask": of_dask, "mxnet": of_mxnet}


def as_numpy(array):
    return array.asnumpy() if hasattr(array, "asnumpy") else np.asarray(array)


@pytest.mark.parametrize("framework", frameworks())
@pytest.mark.parametrize("name", CASES)
def test_the_cure_cures(name, framework):
    op_name, params, fitting, wrong = CASES[name]
    op, make = getattr(so, op_name), frameworks()[framework]
    if framework == "jax" and name == "dtypes of a convolution":
        pytest.skip("JAX has no float64 unless it is asked for")
    names = op.operator.inputs[: len(fitting)]
    arrays = {label: make(wrong.get(label, value))[0] for label, value in zip(names, fitting)}
    space = make(GRID)[1]
    with pytest.raises((TypeError, ValueError)) as caught:
        op(*arrays.values(), **params)
    sentence = str(caught.value)
    assert sentence.startswith(f"{op_name}: ") and sentence.endswith(".") and "\n" not in sentence
    cure = sentence.rpartition("; ")[2]
    expressions = re.findall(r"with (.+?)(?:, and |\.$)", cure)
    assert len(expressions) == len(wrong), cure
    for label in wrong:
        (expression,) = (text for text in expressions if re.search(rf"\b{label}\b", text.replace("data.dtype", "")))
        arrays[label] = eval(expression, {**space, **arrays})
    expected = op(*fitting, **params)
    np.testing.assert_allclose(as_numpy(op(*arrays.values(), **params)), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("framework", frameworks())
def test_axes_are_moved_in_the_words_of_the_framework(framework):
    make = frameworks()[framework]
    grid, _, moved = make(last(GRID))
    with pytest.raises(ValueError) as caught:
        so.GridSampler(make(BATCH)[0], grid)
    assert str(caught.value).endswith(f"move its coordinates to the second place with grid.{moved}.")


def test_no_cure_where_none_is_known():
    """Nothing is suggested where nothing is likely."""
    with pytest.raises(ValueError, match=r"loc has shape \(2, 5\), .*; pass a NumPy array of shape \(2, 6\)\.$"):
        so.SpatialTransformer(BATCH, LOC[:, :5], (6, 7))
    with pytest.raises(ValueError, match=r"loc has shape \(2, 3, 5\), .*; pass a NumPy array of 2 axes\.$"):
        so.SpatialTransformer(BATCH, np.ones((2, 3, 5), "float32"), (6, 7))
