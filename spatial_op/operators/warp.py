"""The warp of images, by a transform or along a grid: from checked arrays to kernel calls, forward and backward."""

import contextlib
import functools
import math

import numpy as np

from .. import check
from ..dtypes import DTYPES
from .coordinates import changes, fixed_of, gradient, number_of, room, values_of
from .engine import kernels
from .memory import (
    CHANNELS_SECOND,
    as_rows,
    clear,
    empty,
    hand_over,
    laid_out,
    made_once,
    pixels_of,
    plain,
    side_by_side,
    usable,
    working,
)
from .outside import inside, outside

DIMENSIONS = {2: ("h", "w"), 3: ("d", "h", "w")}


class Plan:
    """What calls of an operator have in common if their arrays have the same shapes and dtypes.

    ``transform`` is the row for parameters, or None for a grid, whose ``points`` say whether their coordinates stand side by
    side, and whether they are moved inside first; ``rows`` are those of sampler and padding.
    """

    def __init__(self, shape, given_shape, target, dtype, given_dtype, transform, rows, edge, points=(False, False)):
        self.source, self.target, self.edge = shape[2:], target, edge
        self.dtype, self.compute = dtype, DTYPES[dtype]
        self.shape, self.transform, self.rows, self.points = shape[:2] + target, transform, rows, points
        self.number, self.count = number_of(transform, given_dtype), given_shape[1] if transform else 0
        self.nothing = 0 in self.shape
        self.beside_too = len(target) == 2  # volumes are sampled in place, where channels are planes

    @made_once
    def fixed(self):
        """What kernels are given that depends on sizes only; whoever asks for a shape alone needs none of it."""
        sampler, padding = self.rows
        values = {"samples": self.shape[0], "channels": self.shape[1]}
        for name, size, size_out in zip(DIMENSIONS[len(self.source)], self.source, self.target):
            values[name], values[f"{name}_out"] = size, size_out
        values |= outside(padding, sampler, self.source, self.edge)
        if self.points[1]:
            values |= inside(padding, self.source, self.edge)
        values |= fixed_of(self.transform, self.count, self.source, self.target, self.edge)
        return kernels("kernel").Fixed(values)

    @made_once
    def work(self):
        """How the work is divided."""
        return kernels("build").work_of(self.shape)

    @made_once
    def key(self):
        """What kernels depend on."""
        build = kernels("build")
        formula = build.formula(self.transform) if self.transform else build.Points(*self.points)
        return len(self.source), formula, self.number, self.rows[0], self.compute.str[1:]

    @made_once
    def pairs(self):
        """Kernels by windows and in place, by what they do and whether channels lie beside each other."""
        return {}

    def forward(self, beside):
        """Kernels that sample, by windows and in place."""
        if ("forward", beside) not in self.pairs:
            build = kernels("build")
            self.pairs["forward", beside] = build.forward(*self.key, self.work.group, self.work.few, beside)
        return self.pairs["forward", beside]

    def backward(self, beside):
        """Kernels that pull gradients back, likewise."""
        if ("backward", beside) not in self.pairs:
            self.pairs["backward", beside] = kernels("build").backward(*self.key, self.work.group, beside)
        return self.pairs["backward", beside]

    @made_once
    def push(self):
        """The kernel that adds what a change of the coordinates does."""
        return None, kernels("build").push(*self.key)

    def run(self, pair, threads, given, planes=None):
        """Do a tile by way of a window where that pays, and in place what is left over.

        In place, channels are planes. If they lie beside each other instead, ``planes()`` gives those arrays otherwise, and
        takes back what is written.
        """
        by_windows, in_place = pair
        if "functions" in self.fixed:
            given |= room(self.fixed, threads)
        if by_windows is None:
            given["todo"] = np.ones(self.work.tiles, np.uint8)
        else:
            given["todo"] = np.empty(self.work.tiles, np.uint8)
            by_windows(threads, given, self.fixed)
            if 1 not in given["todo"].tobytes():
                return
            given["add_data"] = True
        with planes() if planes else contextlib.nullcontext({}) as others:
            in_place(threads, {**given, **others}, self.fixed)


plan_of = functools.lru_cache(maxsize=256)(Plan)

# The plans of calls that have passed all checks, by what these look at.
KNOWN = {}


def recall(data, given, params, rows):
    """What the checks of a call look at, shapes, dtypes, and its other arguments with their types; and the plan of such a call, if one passed.

    Both are None if the call is not a plain one. ``rows`` are those of the tables that the arguments name; a plan keeps its
    rows, so that their identities stay theirs.
    """
    if type(data) is not np.ndarray or type(given) is not np.ndarray:
        return None, None
    facts = (
        data.shape, data.dtype, given.shape, given.strides, given.dtype, params, *map(type, params), *map(id, rows),
        *(map(type, params[0]) if type(params[0]) is tuple else ()),
    )  # fmt: skip
    try:
        return facts, KNOWN.get(facts)
    except TypeError:  # an argument such as a list has no hash
        return None, None


def remember(facts, plan):
    """Spare the checks of the next call of this kind."""
    if facts is not None:
        if len(KNOWN) >= 1024:
            KNOWN.clear()
        KNOWN[facts] = plan
    return plan


def planned(name, data, given, target_shape, transform, rows, align_corners, inside=False):
    """The plan of a call whose arrays have been checked."""
    check.result(name, "the result", data.shape[:2] + target_shape)
    dtype = data.dtype.newbyteorder("=")
    points = transform is None and side_by_side(given), inside
    shape = given.shape if transform is None else (len(given), math.prod(given.shape[1:]))
    return plan_of(data.shape, shape, target_shape, dtype, given.dtype, transform, rows, not align_corners, points)


class WarpCall:
    """One call of an operator that samples ``data`` at coordinates that its second input says; the arrays have been checked."""

    def __init__(self, name, inputs, plan):
        self.name, self.inputs, self.plan = name, inputs, plan
        self.shape, self.dtype = plan.shape, plan.dtype

    @made_once
    def coordinates(self):
        """What kernels are given of coordinates."""
        _, given = self.inputs.values()
        return values_of(self.plan.transform, self.ordered(given), self.plan.number)

    def ordered(self, given):
        """A grid, or its gradient, with its axes in the order in which kernels take its numbers; parameters as rows."""
        if self.plan.transform is not None:
            return as_rows(given)
        return pixels_of(given, self.plan.points[0])

    @made_once
    def beside(self):
        """Whether the channels of images lie beside each other, also in what is written."""
        return self.plan.beside_too and side_by_side(self.inputs["data"])

    def images(self, data, beside=False):
        """What kernels are given of images: their pixels, and how far samples and channels are apart."""
        pixels, apart = laid_out(pixels_of(data, beside), self.plan.compute, 1 if beside else 2)
        return {"pixels": pixels, "image_step": apart[0], "channel_step": 1 if beside else apart[1], **self.coordinates}

    @made_once
    def known(self):
        """What all kernels are given."""
        return self.images(self.inputs["data"], self.beside)

    def planes(self, written, **read):
        """Arrays whose channels lie beside each other, as planes, for as long as it takes to write to one of them."""

        @contextlib.contextmanager
        def taken_apart():
            data = np.ascontiguousarray(self.inputs["data"])
            (name, array), *_ = written.items()
            planar = np.ascontiguousarray(array)
            yield {
                **self.images(data),
                **{key: np.ascontiguousarray(value) for key, value in read.items()},
                name: planar,
            }
            array[...] = planar

        return taken_apart if self.beside else None

    def forward(self, out=None):
        """Sample; write to ``out`` if it is given."""
        if out is None:
            out = empty(self.shape, self.dtype, self.beside)
        else:
            check.output(self.name, "out", out, self.shape, self.dtype, self.inputs)
        if 0 in self.shape:
            return out
        direct = working(out, self.plan.compute, beside=self.beside)
        self.sample(self.known, direct, self.beside)
        hand_over(direct, out)
        return out

    def sample(self, images, out, beside):
        """Write samples of images to ``out``."""
        plan = self.plan
        threads = kernels("threads").threads_for(plan.work.tiles, plan.work.elements)
        given = {**images, "out": pixels_of(out, beside)}
        plan.run(plan.forward(beside), threads, given, self.planes({"out": out}) if beside else None)

    def tangent(self, tangents):
        """How the result changes when the inputs change by ``tangents``, of which some may be None."""
        plan, (data_tangent, given_tangent) = self.plan, tangents
        out = np.zeros(self.shape, plan.compute)
        if not plan.nothing and data_tangent is not None:
            self.sample(self.images(data_tangent), out, False)
        if not plan.nothing and given_tangent is not None:
            threads = kernels("threads").threads_for(plan.work.tiles, plan.work.elements)
            change = changes(plan.transform, self.ordered(given_tangent), plan.number)
            plan.run(plan.push, threads, {**self.images(self.inputs["data"]), **change, "out": out})
        with np.errstate(over="ignore"):  # what float16 cannot hold becomes infinite, as everywhere
            return out.astype(self.dtype, copy=False)

    def backward(self, out_grad, grads, add):
        """Write the gradients to those of the arrays ``grads`` that are not None, or add them where ``add`` says so."""
        plan, beside, (grad_data, grad_given) = self.plan, self.beside, grads
        if plan.nothing:
            return clear(grads, add)
        lower = np.empty((0,) * len(self.shape), plan.compute)
        if grad_data is not None:
            lower = working(grad_data, plan.compute, add[0], beside)
        upper = plain(pixels_of(out_grad, beside), plan.compute)
        threads, bands = kernels("build").backward_split(plan.work, kernels("threads").threads_for)
        if grad_given is not None and plan.transform is None:
            grad_given = self.ordered(grad_given)
        parts = self.parts(grad_given, add[1])
        given = {
            **self.known, "upper": upper, "lower": pixels_of(lower, beside), "sums": parts, "bands": bands,
            "want_data": grad_data is not None, "add_data": add[0], "want_values": grad_given is not None,
        }  # fmt: skip
        planes = self.planes({"lower": lower}, upper=upper.transpose(CHANNELS_SECOND[upper.ndim])) if beside else None
        plan.run(plan.backward(beside), threads, given, planes)
        if grad_data is not None:
            hand_over(lower, grad_data)
        if grad_given is None or np.may_share_memory(parts, grad_given):
            return
        with np.errstate(over="ignore", invalid="ignore"):  # gradients that are infinite or no numbers are results too
            if plan.transform is not None:
                grad = gradient(plan.transform, parts.sum(axis=(1, 2))).reshape(grad_given.shape)
            else:  # one part is the gradient; NumPy's sum of it would lose the sign of a zero
                grad = parts[:, 0] if parts.shape[1] == 1 else parts.sum(axis=1)
            grad_given[...] = grad + grad_given if add[1] else grad

    def parts(self, grad, add):
        """Room for the second input's gradient in parts: by blocks of channels and, for parameters, by tiles."""
        plan = self.plan
        samples, blocks = self.shape[0], plan.work.units // self.shape[0]
        if grad is None:
            return np.empty(0)
        if plan.transform is not None:
            return np.empty((samples, blocks, plan.work.tiles // plan.work.units, plan.fixed["count"]))
        if blocks == 1 and not add and usable(grad, np.dtype(plan.number)):
            return grad[:, None]
        return np.empty((samples, blocks, *grad.shape[1:]), plan.number)
