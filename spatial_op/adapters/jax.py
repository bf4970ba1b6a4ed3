"""JAX: arrays and tracers, under ``jit``, ``grad``, ``jvp`` and ``vmap``; ``jax_primitives`` has the rules."""

import jax
import numpy as np
from jax import numpy as jnp

from .. import check
from ..dtypes import DTYPES, IMAGES
from .calls import given, no_out, to_text
from .jax_primitives import forward
from .jax_rules import WORDS


def apply(op, inputs, out, name, params):
    """The operator on arrays of JAX, and of NumPy among them."""
    no_out(op, out, "JAX arrays")
    pairs = zip(op.operator.inputs, given(op, inputs))
    inputs = [
        array(op.__name__, argument, value, " like the other inputs", argument in op.operator.numbers)
        for argument, value in pairs
    ]
    known_numbers(op.__name__, params)
    words = {"op": op, "params": to_text(params)}
    if jnp.iscomplexobj(inputs[0]) and params.get("coverage") == "only":
        inputs[0] = inputs[0].real
    if jnp.iscomplexobj(inputs[0]):
        return of_parts(words, *inputs)
    floats = jnp.issubdtype(inputs[0].dtype, jnp.floating)
    if floats and any(value.dtype == jnp.bfloat16 for value in inputs):  # which NumPy does not have
        wide = jnp.result_type(jnp.float32, *inputs)
        return forward.bind(*(value.astype(wide) for value in inputs), **words).astype(inputs[0].dtype)
    return forward.bind(*inputs, **words)


def of_parts(words, data, given):
    """The operator on real and imaginary parts, as channels; so derivatives are what JAX takes them for."""
    parts = forward.bind(jnp.concatenate([data.real, data.imag], axis=1), given, **words)
    return jax.lax.complex(*jnp.split(parts, 2, axis=1))


def array(name, argument, value, like="", numbers=False):
    """An array of JAX with numbers to compute with, also for one of NumPy; integers and complex numbers if any ``numbers`` will do."""
    known = IMAGES if numbers else DTYPES
    if isinstance(value, np.ndarray):
        if type(value) is not np.ndarray:
            check.ordinary(name, argument, value)
        if value.dtype not in known:  # of which JAX does not even have some
            check.unknown(name, argument, value.dtype, known, WORDS)
        return jnp.asarray(value)
    if not isinstance(value, jax.Array):
        check.another(name, argument, value, WORDS, like)
    if value.dtype not in known and value.dtype != jnp.bfloat16:
        check.unknown(name, argument, value.dtype, known, WORDS)
    return value


def known_numbers(name, params):
    """Refuse parameters that JAX traces: the shape of the result depends on them."""
    for argument, value in params.items():
        if any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree_util.tree_leaves(value)):
            raise TypeError(
                f"{name}: {argument} is traced by JAX, expected what is known before; "
                f"name it in the static_argnames of jax.jit or take it from outside of the traced function."
            )
