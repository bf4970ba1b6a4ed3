"""The warp of images, by a transform or along a grid: from checked arrays to kernel calls, forward and backward."""

import contextlib
import functools

import numpy as np

from .. import check
from ..dtypes import smooth
from .coordinates import changes, gradient, values_of
from .engine import kernels
from .memory import (
    CHANNELS_SECOND,
    as_rows,
    bytes_of,
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
from .samples import pull_slopes, with_slopes

# Gradients of a grid that is that of all images are kept for so many of them, and added, before the next ones are computed.
PARTS = 16


class WarpCall:
    """One call of an operator that samples ``data`` at coordinates that its second input says; the arrays have been checked."""

    def __init__(self, name, inputs, plan):
        self.name, self.inputs, self.plan = name, inputs, plan
        self.shape, self.dtype = plan.shape, plan.dtype

    @made_once
    def coordinates(self):
        """What kernels are given of coordinates."""
        _, given = self.inputs.values()
        return values_of(self.plan.transform, self.pointed(given), self.plan.number)

    def ordered(self, given):
        """A grid, or its gradient, with its axes in the order in which kernels take its numbers; parameters as rows."""
        if self.plan.transform is not None:
            return as_rows(given)
        return pixels_of(given, self.plan.points[0])

    def pointed(self, given):
        """What kernels take of a grid, or of how it changes: with its slopes, if pixels have several samples; parameters as rows."""
        given = self.ordered(given)
        plan = self.plan
        return with_slopes(given, plan.number, plan.fine) if plan.fine and plan.transform is None else given

    @made_once
    def beside(self):
        """Whether the channels of images lie beside each other, also in what is written."""
        return self.plan.beside_too and side_by_side(self.inputs["data"])

    def images(self, data, beside=False):
        """What kernels are given of images: their pixels, and how far samples and channels are apart."""
        pixels, apart = laid_out(bytes_of(pixels_of(data, beside)), self.plan.stored, 1 if beside else 2)
        return {
            "pixels": pixels,
            "image_step": apart[0] if len(data) > 1 else 0,
            "channel_step": 1 if beside else apart[1],
            **self.coordinates,
        }

    @made_once
    def known(self):
        """What all kernels are given."""
        data, given = self.inputs.values()
        beside = self.plan.lying(data, given)
        if beside is not None:
            return {"pixels": pixels_of(data, beside), "numbers": given, **self.plan.steps[beside]}
        return self.images(data, self.beside)

    def planes(self, written, **read):
        """A function that gives arrays whose channels lie beside each other, as planes, for as long as it takes to write to one of them."""
        return functools.partial(self.taken_apart, written, read) if self.beside else None

    @contextlib.contextmanager
    def taken_apart(self, written, read):
        """These planes."""
        data = np.ascontiguousarray(self.inputs["data"])
        (name, array), *_ = written.items()
        planar = np.ascontiguousarray(array)
        yield {
            **self.images(data),
            **{key: np.ascontiguousarray(value) for key, value in read.items()},
            name: planar,
        }
        array[...] = planar

    def forward(self, out=None):
        """Sample; write to ``out`` if it is given."""
        plan = self.plan
        if out is None and plan.small:
            beside = plan.lying(*self.inputs.values())
            if beside is not None:
                return self.at_once(beside)
        beside = self.beside
        if out is None:
            out = empty(self.shape, self.dtype, beside)
        else:
            check.output(self.name, "out", out, self.shape, self.dtype, self.inputs)
        if plan.nothing:
            return out
        direct = working(bytes_of(out), plan.written, beside=beside)
        self.sample(self.known, direct, beside)
        hand_over(direct, bytes_of(out))
        return out

    def at_once(self, beside):
        """The result of a small call, whose arrays kernels read as they are."""
        plan, (data, given) = self.plan, self.inputs.values()
        out = empty(self.shape, self.dtype, beside)
        known = {"pixels": pixels_of(data, beside), "numbers": given, "out": pixels_of(out, beside)}
        planes = self.planes({"out": out}) if beside else None
        plan.run(plan.forward(beside), 1, known, planes, plan.packed[beside])
        return out

    def sample(self, images, out, beside):
        """Write samples of images to ``out``."""
        plan = self.plan
        given = {**images, "out": pixels_of(out, beside)}
        plan.run(plan.forward(beside), plan.threads(), given, self.planes({"out": out}) if beside else None)

    @made_once
    def linear(self):
        """The same call without a fill: what the result's derivatives along images are."""
        return self if self.plan.fill is None else WarpCall(self.name, self.inputs, self.plan.linear)

    def tangent(self, tangents):
        """How the result changes when the inputs change by ``tangents``, of which some may be None."""
        data_tangent, given_tangent = tangents
        out = np.zeros(self.shape, self.plan.compute)
        if not self.plan.nothing and data_tangent is not None:
            self.linear.sample(self.images(data_tangent), out, False)
        self.push(out, self.inputs["data"], given_tangent)
        return self.converted(out)

    def second_tangent(self, tangents, others):
        """How that changes when the inputs change by ``others``, of which some may be None."""
        (data_tangent, given_tangent), (data_other, given_other) = tangents, others
        out = np.zeros(self.shape, self.plan.compute)
        self.linear.push(out, data_tangent, given_other)
        self.linear.push(out, data_other, given_tangent)
        self.push(out, self.inputs["data"], given_tangent, given_other)
        return self.converted(out)

    def push(self, out, data, *tangents):
        """Add how samples of ``data`` change along one or two changes of the second input, if nothing of these is None."""
        plan = self.plan
        if plan.nothing or any(array is None for array in (data, *tangents)):
            return
        given = {**self.images(data), **changes(plan.transform, plan.number, *map(self.pointed, tangents)), "out": out}
        kernel = kernels("build").push(*plan.key, moving=len(tangents))
        plan.run((None, kernel), plan.threads(), given)

    def converted(self, out):
        """In the dtype of the result's tangents."""
        with np.errstate(over="ignore"):  # what float16 cannot hold becomes infinite, as everywhere
            return out.astype(smooth(self.dtype), copy=False)

    def backward(self, out_grad, grads, add):
        """Write the gradients to those of the arrays ``grads`` that are not None, or add them where ``add`` says so."""
        if self.plan.nothing:
            return clear(grads, add)
        for call, part, more in self.portions(grads, add):
            pair, some = call.plan.backward(call.beside), of_part(grads, part)
            call.pull(pair, call.known, call.beside, out_grad[part], some, more)

    def backward_tangent(self, out_grad, tangents, grads, add):
        """Write, or add, how the gradients that ``backward`` writes change when the inputs change by ``tangents``, of which some may be None."""
        for call, part, more in self.portions(grads, add):
            call.pull_tangent(out_grad[part], of_part(tangents, part), of_part(grads, part), more)

    def portions(self, grads, add):
        """The call; or, if all images share a grid whose gradient is wanted, calls for some of them, and which these are."""
        plan, (data, given) = self.plan, self.inputs.values()
        if plan.nothing or plan.transform is not None or grads[1] is None or len(given) == self.shape[0]:
            yield self, slice(None), add
            return
        step = max(1, PARTS * self.shape[0] // plan.work.units)
        for first in range(0, self.shape[0], step):
            part = slice(first, first + step)
            inputs = dict(zip(self.inputs, (data[part], given)))
            call = WarpCall(self.name, inputs, plan.of_batch(len(data[part])))
            yield call, part, (add[0], add[1] or first > 0)

    def pull_tangent(self, out_grad, tangents, grads, add):
        """``backward_tangent`` for all images."""
        plan, (data_tangent, given_tangent) = self.plan, tangents
        if not plan.nothing and data_tangent is not None and grads[1] is not None:  # in which this gradient is linear
            self.linear.pull(plan.backward(False), self.images(data_tangent), False, out_grad, (None, grads[1]), add)
            add = add[0], True
        if plan.nothing or given_tangent is None:
            return clear(grads, add)
        known = {
            **self.images(self.inputs["data"]),
            **changes(plan.transform, plan.number, self.pointed(given_tangent)),
        }
        kernel = kernels("build").backward_in_place(*plan.key, moving=1)
        self.pull((None, kernel), known, False, out_grad, grads, add)

    def pull(self, pair, known, beside, out_grad, grads, add):
        """Run kernels that write gradients."""
        plan, (grad_data, grad_given) = self.plan, grads
        if grad_data is None:
            lower = np.empty((0,) * len(self.shape), plan.compute)
        else:
            lower = working(grad_data, plan.compute, add[0], beside)
        upper = plain(pixels_of(out_grad, beside), plan.compute)
        threads, bands = kernels("build").backward_split(plan.work, plan.shared, kernels("threads").threads_for)
        if grad_given is not None and plan.transform is None:
            grad_given = self.ordered(grad_given)
        parts = self.parts(grad_given, add[1])
        given = {
            **known, "upper": upper, "lower": pixels_of(lower, beside), "sums": parts, "bands": bands,
            "want_data": grad_data is not None, "add_data": add[0], "want_values": grad_given is not None,
        }  # fmt: skip
        planes = self.planes({"lower": lower}, upper=upper.transpose(CHANNELS_SECOND[upper.ndim])) if beside else None
        plan.run(pair, threads, given, planes)
        if grad_data is not None:
            hand_over(lower, grad_data)
        if grad_given is None or (plan.transform is None and np.may_share_memory(parts, grad_given)):
            return
        with np.errstate(over="ignore", invalid="ignore"):  # gradients that are infinite or no numbers are results too
            if plan.transform is not None:
                single = parts.shape[1] == parts.shape[2] == 1  # a sum of one takes tiny calls long
                total = parts[:, 0, 0] if single else parts.sum(axis=(1, 2))
                grad = gradient(plan.transform, together(total, grad_given)).reshape(grad_given.shape)
            else:  # one part is the gradient; NumPy's sum of it would lose the sign of a zero
                grad = together(parts[:, 0] if parts.shape[1] == 1 else parts.sum(axis=1), grad_given)
                grad = pull_slopes(grad) if plan.fine else grad
            grad_given[...] = grad + grad_given if add[1] else grad

    def parts(self, grad, add):
        """Room for the second input's gradient in parts: by blocks of channels and, for parameters, by tiles."""
        plan = self.plan
        samples, blocks = self.shape[0], plan.work.units // self.shape[0]
        if grad is None:
            return np.empty(0)
        if plan.transform is not None:
            return np.empty((samples, blocks, plan.work.tiles // plan.work.units, plan.fixed["count"]))
        if plan.fine:
            axes = grad.shape[1]
            return np.empty((samples, blocks, axes * (1 + axes), *grad.shape[2:]), plan.number)
        if blocks == 1 and not add and len(grad) == samples and usable(grad, np.dtype(plan.number)):
            return grad[:, None]
        return np.empty((samples, blocks, *grad.shape[1:]), plan.number)


def together(grads, given):
    """Gradients of the samples, or their sum if the samples share what is differentiated by."""
    return grads if len(grads) == len(given) else grads.sum(axis=0, keepdims=True)


def of_part(arrays, part):
    """Of what belongs to the images those of a part of the batch, and all of what belongs to the grid."""
    data, given = arrays
    return None if data is None else data[part], given
