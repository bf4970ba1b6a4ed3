"""The operators as primitives of JAX, with the rules for ``jit``, ``jvp``, ``grad`` and ``vmap``.

Three primitives serve every operator: ``forward``, its derivative along ``tangent``, and ``gradient``. The latter two are linear
and each other's transposes, so JAX makes forward and reverse mode of them, in any order. XLA calls kernels itself where it
can (``jax_native``), and Python where not. Their derivatives by the inputs are primitives, too (``jax_second``).
"""

import itertools

from jax import numpy as jnp
from jax.extend.core import Primitive
from jax.interpreters import ad

from . import jax_native, jax_python
from .calls import curved
from .jax_python import split
from .jax_rules import call_of, named, present, register, shape_of, unmoved
from .jax_second import gradient_tangent, second_tangent, sums

# ``forward(*inputs)``: the result.
forward = Primitive("spatial_op")


def forward_shape(*inputs, op, params):
    """That of the result."""
    return shape_of(call_of(op, inputs, params))


def forward_run(near, *inputs, op, params):
    """By the kernels or in Python."""
    call = call_of(op, inputs, params)
    if near and jax_native.able(call):
        return jax_native.forward(call, *inputs)
    return jax_python.call(near, jax_python.forward, op, params, (), inputs, [jax_native.like(call)])[0]


def forward_jvp(inputs, tangents, *, op, params):
    """The result and its tangent."""
    along, moves = present(tangents)
    out = forward.bind(*inputs, op=op, params=params)
    if not any(along) or not jnp.issubdtype(out.dtype, jnp.inexact):  # integers have no tangents
        return out, unmoved(out)
    return out, tangent.bind(*inputs, *moves, op=op, params=params, along=along)


# ``tangent(*inputs, *moves)``: the result's tangent along those of the inputs that ``along`` marks.
tangent = Primitive("spatial_op_tangent")


def tangent_shape(*values, op, params, along):
    """That of the result."""
    return forward_shape(*values[: len(along)], op=op, params=params)


def tangent_run(near, *values, op, params, along):
    """By the kernels or in Python."""
    inputs, moves = split(values, along)
    call = call_of(op, inputs, params)
    if near and jax_native.able(call):
        return jax_native.tangent(call, inputs, moves)
    return jax_python.call(near, jax_python.tangent, op, params, along, values, [jax_native.like(call)])[0]


def tangent_jvp(values, tangents, *, op, params, along):
    """It is linear in the moves; how it changes with the inputs is computed as well."""
    words, count = {"op": op, "params": params}, len(along)
    inputs, (moved, changes) = values[:count], split(tangents, along)
    out, parts = tangent.bind(*values, **words, along=along), []
    others, moved = present(moved)
    if any(curved(op, others, along)):
        parts.append(second_tangent.bind(*values, *moved, **words, along=along, others=others))
    along, changes = present(changes)
    if changes:
        parts.append(tangent.bind(*inputs, *changes, **words, along=along))
    return out, sums(out, parts)


def tangent_transpose(out_grad, *values, op, params, along):
    """Gradients of the moves that are not known."""
    inputs, moves = split(values, along)
    wanted = tuple(ad.is_undefined_primal(move) for move in moves)
    found = iter(gradient.bind(out_grad, *inputs, op=op, params=params, wanted=wanted))
    return *(None for _ in inputs), *(next(found) if want else None for want, mark in zip(wanted, along) if mark)


# ``gradient(out_grad, *inputs)``: gradients of those inputs that ``wanted`` marks.
gradient = Primitive("spatial_op_gradient")
gradient.multiple_results = True


def gradient_shape(out_grad, *inputs, op, params, wanted):
    """Those of the inputs."""
    return [shape_of(value) for value, want in zip(inputs, wanted) if want]


def gradient_run(near, out_grad, *inputs, op, params, wanted):
    """By the kernels or in Python."""
    call = call_of(op, inputs, params)
    if near and jax_native.able(call):
        return jax_native.gradient(call, inputs, wanted, out_grad)
    results = [jax_native.like(value) for value, want in zip(inputs, wanted) if want]
    return jax_python.call(near, jax_python.gradient, op, params, wanted, (out_grad, *inputs), results)


def gradient_jvp(values, tangents, *, op, params, wanted):
    """It is linear in what is pulled back; how it changes with the inputs is computed as well."""
    words, (change, *moved) = {"op": op, "params": params}, tangents
    along, moved = present(moved)
    grads = gradient.bind(*values, **words, wanted=wanted)
    parts = [[] for _ in wanted]
    which = curved(op, wanted, along)
    if any(which):
        found = gradient_tangent.bind(*values, *moved, **words, wanted=which, along=along)
        add_to(parts, which, found)
    if type(change) is not ad.Zero:
        add_to(parts, wanted, gradient.bind(change, *values[1:], **words, wanted=wanted))
    return grads, [sums(grad, some) for grad, some in zip(grads, itertools.compress(parts, wanted))]


def add_to(parts, marks, found):
    """Give the marked ones of some lists an entry each."""
    for some, part in zip(itertools.compress(parts, marks), found):
        some.append(part)


def gradient_transpose(cotangents, out_grad, *inputs, op, params, wanted):
    """The tangent along the cotangents."""
    _, moves = split((*inputs, *cotangents), wanted)
    along, moves = present(moves)
    return tangent.bind(*inputs, *moves, op=op, params=params, along=along), *(None for _ in inputs)


register(forward, lambda op, params: op.operator.inputs, forward_shape, forward_run, forward_jvp)
register(
    tangent, lambda op, params, along: (*op.operator.inputs[: len(along)], *named(op, along)),
    tangent_shape, tangent_run, tangent_jvp, tangent_transpose,
)  # fmt: skip
register(
    gradient, lambda op, params, wanted: ("out_grad", *op.operator.inputs),
    gradient_shape, gradient_run, gradient_jvp, gradient_transpose,
)  # fmt: skip
