"""What the primitives of JAX share: what things are called, shapes, ``vmap``, and how JAX is told the rules."""

import functools

import jax
from jax import numpy as jnp
from jax.interpreters import ad, batching, mlir

from ..words import Words
from . import jax_names
from .calls import folded, from_text, hollow, prepared

WORDS = Words(
    array="a jax.Array",
    convert="jax.numpy.asarray",
    vjp="JAX has gradients of its own: call jax.vjp or jax.grad",
    jvp="JAX has tangents of its own: call jax.jvp",
    detach="call jax.lax.stop_gradient on second derivatives",
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


def shape_of(value):
    """Shape and dtype of an array, or of a call's result."""
    return jax.core.ShapedArray(value.shape, value.dtype)


def unmoved(value):
    """The tangent of an array that does not change, or holds integers."""
    return ad.Zero(shape_of(value).to_tangent_aval())


def named(op, marks):
    """Names of the inputs that are marked."""
    return [name for name, mark in zip(op.operator.inputs, marks) if mark]


def present(values):
    """Which tangents there are, and these."""
    marks = tuple(value is not None and type(value) is not ad.Zero for value in values)
    return marks, [value for value, mark in zip(values, marks) if mark]


def batch(primitive, labels, values, axes, *, op, **words):
    """Entries of an axis that ``vmap`` adds, as more samples of one call; one by one if they differ in an input that samples share."""
    names = labels(op, **words)
    mapped = [axis is not None for axis in axes]
    values = [jnp.moveaxis(value, axis, 0) if have else value for value, axis, have in zip(values, axes, mapped)]
    run = functools.partial(primitive.bind, op=op, **words)
    batches = [value.shape[have] if value.ndim > have else 1 for value, have in zip(values, mapped)]
    found = folded(op, names, mapped, batches, named(op, words.get("wanted", ())))
    if found is None:

        def one(entries):
            entries = iter(entries)
            return run(*(next(entries) if have else value for value, have in zip(values, mapped)))

        results = jax.lax.map(one, [value for value, have in zip(values, mapped) if have])
    else:
        count = next(value.shape[0] for value, have in zip(values, mapped) if have)
        samples, counts = found
        found = run(*(joined(*each, count) for each in zip(values, mapped, counts)))

        def apart(result):  # of inputs that serve several samples each there are fewer gradients
            return result.reshape(count, len(result) // count if count else samples, *result.shape[1:])

        results = jax.tree_util.tree_map(apart, found)
    return results, [0] * len(results) if primitive.multiple_results else 0


def joined(value, mapped, samples, count):
    """The axis that was added, of so many entries, and that of the samples as one; an array that lacks some is repeated, or stays as it is."""
    if samples is None:
        return value
    sizes = value.shape[2:] if mapped else value.shape[1:]
    return jnp.broadcast_to(value, (count, samples, *sizes)).reshape(count * samples, *sizes)


def register(primitive, labels, shape, run, jvp, transpose=None):
    """Tell JAX the rules; ``labels`` are the names of the inputs that its arrays belong to."""
    several = primitive.multiple_results
    primitive.def_abstract_eval(shape)
    compiled = jax.jit(primitive.bind, static_argnames=("op", "params", "along", "others", "wanted"))

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
