"""The operators as primitives of JAX, with the rules for ``jit``, ``jvp``, ``grad`` and ``vmap``.

Three primitives serve every operator: ``forward``, its derivative along ``tangent``, and ``gradient``. The latter two are linear
and each other's transposes, so JAX makes forward and reverse mode of them, in any order. XLA calls kernels itself where it
can (``jax_native``), and Python where not. A second derivative that there is none of is refused.
"""

import functools

import jax
from jax import numpy as jnp
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from ..words import Words
from . import jax_names, jax_native, jax_python
from .calls import from_text, hollow, prepared, second_order
from .jax_python import split

WORDS = Words(
    array="a jax.Array",
    convert="jax.numpy.asarray",
    vjp="JAX has gradients of its own: call jax.vjp or jax.grad",
    jvp="JAX has tangents of its own: call jax.jvp",
)


def call_of(op, inputs, params):
    """The operator's call for arrays of which no numbers are known; raises what the operator would."""
    for name, value in zip(op.operator.inputs, inputs):
        if not all(isinstance(size, int) for size in value.shape):
            raise ValueError(
                f"{op.__name__}: {name} has shape ({', '.join(map(str, value.shape))}), expected sizes that are known when JAX traces; "
                "export the function for each shape, with numbers for symbols."
            )
    arrays = [hollow(op, name, value.shape, value.dtype) for name, value in zip(op.operator.inputs, inputs)]
    return prepared(op, arrays, from_text(params), WORDS)


def named(op, marks):
    """Names of the inputs that are marked."""
    return [name for name, mark in zip(op.operator.inputs, marks) if mark]


def present(values):
    """Which tangents there are, and these."""
    marks = tuple(value is not None and type(value) is not ad.Zero for value in values)
    return marks, [value for value, mark in zip(values, marks) if mark]


# ``forward(*inputs)``: the result.
forward = Primitive("spatial_op")


def forward_shape(*inputs, op, params):
    """That of the result."""
    call = call_of(op, inputs, params)
    return jax.core.ShapedArray(call.shape, call.dtype)


def forward_run(near, *inputs, op, params):
    """By the kernels or in Python."""
    call = call_of(op, inputs, params)
    if near and jax_native.able(call):
        return jax_native.forward(call, *inputs)
    return jax_python.call(near, jax_python.forward, op, params, (), inputs, [jax_native.like(call)])[0]


def forward_jvp(inputs, tangents, *, op, params):
    """The result and its tangent."""
    along, moves = present(tangents)
    return forward.bind(*inputs, op=op, params=params), tangent.bind(*inputs, *moves, op=op, params=params, along=along)


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
    """It is linear in the moves."""
    inputs, (moved, changes) = values[: len(along)], split(tangents, along)
    second_order(op, named(op, present(moved)[0]), named(op, along))
    out = tangent.bind(*values, op=op, params=params, along=along)
    along, changes = present(changes)
    if not changes:
        return out, ad.Zero.from_primal_value(out)
    return out, tangent.bind(*inputs, *changes, op=op, params=params, along=along)


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
    return [jax.core.ShapedArray(value.shape, value.dtype) for value, want in zip(inputs, wanted) if want]


def gradient_run(near, out_grad, *inputs, op, params, wanted):
    """By the kernels or in Python."""
    call = call_of(op, inputs, params)
    if near and jax_native.able(call):
        return jax_native.gradient(call, inputs, wanted, out_grad)
    results = [jax_native.like(value) for value, want in zip(inputs, wanted) if want]
    return jax_python.call(near, jax_python.gradient, op, params, wanted, (out_grad, *inputs), results)


def gradient_jvp(values, tangents, *, op, params, wanted):
    """It is linear in what is pulled back."""
    (_, *inputs), (change, *moved) = values, tangents
    second_order(op, named(op, wanted), named(op, present(moved)[0]))
    grads = gradient.bind(*values, op=op, params=params, wanted=wanted)
    if type(change) is ad.Zero:
        return grads, [ad.Zero.from_primal_value(grad) for grad in grads]
    return grads, gradient.bind(change, *inputs, op=op, params=params, wanted=wanted)


def gradient_transpose(cotangents, out_grad, *inputs, op, params, wanted):
    """The tangent along the cotangents."""
    _, moves = split((*inputs, *cotangents), wanted)
    along, moves = present(moves)
    return tangent.bind(*inputs, *moves, op=op, params=params, along=along), *(None for _ in inputs)


def batch(primitive, labels, values, axes, *, op, **words):
    """Entries of an axis that ``vmap`` adds, as more samples of one call; one by one if they differ in an input that samples share."""
    names = labels(op, **words)
    mapped = [axis is not None for axis in axes]
    values = [jnp.moveaxis(value, axis, 0) if have else value for value, axis, have in zip(values, axes, mapped)]
    run = functools.partial(primitive.bind, op=op, **words)
    shared = [name in op.operator.shared for name in names]
    wanted = named(op, words.get("wanted", ()))
    if any(have and share for have, share in zip(mapped, shared)) or set(wanted) & set(op.operator.shared):

        def one(entries):
            entries = iter(entries)
            return run(*(next(entries) if have else value for value, have in zip(values, mapped)))

        results = jax.lax.map(one, [value for value, have in zip(values, mapped) if have])
    else:
        count = next(value.shape[0] for value, have in zip(values, mapped) if have)
        samples = next(value.shape[have] for value, have, share in zip(values, mapped, shared) if not share)
        found = run(
            *(value if share else joined(value, have, count) for value, have, share in zip(values, mapped, shared))
        )
        results = jax.tree_util.tree_map(lambda result: result.reshape(count, samples, *result.shape[1:]), found)
    return results, [0] * len(results) if primitive.multiple_results else 0


def joined(value, mapped, count):
    """The axis that was added and that of the samples as one; an array without the former is repeated."""
    if not mapped:
        value = jnp.broadcast_to(value, (count, *value.shape))
    return value.reshape(count * value.shape[1], *value.shape[2:])


def register(primitive, labels, shape, run, jvp, transpose=None):
    """Tell JAX the rules; ``labels`` are the names of the inputs that its arrays belong to."""
    several = primitive.multiple_results
    primitive.def_abstract_eval(shape)
    compiled = jax.jit(primitive.bind, static_argnames=("op", "params", "along", "wanted"))

    @primitive.def_impl
    def at_once(*values, **words):
        with jax.disable_jit(False):  # which would lead here again
            return compiled(*values, **words)

    mlir.register_lowering(primitive, mlir.lower_fun(functools.partial(run, False), several))
    on_cpu = lambda *values, **words: run(jax_names.version() is not None, *values, **words)  # noqa: E731
    mlir.register_lowering(primitive, mlir.lower_fun(on_cpu, several), platform="cpu")
    batching.primitive_batchers[primitive] = functools.partial(batch, primitive, labels)
    ad.primitive_jvps[primitive] = jvp
    if transpose:
        ad.primitive_transposes[primitive] = transpose


register(forward, lambda op, params: op.operator.inputs, forward_shape, forward_run, forward_jvp)
register(
    tangent, lambda op, params, along: (*op.operator.inputs[: len(along)], *named(op, along)),
    tangent_shape, tangent_run, tangent_jvp, tangent_transpose,
)  # fmt: skip
register(
    gradient, lambda op, params, wanted: ("out_grad", *op.operator.inputs),
    gradient_shape, gradient_run, gradient_jvp, gradient_transpose,
)  # fmt: skip
