"""JAX: what its transformations make of our operators."""

import numpy as np
import pytest

import spatial_op as so

jax = pytest.importorskip("jax")
from jax import numpy as jnp  # noqa: E402
from jax.test_util import check_grads  # noqa: E402

KERNEL = {"kernel": (3, 3), "pad": (1, 1), "num_filter": 4}
# Every operator: parameters, and shapes of the inputs.
CASES = {
    "SpatialTransformer": ({"target_shape": (4, 4)}, (2, 3, 5, 6), (2, 6)),
    "GridGenerator": ({"transform_type": "affine", "target_shape": (3, 4)}, (2, 6)),
    "GridSampler": ({}, (2, 3, 5, 6), (2, 2, 3, 4)),
    "BilinearSampler": ({}, (2, 3, 5, 6), (2, 2, 3, 4)),
    "DeformableConvolution": (KERNEL, (2, 4, 5, 6), (2, 18, 5, 6), (4, 4, 3, 3), (4,)),
    "ModulatedDeformableConvolution": (KERNEL, (2, 4, 5, 6), (2, 18, 5, 6), (2, 9, 5, 6), (4, 4, 3, 3), (4,)),
}


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


def case(name):
    params, *shapes = CASES[name]
    rng = np.random.default_rng(0)
    inputs = [jnp.asarray(rng.uniform(-1, 1, shape)) for shape in shapes]
    return (lambda *values: getattr(so, name)(*values, **params)), inputs, params


def test_every_operator_has_a_case():
    from spatial_op.operators.table import OPERATORS

    assert list(CASES) == list(OPERATORS)


@pytest.mark.parametrize("name", CASES)
def test_jit_grad_and_vmap(name):
    function, inputs, params = case(name)
    expected, pullback = so.vjp(getattr(so, name), *map(np.asarray, inputs), **params)
    out = function(*inputs)
    assert isinstance(out, jax.Array)
    np.testing.assert_array_equal(out, expected)
    np.testing.assert_array_equal(jax.jit(function)(*inputs), expected)
    every = tuple(range(len(inputs)))

    def loss(*values):
        return (function(*values) ** 2).sum()

    grads = jax.jit(jax.grad(loss, every))(*inputs)
    for mine, grad in zip(grads, pullback(2 * expected)):
        np.testing.assert_array_equal(mine, grad)

    shared = [label in getattr(so, name).operator.shared for label in getattr(so, name).operator.inputs]
    alone = [value if share else value[:, None] for value, share in zip(inputs, shared)]
    axes = tuple(None if share else 0 for share in shared[: len(inputs)])
    for each, grad, share in zip(jax.vmap(jax.grad(loss, every), axes)(*alone), grads, shared):
        np.testing.assert_allclose(each.sum(0) if share else each[:, 0], grad, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_forward_mode(name):
    function, inputs, params = case(name)
    moves = [jnp.sin(7 * value) for value in inputs]
    expected, change = so.jvp(getattr(so, name), list(map(np.asarray, inputs)), list(map(np.asarray, moves)), **params)
    for transformed in (function, jax.jit(function)):
        out, found = jax.jvp(transformed, tuple(inputs), tuple(moves))
        np.testing.assert_array_equal(out, expected)
        np.testing.assert_array_equal(found, change)
    forward, reverse = (
        derivative(lambda first: function(first, *inputs[1:]))(inputs[0]) for derivative in (jax.jacfwd, jax.jacrev)
    )
    np.testing.assert_allclose(forward, reverse, rtol=1e-12, atol=1e-12)
    still = [jnp.zeros_like(value) for value in inputs]
    for place, move in enumerate(moves):
        alone = [move if other == place else None for other in range(len(inputs))]
        change = so.jvp(
            getattr(so, name),
            list(map(np.asarray, inputs)),
            [v if v is None else np.asarray(v) for v in alone],
            **params,
        )[1]
        along = lambda value, place=place: function(*inputs[:place], value, *inputs[place + 1 :])  # noqa: E731
        np.testing.assert_array_equal(jax.jvp(along, (inputs[place],), (move,))[1], change)
        np.testing.assert_array_equal(
            jax.jvp(function, tuple(inputs), (*still[:place], move, *still[place + 1 :]))[1], change
        )


def test_gradients_are_those_of_differences():
    for name in ("SpatialTransformer", "DeformableConvolution"):
        function, inputs, _ = case(name)
        check_grads(function, tuple(inputs), 1, modes=["fwd", "rev"])


def test_vmap_over_some_inputs():
    function, (data, loc), _ = case("SpatialTransformer")
    several = jnp.stack([loc, loc / 2, -loc])
    twice = jax.vmap(jax.vmap(function, (None, 0)), (0, None))(jnp.stack([data, 2 * data]), several)
    assert twice.shape == (2, 3, 2, 3, 4, 4)
    np.testing.assert_array_equal(twice[1, 2], function(2 * data, -loc))
    function, (data, offset, weight, bias), _ = case("DeformableConvolution")
    weights = jnp.stack([weight, weight**2])
    out = jax.vmap(function, (None, None, 0, None))(data, offset, weights, bias)
    np.testing.assert_array_equal(out[1], function(data, offset, weight**2, bias))


def test_inside_what_jax_compiles():
    """Large arrays, and work of JAX before and after, in a loop."""
    image = jnp.asarray(np.random.default_rng(0).random((8, 16, 64, 64), "float32"))
    turn = jnp.tile(jnp.asarray([[0.8, -0.6, 0, 0.6, 0.8, 0]], "float32"), (8, 1))

    @jax.jit
    def spin(image):
        def step(image, _):
            return 2 * so.SpatialTransformer(image / 2, turn, (64, 64)), image.sum()

        return jax.lax.scan(step, image, None, length=4)[0]

    expected = np.asarray(image)
    for _ in range(4):
        expected = so.SpatialTransformer(expected, np.asarray(turn), (64, 64))
    np.testing.assert_allclose(spin(image), expected, rtol=1e-5, atol=1e-6)


def test_dtypes():
    data, loc = jnp.ones((1, 1, 3, 4), "bfloat16"), jnp.zeros((1, 6), "bfloat16")
    out, grads = jax.value_and_grad(lambda *values: so.SpatialTransformer(*values, (2, 2)).sum(), (0, 1))(data, loc)
    assert {out.dtype, *(grad.dtype for grad in grads)} == {jnp.dtype("bfloat16")} and out > 0
    data = data.astype("float32")
    np.testing.assert_array_equal(so.SpatialTransformer(data, np.zeros((1, 6), "float32"), (2, 2)), 1)


def test_shapes_are_checked_while_jax_traces():
    function, (data, loc), _ = case("SpatialTransformer")
    with pytest.raises(ValueError, match=r"SpatialTransformer: loc has shape \(3, 6\)"):
        jax.eval_shape(function, data, jnp.concatenate([loc, loc[:1]]))
    assert jax.eval_shape(function, data, loc).shape == (2, 3, 4, 4)
    with pytest.raises(TypeError, match="loc is a builtins.list, expected a jax.Array"):
        so.SpatialTransformer(data, [[0.0] * 6], (4, 4))


class Failing:
    """A call whose checks pass."""

    def __init__(self, data):
        self.data, self.shape, self.dtype = data, data.shape, data.dtype

    def forward(self, out=None):
        if self.data.strides[0]:  # it has numbers, not only a shape
            raise MemoryError("there is no room")


def test_what_goes_wrong_while_xla_runs_is_raised():
    from spatial_op.operators import Operator
    from spatial_op.operators.dispatch import apply

    def fail(data):
        return apply(fail, (data,), None, None)

    fail.operator = Operator(("data",), Failing, lambda shapes: shapes["data"])
    for function in (fail, jax.jit(fail)):
        with pytest.raises(jax.errors.JaxRuntimeError, match="MemoryError: there is no room"):
            jax.block_until_ready(function(jnp.ones((2, 3))))


def test_two_operators_of_one_name():
    """What XLA calls is found by a name, which is not the function's alone."""
    from spatial_op.operators import Operator
    from spatial_op.operators.dispatch import apply

    def scaling(factor):
        class Call(Failing):
            def forward(self, out=None):
                out[...] = factor * self.data

        def scale(data):
            return apply(scale, (data,), None, None)

        scale.operator = Operator(("data",), Call, lambda shapes: shapes["data"])
        return scale

    twice, thrice = scaling(2), scaling(3)
    np.testing.assert_array_equal(jax.jit(lambda data: twice(data) + 10 * thrice(data))(jnp.ones((2, 3))), 32)


def test_sizes_that_are_symbols_are_refused():
    from jax import export

    specs = export.symbolic_args_specs(tuple(map(np.ones, ((2, 3, 5, 6), (2, 6)))), ("batch, 3, 5, 6", "batch, 6"))
    function, *_ = case("SpatialTransformer")
    with pytest.raises(
        ValueError, match=r"SpatialTransformer: data has shape \(batch, 3, 5, 6\), expected sizes that are known"
    ):
        export.export(jax.jit(function))(*specs)


def test_without_jit():
    function, inputs, params = case("SpatialTransformer")
    with jax.disable_jit():
        np.testing.assert_array_equal(function(*inputs), so.SpatialTransformer(*map(np.asarray, inputs), **params))


def test_where_xla_has_no_handlers(monkeypatch):
    """As on accelerators, JAX brings arrays to Python and back."""
    from spatial_op.adapters import jax_names

    monkeypatch.setattr(jax_names, "version", lambda: None)
    with jax.enable_x64(False):
        function, inputs, params = case("GridSampler")
        compiled = jax.jit(lambda *values: jax.value_and_grad(lambda *values: function(*values).sum(), (0, 1))(*values))
        assert "spatial_op" not in compiled.lower(*inputs).as_text().replace("jit(spatial_op", "")
        expected, pullback = so.vjp(so.GridSampler, *map(np.asarray, inputs), **params)
        for found, grad in zip(compiled(*inputs)[1], pullback(np.ones_like(expected))):
            np.testing.assert_array_equal(found, grad)
