"""Pictures and volumes warped in pixels, in memory: against the reference, whole pixels, any dtype, errors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracle import EXACT
from tables import PAIRS, in_turn

import reference
import spatial_op as so
from spatial_op.operators import pixel_sampling
from spatial_op.samplers import SAMPLERS

# Of entries that lead to no pixel's centre or border, where rounding would decide.
AFFINE = np.array([[0.9137, -0.4071, 4.5313], [0.3053, 1.1071, -3.2573]])
HOMOGRAPHY = np.array([[1.0037, 0.1071, 3.0313], [0.0537, 1.1071, -2.0573], [1.037e-2, -5.371e-3, 1.2571]])
VOLUME = np.array(
    [[0.9137, 0.1071, 0.0137, 1.0313], [-0.1053, 0.8071, 0.2037, 0.5573], [0.0071, 0.1037, 1.1071, -0.5313]]
)
INTEGERS = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "bool")
DTYPES = ("float16", "float32", "float64", *INTEGERS, "uint64", "int64", "complex64", "complex128")


def picture(shape, dtype, seed=0):
    """Numbers that use the range of a dtype."""
    rng, dtype = np.random.default_rng(seed), np.dtype(dtype)
    if dtype.kind == "b":
        return rng.random(shape) < 0.5
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return rng.integers(limits.min, limits.max, shape, dtype, endpoint=True)
    real = rng.normal(size=shape)
    return (real + 1j * rng.normal(size=shape) if dtype.kind == "c" else real).astype(dtype)


@pytest.mark.parametrize(("sampler_type", "padding_mode"), PAIRS[2])
@pytest.mark.parametrize("matrix", [AFFINE, HOMOGRAPHY], ids=["affine", "projective"])
def test_pictures_are_those_of_the_reference(matrix, sampler_type, padding_mode):
    for shape in ((11, 17), (11, 17, 3), (1, 5, 2), (70, 3, 5)):
        image = picture(shape, "float64")
        options = {"target_shape": (12, 70), "sampler_type": sampler_type, "padding_mode": padding_mode}
        np.testing.assert_allclose(
            so.warp(image, matrix, **options), reference.warp(image, matrix, **options), rtol=0, atol=1e-11
        )


HOMOGRAPHY_3D = np.vstack([VOLUME, [1.37e-2, -5.371e-3, 2.17e-2, 1.2571]])


@pytest.mark.parametrize(("sampler_type", "padding_mode"), PAIRS[3])
def test_volumes_are_those_of_the_reference(sampler_type, padding_mode):
    for shape in ((5, 6, 7), (5, 6, 7, 2), (1, 9, 3)):
        image = picture(shape, "float64")
        options = {"target_shape": (4, 5, 35), "sampler_type": sampler_type, "padding_mode": padding_mode}
        for matrix in (VOLUME, HOMOGRAPHY_3D):
            expected = reference.warp(image, matrix, **options)
            np.testing.assert_allclose(so.warp(image, matrix, **options), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("matrix", "shape"), [(AFFINE, (40, 37, 3)), (VOLUME, (9, 12, 11, 2))])
def test_affine_maps_have_the_bits_of_projective_ones(matrix, shape, monkeypatch):
    """A denominator that is 1 everywhere is not divided by."""
    image, axes, rows = picture(shape, "float32"), len(matrix), pixel_sampling.ROWS
    found = so.warp(image, matrix)
    assert rows[axes, True].locate != rows[axes, False].locate
    monkeypatch.setitem(rows, (axes, True), rows[axes, False])
    assert found.tobytes() == so.warp(image, matrix).tobytes()


def test_a_horizon_in_a_volume():
    """Voxels of the output on it have no source point."""
    image = picture((5, 6, 7), "float64")
    matrix = np.vstack([VOLUME, [0, 0, 1, -2]])
    out = so.warp(image, matrix)
    assert np.isnan(out[2]).all() and np.isfinite(np.delete(out, 2, axis=0)).all()
    back = np.linalg.inv(matrix)
    np.testing.assert_allclose(so.warp(image, back, direction="source_to_target"), out, rtol=0, atol=1e-11)


@pytest.mark.parametrize("axes", [2, 3])
def test_displacements_are_those_of_the_reference(axes):
    source, target = ((11, 17), (12, 40)) if axes == 2 else ((5, 6, 7), (4, 5, 35))
    displacement = np.random.default_rng(1).normal(scale=4, size=(axes, *target))
    displacement[(0, *(1,) * axes)], displacement[(1, *(2,) * axes)] = np.nan, np.inf
    for sampler_type, padding_mode in PAIRS[axes]:
        for shape in (source, (*source, 2)):
            image, options = picture(shape, "float64"), {"sampler_type": sampler_type, "padding_mode": padding_mode}
            out = so.warp(image, displacement=displacement, **options)
            expected = reference.warp(image, displacement=displacement, **options)
            np.testing.assert_allclose(out, expected, rtol=0, atol=1e-12)
            assert np.isnan(out).any(), "points that are none"


@pytest.mark.parametrize(
    ("sampler_type", "dtype"), [(name, dtype) for name, dtypes in in_turn(SAMPLERS, INTEGERS) for dtype in dtypes]
)
def test_integers_are_rounded_and_stay_in_their_range(sampler_type, dtype):
    """Halfway between two integers rounding decides, so that a last bit may move a result by one there."""
    image = picture((23, 31, 3), dtype)
    out = so.warp(image, AFFINE, sampler_type=sampler_type)
    exact = reference.warp(image, AFFINE, sampler_type=sampler_type)
    expected = reference.in_dtype(exact, dtype)
    assert out.dtype == expected.dtype
    # float32 holds what is computed of two bytes, to so much.
    near_half = abs(exact - np.floor(exact) - 0.5) < (5e-2 if out.itemsize == 2 else 1e-3)
    assert near_half.mean() < 0.12 or dtype == "bool"
    np.testing.assert_array_equal(out[~near_half], expected[~near_half])
    assert abs(out.astype(float) - expected).max() <= 1


def test_halves_are_rounded_to_even():
    image = np.array([[0, 1, 2, 3, 254, 255]], "uint8")
    np.testing.assert_array_equal(so.warp(image, [[1, 0, 0.5], [0, 1, 0]]), [[0, 2, 2, 128, 254, 128]])


@pytest.mark.parametrize("dtype", ["uint64", "int64"])
def test_integers_of_64_bits_keep_their_digits(dtype):
    limits = np.iinfo(dtype)
    image = np.array([[limits.max - 4, limits.max, limits.min, limits.min + 2]], dtype)
    out = so.warp(image, [[1, 0, 0.5], [0, 1, 0]], padding_mode="border")
    middle = (int(limits.max) + int(limits.min)) / 2
    assert out[0, 0] == limits.max - 2 and out[0, 2] == limits.min + 1 and out[0, 3] == limits.min + 2
    assert abs(float(out[0, 1]) - middle) <= 1
    above = so.warp(image, [[0.5, 0, 0.75], [0, 1, 0]], (1, 3), "bicubic", padding_mode="border")
    assert above[0, 0] == limits.max, "what shoots over stays in range"


def test_nowhere_is_zero_of_integers():
    image = np.full((3, 4), 7, "int16")
    displacement = np.zeros((2, 3, 4))
    displacement[0, 1, 2] = np.nan
    out = so.warp(image, displacement=displacement)
    assert out[1, 2] == 0 and (np.delete(out.ravel(), 6) == 7).all()


@given(
    st.sampled_from(DTYPES), st.tuples(st.integers(1, 40), st.integers(1, 40)), st.sampled_from([(), (1,), (3,), (4,), (5,)]),
    st.tuples(st.sampled_from((1, -1, 2)), st.sampled_from((1, -1, 3))), st.tuples(st.integers(-9, 50), st.integers(-9, 50)),
    st.tuples(st.integers(1, 70), st.integers(1, 40)), st.sampled_from(EXACT), st.sampled_from(("matrix", "displacement")),
)  # fmt: skip
def test_maps_by_whole_pixels_are_exact_for_every_dtype(
    dtype, sides, channels, steps, shift, target, sampler_type, way
):
    image = picture((*sides, *channels), dtype)
    y, x = steps[0] * np.arange(target[0]) + shift[0], steps[1] * np.arange(target[1]) + shift[1]
    if way == "matrix":
        where = {"matrix": [[steps[1], 0, shift[1]], [0, steps[0], shift[0]]], "target_shape": target}
    else:
        moved = np.meshgrid(x - np.arange(target[1]), y - np.arange(target[0]))
        where = {"displacement": np.array(moved).astype("float32")}
    last = -1 if channels else None
    out = so.warp(image, sampler_type=sampler_type, padding_mode="border", channel_axis=last, **where)
    expected = image[np.clip(y, 0, sides[0] - 1)][:, np.clip(x, 0, sides[1] - 1)]
    assert out.dtype == image.dtype
    np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("dtype", DTYPES)
def test_whole_voxels_are_exact_for_every_dtype(dtype):
    image = picture((4, 5, 6), dtype)
    flipped = so.warp(image, [[-1, 0, 0, 5], [0, 1, 0, 1], [0, 0, -1, 3]])
    np.testing.assert_array_equal(flipped[:, :-1], image[::-1, 1:, ::-1])
    np.testing.assert_array_equal(flipped[:, -1], np.zeros((4, 6), dtype))


@pytest.mark.parametrize("dtype", DTYPES)
def test_layouts_change_no_bit_and_are_kept(dtype):
    last = picture((23, 31, 3), dtype)
    before = last.copy()
    out = so.warp(last, AFFINE)
    assert out.flags.c_contiguous, "channels lie beside each other, as those of the image"
    first = np.ascontiguousarray(np.moveaxis(last, -1, 0))
    planes = so.warp(first, AFFINE, channel_axis=0)
    assert planes.flags.c_contiguous
    np.testing.assert_array_equal(np.moveaxis(planes, 0, -1), out)
    np.testing.assert_array_equal(so.warp(np.asfortranarray(last), AFFINE), out)
    np.testing.assert_array_equal(so.warp(last[::-1][::-1].astype(last.dtype.newbyteorder()), AFFINE), out)
    np.testing.assert_array_equal(so.warp(last[..., 1], AFFINE), out[..., 1])
    np.testing.assert_array_equal(last, before)


def test_directions_are_inverse_to_each_other():
    image = picture((23, 31), "float64")
    for matrix in (AFFINE, HOMOGRAPHY):
        back = np.linalg.inv(np.vstack([matrix, [0, 0, 1]]) if len(matrix) == 2 else matrix)[: len(matrix)]
        one, other = so.warp(image, matrix), so.warp(image, back, direction="source_to_target")
        np.testing.assert_allclose(one, other, atol=1e-11)
    moved = so.warp(image, [[0, 1, 2], [-1, 0, 30]], (31, 25), direction="source_to_target")
    np.testing.assert_array_equal(moved[:, 2:], np.rot90(image)[:, :23])


def test_reflection_is_about_the_centres_of_border_pixels():
    line = so.warp(np.arange(4)[None], [[1, 0, -3], [0, 1, 0]], (1, 10), padding_mode="reflection")
    np.testing.assert_array_equal(line[0], [3, 2, 1, 0, 1, 2, 3, 2, 1, 0])


IMAGE = np.ones((5, 6))


@pytest.mark.parametrize(
    ("wrong", "kind", "words"),
    [
        ({"image": [[1.0]]}, TypeError, r"image is a builtins.list, expected a NumPy array; convert it with numpy.asarray\(image\)"),
        ({"image": np.ma.masked_equal(IMAGE, 1)}, TypeError, "masked array"),
        ({"image": IMAGE.astype("datetime64[s]")}, TypeError, r"image has dtype datetime64\[s\], expected real or complex"),
        ({"image": IMAGE.astype(object)}, TypeError, "image has dtype object, expected real or complex"),
        ({"image": np.ones((2, 5, 6, 3))}, ValueError, r"image has shape \(2, 5, 6, 3\), expected \(height, width\) or .*one image at a time"),
        ({"image": IMAGE, "channel_axis": 0}, ValueError, "leave channel_axis out"),
        ({"image": np.ones((3, 50, 60))}, ValueError, r"whose first axis looks like channels.*pass channel_axis=0, or channel_axis=-1"),
        ({"image": np.ones((5, 6, 3)), "channel_axis": 3}, ValueError, "channel_axis is 3 and image has 3 axes"),
        ({"image": np.ones((5, 6, 3)), "channel_axis": 1.0}, TypeError, "channel_axis is 1.0, expected an integer"),
        ({"image": np.ones((5, 0, 3))}, ValueError, r"image has shape \(5, 0, 3\), whose width is 0"),
        ({"matrix": None}, TypeError, "matrix and displacement say where to sample, and neither is given; pass one of them"),
        ({"displacement": np.zeros((2, 5, 6))}, TypeError, "and both are given"),
        ({"matrix": np.eye(2)}, ValueError, r"matrix has shape \(2, 2\)"),
        ({"matrix": np.eye(4)}, ValueError, r"expected \(depth, height, width\) or .* the map is one of 3 coordinates"),
        ({"matrix": [[1e308, 0, 0], [0, 1, 0]]}, ValueError, "further than float64 can count"),
        ({"matrix": [[1, 2, 0], [2, 4, 9]], "direction": "source_to_target"}, ValueError, "no way back"),
        ({"matrix": [[0.1, 0.2, 0], [0.3, 0.6, 9]], "direction": "source_to_target"}, ValueError, "no way back"),
        ({"direction": "inverse"}, ValueError, "direction is 'inverse', which is not known"),
        ({"target_shape": (0, 3)}, ValueError, r"target_shape\[0\] is 0, expected at least 1"),
        ({"target_shape": (3,)}, ValueError, r"target_shape is \(3,\), expected two integers"),
        ({"sampler_type": "lanczos"}, ValueError, "sampler_type is 'lanczos'"),
        ({"padding_mode": "mirror"}, ValueError, "padding_mode is 'mirror'"),
        ({"matrix": None, "displacement": np.zeros((5, 6, 2))}, ValueError, r"numpy.moveaxis\(displacement, -1, 0\)"),
        ({"matrix": None, "displacement": np.zeros((2, 0, 2))}, ValueError, "displacement has shape"),
        ({"matrix": None, "displacement": np.zeros((2, 5, 6)) * 1j}, TypeError, "displacement is .* expected real numbers"),
        (
            {"matrix": None, "displacement": np.zeros((2, 5, 6)), "target_shape": (5, 7)},
            ValueError,
            r"target_shape is \(5, 7\) and displacement has shape \(2, 5, 6\), expected \(5, 6\)",
        ),
        (
            {"matrix": None, "displacement": np.zeros((2, 5, 6)), "direction": "source_to_target"},
            ValueError,
            "direction is 'source_to_target' and displacement is given",
        ),
    ],
)  # fmt: skip
def test_errors(wrong, kind, words):
    with pytest.raises(kind, match=f"^warp: .*{words}"):
        so.warp(**{"image": IMAGE, "matrix": AFFINE, **wrong})


def test_arrays_of_frameworks_are_told_what_takes_them():
    torch = pytest.importorskip("torch")
    with pytest.raises(
        TypeError, match="torch.Tensor, expected a NumPy array; pass what pixel_matrix_to_loc returns to Spatial"
    ):
        so.warp(torch.ones(5, 6), AFFINE)
    dask = pytest.importorskip("dask.array")
    with pytest.raises(TypeError, match="use spatial_op.dask.warp"):
        so.warp(dask.ones((5, 6)), AFFINE)
