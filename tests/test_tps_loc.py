"""Thin plate splines through points of the caller's: beside SciPy and the reference, derivatives of both orders, what cannot be solved."""

import numpy as np
import pytest
from oracle import complex_step
from tolerances import assert_close

import reference
import spatial_op as so

SHAPE = 13, 17
# Samples, sets of control points, points of each, smoothing.
CASES = [(1, 1, 3, 0.0), (2, 2, 4, 0.0), (4, 1, 12, 0.0), (4, 2, 7, 0.3), (3, 3, 25, 0.01)]
every_case = pytest.mark.parametrize(("samples", "sets", "count", "smoothing"), CASES)


def landmarks(samples, sets, count, seed=0, spread=0.3):
    """Targets anywhere, and sources near them."""
    rng = np.random.default_rng(seed)
    target = rng.uniform(-1, 1, (sets, count, 2))
    return target.repeat(samples // sets, axis=0) + spread * rng.standard_normal((samples, count, 2)), target


def test_the_reference_by_hand():
    """A point in the middle of four that stay: the weights of these are equal, and the sum of all is 0."""
    target = np.array([[[-1.0, -1], [1, -1], [-1, 1], [1, 1], [0, 0]]])
    source = target + [[[0, 0]] * 4 + [[1, 0]]]
    loc = reference.tps_loc(source, target)[0]
    corners, middle = loc[7:31].reshape(4, 6), loc[31:]
    # The corners weigh w, the middle -4 w. At the corners a + w (2 U(2) + U(sqrt 8)) - 4 w U(sqrt 2) = 0, in the middle
    # a + 4 w U(sqrt 2) = 1.
    two, diagonal, half = 4 * np.log(2), 4 * np.log(8), np.log(2)
    weight = 1 / (8 * half - 2 * two - diagonal)
    np.testing.assert_allclose(corners[:, 0], weight, rtol=1e-13)
    np.testing.assert_allclose(middle[:2], (-4 * weight, 0), rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(loc[:7], (1 - 4 * weight * half, 0, 0, 0, 0, 0, 1), atol=1e-14)
    np.testing.assert_array_equal(loc[11::6], target[0, :, 0])


@every_case
def test_reference(samples, sets, count, smoothing):
    """Values and both gradients, in normalised coordinates."""
    source, target = landmarks(samples, sets, count)
    out, pullback = so.vjp(so.tps_loc, source, target, smoothing=smoothing)
    assert_close(out, reference.tps_loc(source, target, smoothing), "float64", SHAPE)
    out_grad = np.random.default_rng(1).standard_normal(out.shape)
    functions = (
        lambda moved: out_grad * reference.tps_loc(moved, target, smoothing),
        lambda moved: out_grad * reference.tps_loc(source, moved, smoothing),
    )
    for found, function, array in zip(pullback(out_grad), functions, (source, target)):
        exact = complex_step(function, array)
        np.testing.assert_allclose(found, exact, rtol=0, atol=1e-11 * abs(exact).max())


@every_case
def test_derivatives_agree(samples, sets, count, smoothing):
    """The tangent is the gradient's transpose, and second derivatives are differences of first ones."""
    inputs, rng = landmarks(samples, sets, count), np.random.default_rng(2)
    out, pullback = so.vjp(so.tps_loc, *inputs, smoothing=smoothing)
    out_grad, one, other = (
        rng.standard_normal(out.shape),
        *([rng.standard_normal(x.shape) for x in inputs] for _ in "ab"),
    )
    _, tangent = so.jvp(so.tps_loc, inputs, one, smoothing=smoothing)
    transposed = sum((grad * move).sum() for grad, move in zip(pullback(out_grad), one))
    assert abs((out_grad * tangent).sum() - transposed) < 1e-10 * abs(transposed)

    def gradients(step):
        moved = [value + step * move for value, move in zip(inputs, one)]
        return so.vjp(so.tps_loc, *moved, smoothing=smoothing)[1](out_grad)

    _, change = so.jvp(pullback, (*inputs, out_grad), (*one, None))
    for found, ahead, behind in zip(change, gradients(1e-5), gradients(-1e-5)):
        np.testing.assert_allclose(found, (ahead - behind) / 2e-5, rtol=0, atol=1e-5 * abs(found).max())
    second = so.tps_loc.operator.prepare(*inputs, smoothing=smoothing).second_tangent(one, other)
    symmetric = sum((found * move).sum() for found, move in zip(change, other))
    assert abs((out_grad * second).sum() - symmetric) < 1e-9 * abs(symmetric)


@every_case
@pytest.mark.parametrize("align_corners", [True, False])
def test_scipy(samples, sets, count, smoothing, align_corners):
    """In pixels, where images are wide or high: the same spline at every pixel of the output."""
    interpolate = pytest.importorskip("scipy.interpolate")
    source, target = landmarks(samples, sets, count)
    height, width = SHAPE
    source, target = (source + 1) * (40, 21), (target + 1) * ((width - 1) / 2, (height - 1) / 2)
    smoothing = smoothing * 50
    loc = so.tps_loc(source, target, smoothing, source_shape=(43, 81), target_shape=SHAPE, align_corners=align_corners)
    grid = so.GridGenerator(loc, "tps_points", SHAPE, align_corners=align_corners)
    spans = np.reshape([81, 43], (2, 1, 1)) - align_corners
    found = grid * spans / 2 + np.reshape([80, 42], (2, 1, 1)) / 2
    pixels = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).reshape(-1, 2)
    for n in range(samples):
        points = target[n * sets // samples]
        spline = interpolate.RBFInterpolator(points, source[n], kernel="thin_plate_spline", smoothing=smoothing)
        np.testing.assert_allclose(found[n].reshape(2, -1).T, spline(pixels), rtol=0, atol=1e-10)


@pytest.mark.parametrize(("count", "largest"), [(100, 1e-11), (500, 1e-9)])
def test_scipy_with_many_points(count, largest):
    interpolate = pytest.importorskip("scipy.interpolate")
    source, target = landmarks(1, 1, count, spread=0.1)
    spline = interpolate.RBFInterpolator(target[0], source[0], kernel="thin_plate_spline")
    x, y, _ = reference.homogeneous_grid(SHAPE)
    expected = spline(np.stack([x, y], axis=1)).T.reshape(1, 2, *SHAPE)
    found = so.GridGenerator(so.tps_loc(source, target), "tps_points", SHAPE)
    assert abs(found - expected).max() < largest


def test_it_goes_through_its_landmarks_and_a_lattice_is_the_other_spline():
    rng = np.random.default_rng(3)
    side = np.linspace(-1, 1, 4)
    target = np.stack(np.meshgrid(side, side), axis=-1).reshape(1, 16, 2)
    source = target + 0.2 * rng.standard_normal((2, 16, 2))
    loc = so.tps_loc(source, target)
    grid = so.GridGenerator(loc, "tps_points", (4, 4))
    np.testing.assert_allclose(grid.reshape(2, 2, 16), source.swapaxes(1, 2), atol=1e-13)
    lattice = so.GridGenerator(source.swapaxes(1, 2).reshape(2, 32), "tps", SHAPE)
    np.testing.assert_allclose(so.GridGenerator(loc, "tps_points", SHAPE), lattice, atol=1e-13)


@pytest.mark.parametrize("pixels", [False, True])
def test_single_precision_moves_no_pixel(pixels):
    """Of 500 landmarks that pull in all directions, whose weights are large; what float32 holds of the points is given to both."""
    source, target = (array.astype("float32") for array in landmarks(1, 1, 500, spread=0.05))
    frame = {"source_shape": (301, 201), "target_shape": (301, 201)} if pixels else {}
    if pixels:
        source, target = (source * 100 + (100, 150)).astype("float32"), (target * 100 + (100, 150)).astype("float32")
    wide = so.tps_loc(source.astype("float64"), target.astype("float64"), **frame)
    narrow = so.tps_loc(source, target, **frame)
    assert narrow.dtype == "float32"
    expected, found = (so.GridGenerator(loc.astype("float64"), "tps_points", (33, 31)) for loc in (wide, narrow))
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-6)


def test_landmarks_that_stay_change_nothing():
    """Not even a bit, and NaN and the neighbours of NaN included."""
    data = np.random.default_rng(4).standard_normal((1, 2, 9, 8)).astype("float32")
    data[0, 0, 3, 3] = np.nan
    points = landmarks(1, 1, 10)[1].astype("float32")
    out = so.SpatialTransformer(data, so.tps_loc(points, points), (9, 8), "tps_points")
    assert out.tobytes() == data.tobytes()


def test_a_sample_does_not_depend_on_the_others():
    source, target = landmarks(6, 3, 9)
    source[1, 4] = np.nan
    target[2, 0, 0] = np.inf
    loc = so.tps_loc(source, target)
    for n in range(6):
        one = so.tps_loc(source[n : n + 1], target[n // 2 : n // 2 + 1])
        assert one.tobytes() == loc[n : n + 1].tobytes()
        # Coefficients, not the stretch and the places that are passed on.
        assert np.isfinite(loc[n]).all() == (n in (0, 2, 3))
    assert so.tps_loc(source[:0], target).shape == (0, 61)
    for grad, value in zip(so.vjp(so.tps_loc, source[:0], target)[1](np.ones((0, 61))), (source[:0], target)):
        assert grad.shape == value.shape and not grad.any()


def test_dtypes_layouts_and_out():
    source, target = landmarks(4, 2, 8)
    expected = so.tps_loc(source, target)
    assert so.tps_loc(np.asfortranarray(source), target.astype(">f8")).tobytes() == expected.tobytes()
    out = np.empty_like(expected)
    assert so.tps_loc(source, target, out=out) is out and out.tobytes() == expected.tobytes()
    _, adding = so.vjp(so.tps_loc, source, target, grad_req="add")
    _, writing = so.vjp(so.tps_loc, source, target)
    for total, grad in zip(adding(expected, out=[np.ones_like(source), np.ones_like(target)]), writing(expected)):
        np.testing.assert_allclose(total, grad + 1, rtol=1e-12)


def test_a_pixel_on_a_control_point_has_finite_derivatives():
    target = np.array([[[-1.0, -1], [1, -1], [-1, 1], [1, 1], [0, 0]]])
    loc = so.tps_loc(target + 0.1 * np.random.default_rng(5).standard_normal(target.shape), target)
    out, pullback = so.vjp(so.GridGenerator, loc, transform_type="tps_points", target_shape=(3, 3))
    (grad,) = pullback(out)
    exact = complex_step(lambda moved: out * reference.grid_generator(moved, "tps_points", (3, 3)), loc)
    np.testing.assert_allclose(grad, exact, atol=1e-13)
    assert np.isfinite(so.jvp(pullback, (loc, out), (np.ones_like(loc), None))[1][0]).all()


POINTS = landmarks(2, 1, 5)
LINE = np.linspace(-1, 1, 10).reshape(1, 5, 2)
TWICE = POINTS[1][:, [0, 1, 2, 3, 1]]


@pytest.mark.parametrize(
    ("inputs", "params", "kind", "words"),
    [
        ((POINTS[0], LINE), {}, ValueError, r"target\[0\] has all its points on one line, expected .* triangle.*; add a point"),
        ((POINTS[0], 0 * LINE), {"smoothing": 1.0}, ValueError, r"target\[0\] has all its points on one line"),
        ((POINTS[0], LINE.astype("float32") / 3), {}, TypeError, "target has dtype float32 and source has dtype float64"),
        ((POINTS[0], TWICE), {}, ValueError, r"target\[0\] has its points 1 and 4 in one place and smoothing is 0, .*; leave one"),
        ((POINTS[0][:, :2], POINTS[1][:, :2]), {}, ValueError, r"source has shape \(2, 2, 2\), expected 3 to 4096 points; pass"),
        ((np.broadcast_to(0.0, (1, 4097, 2)),) * 2, {}, ValueError, r"source has shape \(1, 4097, 2\), expected 3 to 4096 points"),
        ((POINTS[0][0], POINTS[1]), {}, ValueError, r"source has shape \(5, 2\), expected 3 axes .*; add .* source\[None\]"),
        ((POINTS[0].swapaxes(1, 2), POINTS[1]), {}, ValueError, r"source has shape \(2, 2, 5\), .*source.transpose\(0, 2, 1\)"),
        ((POINTS[0], POINTS[1][:, :4]), {}, ValueError, r"target has shape \(1, 4, 2\), expected \(1, 5, 2\), source's batch, or one"),
        ((POINTS[0], POINTS[0].repeat(2, 0)), {}, ValueError, r"target has shape \(4, 5, 2\), expected \(2, 5, 2\)"),
        ((POINTS[0].astype("float16"), POINTS[1]), {}, TypeError, r"source has dtype float16, which .* source.astype\('float32'\)"),
        (POINTS, {"smoothing": -1}, ValueError, "smoothing is -1, expected a finite number, at least 0; pass 0"),
        (POINTS, {"smoothing": np.inf}, ValueError, "smoothing is inf, expected a finite"),
        (POINTS, {"smoothing": "1"}, TypeError, "smoothing is '1', expected a number; convert"),
        (POINTS, {"source_shape": (4, 4)}, ValueError, "target_shape is None, expected 2 integers"),
        (POINTS, {"source_shape": (1, 4), "target_shape": (4, 4)}, ValueError, r"source_shape is \(1, 4\) and align_corners is True"),
        (POINTS, {"source_shape": (4, 4, 4), "target_shape": (4, 4, 4)}, ValueError, r"source_shape is \(4, 4, 4\)"),
        (POINTS, {"align_corners": 1}, TypeError, "align_corners is 1, expected True or False"),
    ],
)  # fmt: skip
def test_what_is_wrong(inputs, params, kind, words):
    with pytest.raises(kind, match=f"^tps_loc: {words}"):
        so.tps_loc(*inputs, **params)


def test_repeated_points_are_smoothed():
    """Between the sources of the two."""
    loc = so.tps_loc(POINTS[0], TWICE, 1e-6)
    x, y = TWICE[0, 1]
    found = reference.tps_points.tps_points(loc, np.array([[x], [y], [1.0]]))[:, :, 0]
    np.testing.assert_allclose(found, POINTS[0][:, [1, 4]].mean(axis=1), atol=1e-4)


def test_parameters_of_another_kind_are_refused():
    wide = 7 + 6 * 4097
    with pytest.raises(
        ValueError, match=rf"loc has shape \(1, {wide}\), expected at most 24583 .* 4096 control points, .*; pass"
    ):
        so.SpatialTransformer(np.zeros((1, 1, 4, 4)), np.zeros((1, wide)), (4, 4), "tps_points")
    with pytest.raises(ValueError, match=r"loc has shape \(1, 15\), expected \(1, 103\).*make them with tps_loc"):
        so.SpatialTransformer(np.zeros((1, 1, 4, 4)), np.zeros((1, 15)), (4, 4), "tps_points")
    with pytest.raises(ValueError, match=r"data has shape \(2, 5, 2\), .*; make .* with tps_loc\(source, target\)\.$"):
        so.GridGenerator(POINTS[0], "tps_points", (4, 4))


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
def test_pytorch():
    """Gradients of both orders, both modes, and maps; ``test_torch_adapter.py`` has the compiler's checks."""
    torch = pytest.importorskip("torch")
    inputs = [torch.from_numpy(array).requires_grad_() for array in landmarks(4, 2, 6)]
    assert torch.autograd.gradcheck(lambda *inputs: so.tps_loc(*inputs, 0.1), inputs, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(lambda *inputs: so.tps_loc(*inputs, 0.1), inputs)
    warp = lambda *inputs: so.GridGenerator(so.tps_loc(*inputs), "tps_points", (3, 4))  # noqa: E731
    assert torch.autograd.gradcheck(warp, inputs) and torch.autograd.gradgradcheck(warp, inputs)
    source, target = (value.detach() for value in inputs)
    gradients = torch.func.grad(lambda *inputs: warp(*inputs).square().sum(), argnums=(0, 1))
    found = torch.func.vmap(gradients, in_dims=(0, None))(torch.stack([source, 2 * source]), target)
    for many, one, other in zip(found, gradients(source, target), gradients(2 * source, target)):
        torch.testing.assert_close(many, torch.stack([one, other]))
    with pytest.raises(ValueError, match="all its points on one line"):
        so.tps_loc(source, target * 0)


def test_mxnet():
    """Recorded arrays have the gradients of NumPy's."""
    mx = pytest.importorskip("mxnet")
    source, target = landmarks(4, 2, 6)
    inputs = [mx.nd.array(array, dtype="float64") for array in (source, target)]
    for value in inputs:
        value.attach_grad()
    with mx.autograd.record():
        out = so.tps_loc(*inputs, smoothing=0.1, source_shape=(5, 6), target_shape=(7, 8))
    out.backward(out)
    expected, pullback = so.vjp(so.tps_loc, source, target, smoothing=0.1, source_shape=(5, 6), target_shape=(7, 8))
    np.testing.assert_array_equal(out.asnumpy(), expected)
    for value, grad in zip(inputs, pullback(expected)):
        np.testing.assert_array_equal(value.grad.asnumpy(), grad)


def test_jax():
    """Both modes and orders, ``jit`` and ``vmap``."""
    jax = pytest.importorskip("jax")
    from jax.test_util import check_grads

    with jax.enable_x64(True):
        inputs = [jax.numpy.asarray(array) for array in landmarks(4, 2, 6)]
        warp = lambda *inputs: so.GridGenerator(so.tps_loc(*inputs), "tps_points", (3, 4))  # noqa: E731
        check_grads(warp, inputs, order=2, modes=("fwd", "rev"))
        gradients = jax.grad(lambda *inputs: (warp(*inputs) ** 2).sum(), argnums=(0, 1))
        source, target = inputs
        several = jax.numpy.stack([source, 2 * source])
        found = jax.jit(jax.vmap(gradients, in_axes=(0, None)))(several, target)
        for many, one, other in zip(found, gradients(source, target), gradients(2 * source, target)):
            np.testing.assert_allclose(many, np.stack([one, other]), rtol=1e-12)
