"""Matrices in pixels as parameters of transforms, and back."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import reference
import spatial_op as so

either_corner_rule = pytest.mark.parametrize("align_corners", [True, False])
either_direction = pytest.mark.parametrize("direction", ["target_to_source", "source_to_target"])

AFFINE = np.array([[0.9, -0.4, 4.5], [0.3, 1.1, -3.25]])
HOMOGRAPHY = np.array([[1, 0.1, 3], [0.05, 1.1, -2], [1e-2, -5e-3, 1.25]])
VOLUME = np.array([[0.9, 0.1, 0, 1], [-0.1, 0.8, 0.2, 0.5], [0, 0.1, 1.1, -0.5]])
CASES = {
    "affine": (AFFINE, (11, 17), (7, 9), "affine"),
    "projective": (HOMOGRAPHY, (11, 17), (7, 9), "projective"),
    "volume": (VOLUME, (5, 6, 7), (4, 7, 3), "affine"),
    "projective volume": (np.vstack([VOLUME, [1e-2, -5e-3, 2e-2, 1.25]]), (5, 6, 7), (4, 7, 3), "projective"),
}
every_case = pytest.mark.parametrize(("matrix", "source", "target", "transform_type"), CASES.values(), ids=CASES)


def square(matrix):
    return matrix if len(matrix) == matrix.shape[1] else np.vstack([matrix, np.eye(matrix.shape[1])[-1]])


@either_corner_rule
@every_case
def test_parameters_are_those_of_the_reference(matrix, source, target, transform_type, align_corners):
    (loc,) = so.pixel_matrix_to_loc(matrix, source, target, align_corners=align_corners)
    assert loc.dtype == "float64"
    expected = reference.pixel_matrix_to_loc(matrix, source, target, align_corners=align_corners)
    np.testing.assert_allclose(loc, expected, rtol=1e-13, atol=1e-15)


@either_corner_rule
@every_case
def test_the_operator_samples_what_warp_samples(matrix, source, target, transform_type, align_corners):
    data = np.random.default_rng(0).normal(size=source)
    loc = so.pixel_matrix_to_loc(matrix, source, target, align_corners=align_corners)
    out = so.SpatialTransformer(data[None, None], loc, target, transform_type, align_corners=align_corners)[0, 0]
    np.testing.assert_allclose(out, so.warp(data, matrix, target), atol=1e-12)


@either_direction
@either_corner_rule
@every_case
def test_there_and_back(matrix, source, target, transform_type, align_corners, direction):
    options = {"align_corners": align_corners, "direction": direction}
    loc = so.pixel_matrix_to_loc(np.stack([matrix, 2 * matrix]), source, target, **options)
    back = so.loc_to_pixel_matrix(loc, source, target, **options)
    assert back.shape == (2, *matrix.shape)
    if transform_type == "projective":  # up to a factor
        back, matrix = back / back[:, -1:, -1:], matrix / matrix[-1, -1]
        np.testing.assert_allclose(back[1], matrix, rtol=1e-12, atol=1e-14)
    else:
        np.testing.assert_allclose(back[1], 2 * matrix, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(back[0], matrix, rtol=1e-12, atol=1e-12)


@either_corner_rule
@every_case
def test_directions_are_inverse_to_each_other(matrix, source, target, transform_type, align_corners):
    forward = np.linalg.inv(square(matrix))[: len(matrix)]
    one = so.pixel_matrix_to_loc(matrix, source, target, align_corners=align_corners)
    other = so.pixel_matrix_to_loc(forward, source, target, align_corners=align_corners, direction="source_to_target")
    np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-12)


def test_square_matrices_of_volumes_and_affine_homographies():
    source, target = (5, 6, 7), (4, 7, 3)
    np.testing.assert_array_equal(
        so.pixel_matrix_to_loc(square(VOLUME), source, target), so.pixel_matrix_to_loc(VOLUME, source, target)
    )
    found = so.pixel_matrix_to_loc(square(AFFINE), (11, 17), (7, 9))
    np.testing.assert_allclose(found[:, :6], so.pixel_matrix_to_loc(AFFINE, (11, 17), (7, 9)), rtol=1e-14)
    np.testing.assert_array_equal(found[:, 6:], 0)


@given(
    st.tuples(st.integers(2, 90), st.integers(2, 90)), st.none() | st.tuples(st.integers(1, 90), st.integers(1, 90)),
    st.tuples(st.integers(-40, 90), st.integers(-40, 90)), st.tuples(st.sampled_from((1, -1)), st.sampled_from((1, -1))),
    st.booleans(), st.booleans(), st.sampled_from(("target_to_source", "source_to_target")),
)  # fmt: skip
@example((2, 49), None, (0, 0), (1, 1), False, False, "target_to_source")  # 49 times the rounded 1 / 49 is not 1
def test_whole_pixels_stay_whole_in_the_operator(source, target, shift, flip, align_corners, projective, direction):
    """Whatever the corner rule, between images of one size and by less than it; else the parameters are rounded."""
    data, target = np.random.default_rng(0).normal(size=(1, 1, *source)), target or source
    matrix = np.array([[flip[0], 0, shift[0]], [0, flip[1], shift[1]], [0, 0, 1]])
    given_matrix = matrix if direction == "target_to_source" else np.linalg.inv(matrix)
    loc = so.pixel_matrix_to_loc(
        given_matrix[: 3 if projective else 2], source, target, direction=direction, align_corners=align_corners
    )
    kind = "projective" if projective else "affine"
    out = so.SpatialTransformer(data, loc, target, kind, align_corners=align_corners, padding_mode="border")
    y = np.clip(flip[1] * np.arange(target[0]) + shift[1], 0, source[0] - 1)
    x = np.clip(flip[0] * np.arange(target[1]) + shift[0], 0, source[1] - 1)
    expected = data[0, 0][y][:, x]
    if source == target and abs(shift[0]) < source[1] and abs(shift[1]) < source[0]:
        np.testing.assert_array_equal(out[0, 0], expected)
    np.testing.assert_allclose(out[0, 0], expected, rtol=0, atol=1e-12)


def test_a_source_of_one_pixel():
    """Its edges are apart, its centre is one point."""
    row = [[1, 0, 0], [0, 1, 0]]
    np.testing.assert_array_equal(
        so.pixel_matrix_to_loc(row, (1, 4), (1, 4), align_corners=False), [[1, 0, 0, 0, 1, 0]]
    )
    with pytest.raises(
        ValueError, match=r"source_shape is \(1, 4\) and align_corners is True.*pass align_corners=False"
    ):
        so.pixel_matrix_to_loc(row, (1, 4), (1, 4))
    found = so.loc_to_pixel_matrix([[1, 0, 0, 0, 1, 0]], (1, 4), (3, 4))
    np.testing.assert_array_equal(found[0], [[1, 0, 0], [0, 0, 0]])


@pytest.mark.parametrize(
    ("wrong", "kind", "words"),
    [
        ({"matrix": np.eye(2)}, ValueError, r"matrix has shape \(2, 2\).*expected 2x3 or 3x3 numbers, of volumes 3x4"),
        ({"matrix": "turn"}, TypeError, "matrix is 'turn', expected 2x3"),
        ({"matrix": np.full((2, 3), np.nan)}, ValueError, "no finite number"),
        ({"matrix": VOLUME}, ValueError, r"source_shape is \(5, 6\), expected a matrix for 2 coordinates"),
        (
            {"matrix": np.diag([1, 1, 1, 0]), "source_shape": (5, 6, 7), "target_shape": (5, 6, 7)},
            ValueError,
            "a last row of zeros, .*; pass 0, 0, 0, 1 as",
        ),
        (
            {
                "matrix": np.diag([1, 1, 0, 1]),
                "source_shape": (5, 6, 7),
                "target_shape": (5, 6, 7),
                "direction": "source_to_target",
            },
            ValueError,
            "onto a plane, a line or a point, so that it has no way back",
        ),
        ({"source_shape": 5}, ValueError, "source_shape is 5, expected two integers"),
        ({"source_shape": (5, 6.5)}, TypeError, r"source_shape\[1\] is 6.5, expected an integer"),
        (
            {"target_shape": (5, 6, 7)},
            ValueError,
            r"target_shape is \(5, 6, 7\), expected 2 integers, \(height, width\)",
        ),
        ({"target_shape": (0, 6)}, ValueError, r"target_shape\[0\] is 0, expected at least 1"),
        ({"align_corners": 1}, TypeError, "align_corners is 1, expected True or False"),
        ({"direction": "forward"}, ValueError, "direction is 'forward', which is not known; use 'target_to_source' or"),
        (
            {"matrix": [[1, 2, 0], [2, 4, 0]], "direction": "source_to_target"},
            ValueError,
            "onto a line or a point, so that it has no way back",
        ),
        (
            {"matrix": [[1, 0, 0], [0, 1, 0], [1, 0, -3]], "target_shape": (5, 7)},
            ValueError,
            "takes the middle of the output to infinity",
        ),
    ],
)
def test_errors_of_matrices(wrong, kind, words):
    arguments = {"matrix": AFFINE, "source_shape": (5, 6), "target_shape": (5, 6), **wrong}
    with pytest.raises(kind, match=f"^pixel_matrix_to_loc: .*{words}"):
        so.pixel_matrix_to_loc(**arguments)


@pytest.mark.parametrize(
    ("wrong", "kind", "words"),
    [
        ({"loc": np.ones(6)}, ValueError, r"loc has shape \(6,\).*expected \(N, 6 or 8\)"),
        ({"loc": np.ones((2, 12))}, ValueError, r"loc has shape \(2, 12\).*for source_shape \(5, 6\)"),
        ({"loc": np.full((1, 6), np.inf)}, ValueError, "no finite number"),
        ({"loc": [[1j] * 6]}, TypeError, "loc is .* expected rows of 6 or 8 numbers, of volumes 12 or 15, all real"),
        ({"direction": None}, ValueError, "direction is None"),
        ({"loc": np.zeros((1, 6)), "direction": "source_to_target"}, ValueError, "no way back"),
    ],
)
def test_errors_of_parameters(wrong, kind, words):
    arguments = {"loc": [[1, 0, 0, 0, 1, 0]], "source_shape": (5, 6), "target_shape": (5, 6), **wrong}
    with pytest.raises(kind, match=f"^loc_to_pixel_matrix: .*{words}"):
        so.loc_to_pixel_matrix(**arguments)


FUNCTIONS = {
    "pixel_matrix_to_loc": lambda matrix, *_: matrix,
    "loc_to_pixel_matrix": lambda matrix, *rest, **_: reference.pixel_matrix_to_loc(matrix, *rest),
}


def changed(function, value, along, params):
    """The change of a function along a direction, by differences of fourth order."""
    step = 1e-3
    at = lambda k: function(value + k * step * along, **params)  # noqa: E731
    return (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * step)


@either_direction
@either_corner_rule
@every_case
@pytest.mark.parametrize("name", FUNCTIONS)
def test_derivatives_of_both_orders(name, matrix, source, target, transform_type, align_corners, direction):
    op, rng = getattr(so, name), np.random.default_rng(1)
    value = np.asarray(FUNCTIONS[name](matrix, source, target))[None]
    value = np.concatenate([value, 1.01 * value])
    params = {"source_shape": source, "target_shape": target, "align_corners": align_corners, "direction": direction}
    one, other = 0.01 * rng.normal(size=(2, *value.shape))
    out, tangent = so.jvp(op, (value,), (one,), **params)
    np.testing.assert_array_equal(out, op(value, **params))
    scale = abs(out).max()
    np.testing.assert_allclose(tangent, changed(op, value, one, params), rtol=1e-7, atol=1e-9 * scale)

    out, pullback = so.vjp(op, value, **params)
    out_grad = rng.normal(size=out.shape)
    (grad,) = pullback(out_grad)
    assert grad.shape == value.shape
    np.testing.assert_allclose((grad * one).sum(), (out_grad * tangent).sum(), rtol=1e-10, atol=1e-12 * scale)

    (second,) = so.jvp(pullback, (value, out_grad), (other, None))[1]
    gradient = lambda moved: so.vjp(op, moved, **params)[1](out_grad)[0]  # noqa: E731
    expected = changed(gradient, value, other, {})
    np.testing.assert_allclose(second, expected, rtol=1e-6, atol=1e-9 * abs(grad).max())
    both = op.operator.prepare(value, **params).second_tangent([one], [other])
    np.testing.assert_allclose((out_grad * both).sum(), (second * one).sum(), rtol=1e-9, atol=1e-9 * scale)


def test_gradients_of_one_matrix_are_added_in_its_dtype():
    matrix, params = AFFINE.astype("float32"), {"source_shape": (11, 17), "target_shape": (7, 9)}
    loc, pullback = so.vjp(so.pixel_matrix_to_loc, matrix, grad_req="add", **params)
    assert loc.dtype == "float32" and loc.tobytes() == so.pixel_matrix_to_loc(matrix, **params).tobytes()
    grad = np.ones_like(matrix)
    pullback(np.ones_like(loc), out=(grad,))
    (expected,) = so.vjp(so.pixel_matrix_to_loc, AFFINE, **params)[1](np.ones((1, 6)))
    np.testing.assert_allclose(grad, 1 + expected, rtol=1e-6)
    assert so.pixel_matrix_to_loc(AFFINE[None][:0], **params).shape == (0, 6)


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")  # in PyTorch's own parts
@every_case
def test_gradients_in_pytorch(matrix, source, target, transform_type):
    """Through the operator, as a matrix is learnt; its gradients and theirs."""
    torch = pytest.importorskip("torch")
    given = torch.tensor(matrix, requires_grad=True)

    def there_and_back(matrix):
        loc = so.pixel_matrix_to_loc(matrix, source, target, direction="source_to_target")
        return loc, so.loc_to_pixel_matrix(loc, source, target)

    loc, _ = there_and_back(given)
    assert isinstance(loc, torch.Tensor)
    expected = so.pixel_matrix_to_loc(matrix, source, target, direction="source_to_target")
    np.testing.assert_array_equal(loc.detach(), expected)
    assert torch.autograd.gradcheck(there_and_back, given, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(there_and_back, given)
    each = torch.func.vmap(lambda one: there_and_back(one)[1])(torch.stack([given, given]))
    assert each.shape == (2, 1, *matrix.shape)


@every_case
def test_gradients_in_jax(matrix, source, target, transform_type):
    jax = pytest.importorskip("jax")
    params = {"source_shape": source, "target_shape": target, "align_corners": False}
    given = jax.numpy.asarray(matrix, "float32")

    def loss(matrix):
        return (so.pixel_matrix_to_loc(matrix, **params) ** 2).sum()

    found = jax.jit(jax.grad(loss))(given)
    wide = np.asarray(given, "float64")
    out, pullback = so.vjp(so.pixel_matrix_to_loc, wide, **params)
    np.testing.assert_allclose(found, pullback(2 * out)[0], rtol=1e-4, atol=1e-4 * abs(found).max())


def test_an_affine_map_of_volumes_has_twelve_numbers_in_every_framework():
    """4x4 numbers may be a homography, and the result's shape must not depend on them where it is traced."""
    matrix = square(VOLUME)[None]
    params = {"source_shape": (5, 6, 7), "target_shape": (5, 6, 7)}
    with pytest.raises(ValueError, match=r"^pixel_matrix_to_loc: .*expected 3x4.*pass matrix\[\.\.\., :3, :\]\.$"):
        so.vjp(so.pixel_matrix_to_loc, matrix, **params)
    assert so.vjp(so.pixel_matrix_to_loc, matrix[..., :3, :], **params)[0].shape == (1, 12)
