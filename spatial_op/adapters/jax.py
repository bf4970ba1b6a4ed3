"""JAX: arrays and tracers, under ``jit``, ``grad`` and ``vmap``.

Kernels run in callbacks, after shapes and dtypes have been checked while JAX traces. Entries of axes that ``vmap`` adds are
computed as more samples in one call. Forward mode JAX refuses itself, and so does what would need a third derivative.
"""

import functools
import math

import jax
import numpy as np
from jax import numpy as jnp
from jax.custom_derivatives import SymbolicZero

from .. import check
from ..dtypes import DTYPES
from ..words import Words
from .calls import describe, from_text, given, no_out, of_one_kind, pull, push, second_order, to_text

WORDS = Words(
    array="a jax.Array",
    convert="jax.numpy.asarray",
    vjp="JAX has gradients of its own: call jax.vjp or jax.grad",
    jvp="JAX cannot push tangents through its callbacks; call jax.vjp, or convert it with numpy.asarray",
)


def apply(op, inputs, out, name, params):
    """The operator on arrays of JAX, and of NumPy among them."""
    no_out(op, out, "JAX arrays")
    inputs = [own(op, *pair) for pair in zip(op.operator.inputs, given(op, inputs))]
    of_one_kind(op, inputs, jax.Array, WORDS)
    known_numbers(op, params)
    floating(op, inputs)
    if any(value.dtype == jnp.bfloat16 for value in inputs):  # which NumPy does not have
        wide = jnp.result_type(jnp.float32, *inputs)
        return forward(op, to_text(params), *(value.astype(wide) for value in inputs)).astype(inputs[0].dtype)
    return forward(op, to_text(params), *inputs)


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


def call_back(compute, results, names, op, *arrays):
    """Call ``compute`` with NumPy's arrays, outside of what JAX compiles."""
    shared = [name in op.operator.shared for name in names]
    run = functools.partial(folded, compute, [value.ndim for value in arrays], shared)
    return jax.pure_callback(run, results, *arrays, vmap_method="expand_dims")


def folded(compute, axes, shared, *arrays):
    """Call ``compute`` for arrays with further axes in front, as for more samples; one by one if shared inputs differ."""
    arrays = [np.asarray(array) for array in arrays]
    fronts = [array.shape[: array.ndim - count] for array, count in zip(arrays, axes)]
    front = np.broadcast_shapes(*fronts)
    if not front:
        return compute(*arrays)
    count = math.prod(front)
    wide = [np.broadcast_to(array, front + array.shape[len(front) :]) for array in arrays]
    if compute.keywords["apart"] or any(math.prod(own) > 1 for own, share in zip(fronts, shared) if share):
        results = [compute(*(array[place] for array in wide)) for place in np.ndindex(front)]
        return [np.stack(parts).reshape(front + parts[0].shape) for parts in zip(*results)]
    samples = next(array.shape[len(front)] for array, share in zip(wide, shared) if not share)
    parts = [
        array[(0,) * len(front)] if share else array.reshape(count * samples, *array.shape[len(front) + 1 :])
        for array, share in zip(wide, shared)
    ]
    return [result.reshape(front + (samples, *result.shape[1:])) for result in compute(*parts)]


def like(values):
    """Shapes and dtypes."""
    return [jax.ShapeDtypeStruct(value.shape, value.dtype) for value in values]


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def forward(op, params, *inputs):
    """An operator; ``params`` is text, since JAX compares it."""
    words = from_text(params)
    shape, dtype = describe(op, [value.shape for value in inputs], [value.dtype for value in inputs], words, WORDS)
    compute = functools.partial(compute_forward, op, words, apart=False)
    return call_back(compute, [jax.ShapeDtypeStruct(shape, dtype)], op.operator.inputs, op, *inputs)[0]


def compute_forward(op, params, *arrays, apart):
    """The result."""
    return [op.operator.prepare(*arrays, **params).forward()]


def forward_fwd(op, params, *inputs):
    """The result, and what gradients need; the structure of the second entry says which inputs have one."""
    values = tuple(value.value for value in inputs)
    return forward(op, params, *values), (values, marks(inputs))


def forward_bwd(op, params, kept, out_grad):
    """Gradients of the inputs that need one."""
    inputs, wanted = kept
    if isinstance(out_grad, SymbolicZero):
        return (None,) * len(inputs)
    grads = iter(backward(op, params, flags(wanted), out_grad, *inputs))
    return tuple(next(grads) if want else None for want in flags(wanted))


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1, 2))
def backward(op, params, wanted, out_grad, *inputs):
    """Gradients of those inputs that are wanted."""
    names = ("out_grad", *op.operator.inputs[: len(inputs)])
    apart = any(want and name in op.operator.shared for want, name in zip(wanted, names[1:]))
    compute = functools.partial(compute_backward, op, from_text(params), wanted, apart=apart)
    results = like(value for value, want in zip(inputs, wanted) if want)
    return tuple(call_back(compute, results, names, op, out_grad, *inputs))


def compute_backward(op, params, wanted, out_grad, *arrays, apart):
    """The gradients."""
    return pull(op, arrays, params, wanted, out_grad)


def backward_fwd(op, params, wanted, out_grad, *inputs):
    """The gradients, and what their derivatives need."""
    values = tuple(value.value for value in inputs)
    return backward(op, params, wanted, out_grad.value, *values), (values, marks(inputs))


def backward_bwd(op, params, wanted, kept, cotangents):
    """Gradients are linear in what they are pulled back from."""
    inputs, moved = kept
    names = [name for name, want in zip(op.operator.inputs, wanted) if want]
    along = {name: value for name, value in zip(names, cotangents) if not isinstance(value, SymbolicZero)}
    second_order(op, [name for name, move in zip(op.operator.inputs, flags(moved)) if move], along)
    nothing = (None,) * len(inputs)
    if not along:
        return None, *nothing
    words = from_text(params)
    shape, dtype = describe(op, [value.shape for value in inputs], [value.dtype for value in inputs], words, WORDS)
    labels = op.operator.inputs[: len(inputs)]
    compute = functools.partial(compute_push, op, from_text(params), [name in along for name in labels], apart=False)
    result = [jax.ShapeDtypeStruct(shape, dtype)]
    return call_back(compute, result, (*labels, *along), op, *inputs, *along.values())[0], *nothing


def compute_push(op, params, which, *arrays, apart):
    """The result's tangent along those inputs that are marked."""
    inputs, along = arrays[: len(which)], iter(arrays[len(which) :])
    return [push(op, inputs, params, [next(along) if has else None for has in which])]


def marks(values):
    """Which inputs have a derivative, as a structure of JAX's."""
    return tuple(() if value.perturbed else None for value in values)


def flags(marked):
    """The same as True and False."""
    return tuple(mark is not None for mark in marked)


forward.defvjp(forward_fwd, forward_bwd, symbolic_zeros=True)
backward.defvjp(backward_fwd, backward_bwd, symbolic_zeros=True)
