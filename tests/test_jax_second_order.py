"""JAX: Hessians and their products, in all orders of the modes, beside the derivatives of NumPy's arrays."""

import itertools

import numpy as np
import pytest
from second import CASES

import spatial_op as so

jax = pytest.importorskip("jax")
from jax import numpy as jnp  # noqa: E402
from jax.test_util import check_grads  # noqa: E402

# Each transform, a grid in a volume, and both convolutions.
SOME = [
    *(name for name in CASES if name.startswith("SpatialTransformer-2") and "bilinear-zeros" in name),
    "GridGenerator-2-projective",
    "GridGenerator-2-flow",
    "GridSampler-2-bicubic-reflection",
    "GridSampler-3-bilinear-border",
    "DeformableConvolution-DeformableConvolution-mxnet",
    "ModulatedDeformableConvolution-ModulatedDeformableConvolution-mxnet",
]


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


def case(name):
    op, inputs, params = CASES[name]
    return op, (lambda *values: op(*values, **params)), tuple(map(jnp.asarray, inputs)), params


@pytest.mark.parametrize("name", SOME)
def test_products_with_the_hessian(name):
    op, function, inputs, params = case(name)
    rng = np.random.default_rng(0)
    arrays, every = tuple(map(np.asarray, inputs)), tuple(range(len(inputs)))
    out, pullback = so.vjp(op, *arrays, **params)
    out_grad = rng.standard_normal(out.shape)
    moves = tuple(rng.standard_normal(value.shape) for value in inputs)
    _, expected = so.jvp(pullback, (*arrays, out_grad), (*moves, None))
    twice = op.operator.prepare(*arrays, **params).second_tangent(moves, moves)

    def loss(*values):
        return (function(*values) * out_grad).sum()

    def slope(*values):
        return jax.jvp(loss, values, moves)[1]

    gradient = jax.grad(loss, every)
    found = [
        jax.jit(lambda *values: jax.jvp(gradient, values, moves)[1])(*inputs),
        jax.grad(slope, every)(*inputs),
        jax.vjp(gradient, *inputs)[1](moves),
    ]
    for products in found:
        for one, other in zip(products, expected):
            np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12 * (1 + np.abs(other).max()))
    tangent = jax.jvp(lambda *values: jax.jvp(function, values, moves)[1], inputs, moves)[1]
    np.testing.assert_allclose(tangent, twice, rtol=1e-12, atol=1e-12 * (1 + np.abs(twice).max()))


@pytest.mark.parametrize("name", [name for name in SOME if "projective" in name])
def test_hessian(name):
    """The whole matrix of the parameters, in all four ways, compiled too."""
    _, function, inputs, _ = case(name)
    modes = jax.jacfwd, jax.jacrev

    def loss(loc):
        return (function(*inputs[:-1], loc) ** 2).sum()

    found = [outer(inner(loss))(inputs[-1]) for outer, inner in itertools.product(modes, modes)]
    found.append(jax.jit(jax.hessian(loss))(inputs[-1]))
    for hessian in found:
        np.testing.assert_allclose(hessian, found[0], rtol=1e-10, atol=1e-10 * np.abs(found[0]).max())
        np.testing.assert_allclose(
            hessian, hessian.transpose(2, 3, 0, 1), rtol=1e-9, atol=1e-9 * np.abs(found[0]).max()
        )
    assert np.abs(found[0]).max() > 1


def test_vmap_over_inputs_that_samples_share():
    """Filters that differ, and their Hessians with the offsets."""
    _, function, (data, offset, weight, bias), _ = case(SOME[-2])

    def mixed(weight):
        gradient = jax.grad(lambda offset, weight: (function(data, offset, weight, bias) ** 2).sum(), 1)
        return jax.jvp(lambda offset: gradient(offset, weight), (offset,), (offset,))[1]

    weights = jnp.stack([weight, weight**2])
    several = jax.vmap(mixed)(weights)
    for one, each in zip(several, weights):
        np.testing.assert_allclose(one, mixed(each), rtol=1e-12, atol=1e-12)
        assert np.abs(one).max() > 1


@pytest.mark.parametrize("name", SOME[-6:])
def test_second_derivatives_are_linear_in_what_they_are_multiplied_with(name):
    """So JAX can differentiate and transpose them."""
    _, function, inputs, _ = case(name)
    rng = np.random.default_rng(1)
    upper = jnp.asarray(rng.standard_normal(function(*inputs).shape))
    moves = tuple(jnp.asarray(rng.standard_normal(value.shape)) for value in inputs)

    def products(upper, *moves):
        return jax.jvp(lambda *values: jax.vjp(function, *values)[1](upper), inputs, moves)[1]

    def tangent(*moves):
        return jax.jvp(lambda *values: jax.jvp(function, values, moves)[1], inputs, moves)[1]

    check_grads(products, (upper, *moves), 1, modes=["fwd", "rev"])
    check_grads(tangent, moves, 2, modes=["fwd", "rev"])


@pytest.mark.parametrize("modes", list(itertools.product((jax.jacfwd, jax.jacrev), repeat=3)))
def test_a_third_derivative_is_refused(modes):
    _, function, (loc,), _ = case("GridGenerator-2-projective")
    derivative = lambda loc: (function(loc) ** 2).sum()  # noqa: E731
    for mode in modes:
        derivative = mode(derivative)
    sentence = (
        r"GridGenerator: a third derivative is not available, .*; call jax.lax.stop_gradient on second derivatives\."
    )
    with pytest.raises(NotImplementedError, match=sentence):
        derivative(loc)
