"""Calls from JAX that NumPy has a part in: XLA calls Python, with arrays in the memory that it has for operands and results.

On CPUs it does so by the same handlers as of kernels: nothing is copied, and dtypes are what they are, whatever JAX's settings are
in XLA's threads. Elsewhere JAX brings the arrays to the host and back. A computation is a function
``compute(op, words, marks, operands, results)`` that writes to its results.
"""

import ctypes
import functools
import hashlib

import jax
import numpy as np

from ..operators.engine import kernels
from .calls import from_text, push, push_twice
from .jax_names import told


def forward(op, words, marks, inputs, results):
    """The result."""
    op.operator.prepare(*inputs, **words).forward(results[0])


def tangent(op, words, along, values, results):
    """The result's tangent along those inputs that are marked."""
    inputs, moves = split(values, along)
    results[0][...] = push(op, inputs, words, moves)


def gradient(op, words, wanted, values, results):
    """Gradients of those inputs that are marked."""
    out_grad, *inputs = values
    grads = split((*inputs, *results), wanted)[1]
    op.operator.prepare(*inputs, **words).backward(out_grad, grads, [False] * len(grads))


def gradient_tangent(op, words, marks, values, results):
    """How gradients of those inputs that the first marks say change along tangents of those that the second ones say."""
    wanted, along = marks
    out_grad, *values = values
    inputs, moves = split(values, along)
    grads = split((*inputs, *results), wanted)[1]
    op.operator.prepare(*inputs, **words).backward_tangent(out_grad, moves, grads, [False] * len(grads))


def second_tangent(op, words, marks, values, results):
    """How the result's tangent along tangents of some inputs changes along tangents of others."""
    along, others = marks
    first = len(along) + sum(along)
    inputs, moves = split(values[:first], along)
    _, changes = split((*inputs, *values[first:]), others)
    results[0][...] = push_twice(op, inputs, words, moves, changes)


def split(values, marks):
    """Inputs, and of what follows them one for each that is marked, None for the others."""
    inputs, more = values[: len(marks)], iter(values[len(marks) :])
    return inputs, [next(more) if mark else None for mark in marks]


def call(near, compute, op, params, marks, operands, results):
    """Have XLA compute ``results``, which are shapes and dtypes; ``near`` says that its memory is Python's, too."""
    if not near:
        run = functools.partial(on_host, compute, op, from_text(params), marks, results)
        return jax.pure_callback(run, results, *operands)
    facts = tuple((tuple(value.shape), np.dtype(value.dtype).str) for value in (*operands, *results))
    name = target(compute, op, params, marks, len(operands), facts)
    numbers, places = np.array([*(0 for _ in facts), 1, 0]), np.arange(len(facts))
    return jax.ffi.ffi_call(name, results)(*operands, numbers=numbers, places=places)


def on_host(compute, op, words, marks, results, *operands):
    """The same with arrays that JAX has brought here."""
    found = [np.empty(value.shape, value.dtype) for value in results]
    compute(op, words, marks, [np.asarray(value) for value in operands], found)
    return found


@functools.cache
def target(compute, op, params, marks, count, facts):
    """The name under which XLA finds a computation with arrays of these shapes and dtypes, of which ``count`` are operands."""
    words, kept = from_text(params), []

    def run(part, threads, address):
        slots = (ctypes.c_int64 * (len(facts) + 2)).from_address(address)
        try:
            arrays = [at(*pair) for pair in zip(slots, facts)]
            for array in arrays[:count]:
                array.flags.writeable = False
            compute(op, words, marks, arrays[:count], arrays[count:])
        except Exception as error:  # which XLA raises where it may
            kept[:] = [f"{type(error).__name__}: {error}".encode()]
            slots[-1] = ctypes.cast(kept[0], ctypes.c_void_p).value

    what = op.__module__, op.__qualname__, compute.__name__, params, marks, facts
    label = hashlib.sha256(repr(what).encode()).hexdigest()[:40]
    return told(f"python_{label}", kernels("handler").address_of(run))


def at(address, fact):
    """The array at an address."""
    shape, dtype = fact
    if 0 in shape:
        return np.empty(shape, dtype)
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    return np.frombuffer((ctypes.c_char * size).from_address(address), dtype).reshape(shape)
