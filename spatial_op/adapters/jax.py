"""JAX: arrays and tracers, under ``jit``, ``grad``, ``jvp`` and ``vmap``; ``jax_primitives`` has the rules."""

import jax
import numpy as np
from jax import numpy as jnp

from .. import check
from ..dtypes import DTYPES
from .calls import given, no_out, of_one_kind, to_text
from .jax_primitives import WORDS, forward


def apply(op, inputs, out, name, params):
    """The operator on arrays of JAX, and of NumPy among them."""
    no_out(op, out, "JAX arrays")
    inputs = [own(op, *pair) for pair in zip(op.operator.inputs, given(op, inputs))]
    of_one_kind(op, inputs, jax.Array, WORDS)
    known_numbers(op, params)
    floating(op, inputs)
    words = {"op": op, "params": to_text(params)}
    if any(value.dtype == jnp.bfloat16 for value in inputs):  # which NumPy does not have
        wide = jnp.result_type(jnp.float32, *inputs)
        return forward.bind(*(value.astype(wide) for value in inputs), **words).astype(inputs[0].dtype)
    return forward.bind(*inputs, **words)


def own(op, argument, value):
    """An array of JAX for one of NumPy."""
    if not isinstance(value, np.ndarray):
        return value
    if type(value) is not np.ndarray:
        check.ordinary(op.__name__, argument, value)
    if value.dtype not in DTYPES:  # of which JAX does not even have some
        check.floating(op.__name__, argument, value.dtype)
    return jnp.asarray(value)


def floating(op, inputs):
    """Refuse other dtypes, which would be taken for numbers to widen beside bfloat16."""
    for argument, value in zip(op.operator.inputs, inputs):
        if value.dtype not in DTYPES and value.dtype != jnp.bfloat16:
            check.floating(op.__name__, argument, value.dtype, WORDS)


def known_numbers(op, params):
    """Refuse parameters that JAX traces: the shape of the result depends on them."""
    for name, value in params.items():
        if any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree_util.tree_leaves(value)):
            raise TypeError(
                f"{op.__name__}: {name} is traced by JAX, expected what is known before; "
                f"name it in the static_argnames of jax.jit or take it from outside of the traced function."
            )
