"""Sampling from JAX that runs no Python: XLA calls the kernels itself.

A kernel is a target of XLA's foreign function interface, named after its machine code. Sizes are attributes of its call, tables are
constants. What windows leave over is done in place by a second call.
"""

import jax
import numpy as np
from jax import numpy as jnp

from ..operators.engine import kernels
from ..operators.memory import apart
from ..operators.warp import WarpCall
from .jax_names import told

try:
    from jax import enable_x64
except ImportError:  # JAX before 0.8
    from jax.experimental import enable_x64


def able(call):
    """Whether XLA can call an operator's kernels: it samples, and NumPy need not combine its parameters before."""
    if not isinstance(call, WarpCall) or call.plan.nothing:
        return False
    plan, (data, given) = call.plan, call.inputs.values()
    as_they_are = data.dtype == plan.stored and given.dtype.str[1:] == plan.number
    row = plan.transform
    return as_they_are and (row is None or (row.solve is row.basis is row.term is None))


def run(kernel, plan, given, results=None, changed=()):
    """Call a kernel; ``results`` are shapes and dtypes of arrays that it makes, ``changed`` names of given ones that it writes to."""
    kernel.prepare()
    threads = kernels("threads").threads_for(plan.work.tiles, plan.work.elements)
    values, results = {**plan.fixed, **given}, results or {}
    names = [name for name, kind in kernel.parameters.items() if kind not in ("int", "float")]
    numbers = [0 if name in names else values[name] for name in kernel.parameters]
    operands = [name for name in names if name not in results]
    memory = jax.ShapeDtypeStruct((threads * kernel.size,), "uint8")
    shapes = {**{name: like(given[name]) for name in changed}, **results, "memory": memory}
    places = {name: place for place, name in enumerate([*kernel.parameters, "memory"])}
    called = jax.ffi.ffi_call(
        told(f"kernel_{kernel.label}", kernel.address), list(shapes.values()),
        input_output_aliases={operands.index(name): place for place, name in enumerate(changed)},
    )  # fmt: skip
    written = called(
        *[values[name] for name in operands],
        numbers=np.array([*np.frombuffer(kernel.layout.pack(*numbers, 0, kernel.size), np.int64), threads, 0]),
        places=np.array([places[name] for name in (*operands, *shapes)]),
    )
    return dict(zip(shapes, written))


def like(value):
    """Its shape and dtype."""
    return jax.ShapeDtypeStruct(value.shape, value.dtype)


def both(pair, plan, given, results):
    """Do a tile by way of a window where that pays, and in place what is left over."""
    by_windows, in_place = pair
    if by_windows is None:
        return run(in_place, plan, {**given, "todo": np.ones(plan.work.tiles, np.uint8)}, results)
    todo = jax.ShapeDtypeStruct((plan.work.tiles,), "uint8")
    written = run(by_windows, plan, given, {**results, "todo": todo})
    return run(in_place, plan, {**given, **written, "add_data": True}, changed=list(results))


def images(data, given):
    """What kernels are given of arrays."""
    image_step, channel_step = apart(data.shape, 2)
    return {
        "pixels": data, "image_step": step(data, image_step), "channel_step": channel_step, "numbers": given,
        "apart": step(given, apart(given.shape, 1)[0]),
    }  # fmt: skip


def step(value, size):
    """How far samples are apart; one is that of all."""
    return size if len(value) > 1 else 0


def forward(call, data, given):
    """The result."""
    plan = call.plan
    out = jax.ShapeDtypeStruct(plan.shape, plan.written)
    return both(plan.forward(beside=False), plan, images(data, given), {"out": out})["out"]


def tangent(call, inputs, tangents):
    """How the result changes along tangents, of which one may be None."""
    plan, (data, given), (data_tangent, given_tangent) = call.plan, inputs, tangents
    if data_tangent is None:
        out = jnp.zeros(plan.shape, plan.compute)
    else:
        out = forward(call.linear, data_tangent, given)
    if given_tangent is None:
        return out
    with enable_x64(True):
        changes = given_tangent if plan.transform is None else given_tangent.astype("float64")
        more = {"todo": np.ones(plan.work.tiles, np.uint8), "out": out, "changes": changes}
        more["changes_apart"] = step(changes, changes.size // len(changes))
        return run(kernels("build").push(*plan.key), plan, {**images(data, given), **more}, changed=["out"])["out"]


def gradient(call, inputs, wanted, out_grad):
    """Gradients of the inputs that are wanted."""
    plan, (data, given) = call.plan, inputs
    bands = kernels("build").backward_split(plan.work, plan.shared, kernels("threads").threads_for)[1]
    flags = {"bands": bands, "want_data": wanted[0], "add_data": False, "want_values": wanted[1]}
    samples, blocks = plan.shape[0], plan.work.units // plan.shape[0]
    with enable_x64(True):
        sums = (samples, blocks, *given.shape[1:])
        if plan.transform is not None:
            sums = (samples, blocks, plan.work.tiles // plan.work.units, plan.fixed["count"])
        results = {
            "lower": jax.ShapeDtypeStruct(data.shape if wanted[0] else (0,), plan.compute),
            "sums": jax.ShapeDtypeStruct(sums if wanted[1] else (0,), plan.number if plan.transform is None else "f8"),
        }
        found = both(plan.backward(beside=False), plan, {**images(data, given), **flags, "upper": out_grad}, results)
        grads = []
        if wanted[0]:
            grads.append(found["lower"])
        if wanted[1]:
            axes = (1,) if plan.transform is None else (1, 2)
            axes = axes if len(given) == samples else (0, *axes)
            grads.append(found["sums"].sum(axes).astype(given.dtype).reshape(given.shape))
        return grads
