"""PyTorch: tensors in, tensors out, with gradients in both modes, ``torch.func`` and ``torch.compile``.

There are two ways to register an operator and each lacks something. ``torch.autograd.Function`` does all but
``torch.compile``; ``torch.library.custom_op`` compiles, but ignores tangents. So eager code takes the first and
compiled code the second, where a tangent is refused.

Tensors share their memory with the arrays that are computed with.
"""

from functools import partial

import torch
from torch.autograd import Function, forward_ad

from ..operators.table import OPERATORS
from .calls import describe, from_text, given, no_out, of_one_kind, pull, push, second_order, to_text


def apply(op, inputs, out, name, params):
    """The operator on tensors."""
    no_out(op, out, "tensors")
    inputs = given(op, inputs)
    of_one_kind(op, inputs, torch.Tensor, "torch.as_tensor")
    for argument, value in zip(op.operator.inputs, inputs):
        if value.device.type not in ("cpu", "meta"):
            raise TypeError(
                f"{op.__name__}: {argument} is on {value.device}, expected a tensor on the CPU; move it with {argument}.cpu()."
            )
    result_dtype = None
    if torch.is_autocast_enabled("cpu"):
        inputs = widened(inputs)
    elif any(value.dtype == torch.bfloat16 for value in inputs):  # which NumPy does not have
        result_dtype, inputs = inputs[0].dtype, widened(inputs)
    if torch.compiler.is_compiling() or any(without_numbers(value) for value in inputs):
        result = compiled(op, inputs, params)
    else:
        result = Forward.apply(op, params, *inputs)
    return result if result_dtype is None else result.to(result_dtype)


def widened(inputs):
    """The inputs as float32 or, if one of them is, as float64."""
    dtype = torch.float64 if any(value.dtype == torch.float64 for value in inputs) else torch.float32
    return tuple(value.to(dtype) for value in inputs)


def without_numbers(value):
    """Whether a tensor has a shape and nothing else."""
    return value.is_meta or isinstance(value, torch._subclasses.FakeTensor)


def arrays(tensors):
    """The same memory as NumPy's arrays."""
    return [tensor.detach().numpy() for tensor in tensors]


class Forward(Function):
    """An operator."""

    @staticmethod
    def forward(op, params, *inputs):
        """The result."""
        return torch.from_numpy(op.operator.prepare(*arrays(inputs), **params).forward())

    @staticmethod
    def setup_context(ctx, inputs, output):
        """Keep what derivatives need."""
        ctx.op, ctx.params, *inputs = inputs
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx, out_grad):
        """Gradients of the inputs that need one."""
        wanted = ctx.needs_input_grad[2:]
        grads = iter(Pull.apply(ctx.op, ctx.params, wanted, out_grad, *ctx.saved_tensors))
        return None, None, *(next(grads) if want else None for want in wanted)

    @staticmethod
    def jvp(ctx, _, __, *tangents):
        """The result's tangent."""
        which = tuple(tangent is not None for tangent in tangents)
        tangents = (tangent for tangent in tangents if tangent is not None)
        return Push.apply(ctx.op, ctx.params, which, *ctx.saved_tensors, *tangents)

    @staticmethod
    def vmap(info, in_dims, op, params, *inputs):
        """More samples; or one call after the other, if inputs that they share differ."""
        labels = op.operator.inputs[: len(inputs)]
        run = partial(Forward.apply, op, params)
        return mapped(info, in_dims[2:], inputs, [label in op.operator.shared for label in labels], run, False)


class Pull(Function):
    """Gradients of those inputs that are wanted."""

    @staticmethod
    def forward(op, params, wanted, out_grad, *inputs):
        """The gradients."""
        return tuple(map(torch.from_numpy, pull(op, arrays(inputs), params, wanted, *arrays([out_grad]))))

    @staticmethod
    def setup_context(ctx, inputs, output):
        """Keep what derivatives need."""
        ctx.op, ctx.params, ctx.wanted, _, *inputs = inputs
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx, *cotangents):
        """Gradients are linear in what they are pulled back from."""
        names = [name for name, want in zip(ctx.op.operator.inputs, ctx.wanted) if want]
        along = {name: value for name, value in zip(names, cotangents) if value is not None}
        second_order(ctx.op, chosen(ctx.op, ctx.needs_input_grad[4:]), along)
        grad = None
        if along and ctx.needs_input_grad[3]:
            which = tuple(name in along for name in ctx.op.operator.inputs[: len(ctx.wanted)])
            grad = Push.apply(ctx.op, ctx.params, which, *ctx.saved_tensors, *along.values())
        return None, None, None, grad, *(None for _ in ctx.wanted)

    @staticmethod
    def jvp(ctx, _, __, ___, out_grad, *tangents):
        """The same, forwards."""
        second_order(ctx.op, chosen(ctx.op, (tangent is not None for tangent in tangents)), chosen(ctx.op, ctx.wanted))
        if out_grad is None:
            return tuple(torch.zeros_like(value) for value, want in zip(ctx.saved_tensors, ctx.wanted) if want)
        return Pull.apply(ctx.op, ctx.params, ctx.wanted, out_grad, *ctx.saved_tensors)

    @staticmethod
    def vmap(info, in_dims, op, params, wanted, *tensors):
        """More samples, unless gradients that they share are wanted."""
        labels = op.operator.inputs[: len(wanted)]
        shared = [label in op.operator.shared for label in labels]
        apart = any(want and share for want, share in zip(wanted, shared))
        run = partial(Pull.apply, op, params, wanted)
        return mapped(info, in_dims[3:], tensors, [False, *shared], run, apart)


class Push(Function):
    """How the result changes along tangents of some inputs."""

    @staticmethod
    def forward(op, params, which, *tensors):
        """The result's tangent."""
        inputs, along = tensors[: len(which)], iter(arrays(tensors[len(which) :]))
        tangents = [next(along) if has else None for has in which]
        return torch.from_numpy(push(op, arrays(inputs), params, tangents))

    @staticmethod
    def setup_context(ctx, inputs, output):
        """Keep what derivatives need."""
        ctx.op, ctx.params, ctx.which, *tensors = inputs
        tensors = tensors[: len(ctx.which)]
        ctx.save_for_backward(*tensors)
        ctx.save_for_forward(*tensors)

    @staticmethod
    def backward(ctx, out_grad):
        """A tangent is linear in those that it comes from."""
        count = 3 + len(ctx.which)
        second_order(ctx.op, chosen(ctx.op, ctx.needs_input_grad[3:count]), chosen(ctx.op, ctx.which))
        grads = Pull.apply(ctx.op, ctx.params, ctx.which, out_grad, *ctx.saved_tensors)
        return *(None for _ in range(count)), *grads

    @staticmethod
    def jvp(ctx, _, __, ___, *tangents):
        """The same, forwards."""
        moved, along = tangents[: len(ctx.which)], tangents[len(ctx.which) :]
        second_order(ctx.op, chosen(ctx.op, (tangent is not None for tangent in moved)), chosen(ctx.op, ctx.which))
        inputs = (value for value, has in zip(ctx.saved_tensors, ctx.which) if has)
        along = (torch.zeros_like(value) if tangent is None else tangent for value, tangent in zip(inputs, along))
        return Push.apply(ctx.op, ctx.params, ctx.which, *ctx.saved_tensors, *along)

    @staticmethod
    def vmap(info, in_dims, op, params, which, *tensors):
        """More samples; or one call after the other, if inputs that they share differ."""
        labels = op.operator.inputs[: len(which)]
        shared = [label in op.operator.shared for label in labels]
        shared += [share for share, has in zip(shared, which) if has]
        return mapped(info, in_dims[3:], tensors, shared, partial(Push.apply, op, params, which), False)


def chosen(op, flags):
    """Names of those inputs that are marked."""
    return [name for name, flag in zip(op.operator.inputs, flags) if flag]


def mapped(info, in_dims, tensors, shared, run, apart):
    """A call for each entry of a further axis: as one with more samples, or ``apart``."""
    size = info.batch_size
    if apart or any(share and dim is not None for share, dim in zip(shared, in_dims)):
        results = [
            run(*(value if dim is None else value.select(dim, entry) for value, dim in zip(tensors, in_dims)))
            for entry in range(size)
        ]
        if isinstance(results[0], tuple):
            return tuple(map(torch.stack, zip(*results))), (0,) * len(results[0])
        return torch.stack(results), 0
    folded, samples = [], 0
    for value, dim, share in zip(tensors, in_dims, shared):
        if not share:
            value = value.expand(size, *value.shape) if dim is None else value.movedim(dim, 0)
            samples = value.shape[1]
            value = value.flatten(0, 1)
        folded.append(value)
    result = run(*folded)
    if isinstance(result, tuple):
        return tuple(value.unflatten(0, (size, samples)) for value in result), (0,) * len(result)
    return result.unflatten(0, (size, samples)), 0


def compiled(op, inputs, params):
    """The operator as one node of a graph."""
    if any(forward_ad.unpack_dual(value).tangent is not None for value in inputs):
        raise NotImplementedError(
            f"{op.__name__}: forward mode was asked for in compiled code, expected reverse mode there; call it outside torch.compile."
        )
    missing = (None,) * (len(op.operator.inputs) - len(inputs))
    return getattr(torch.ops.spatial_op, op.__name__)(*inputs, *missing, to_text(params))


def register(op):
    """Make ``torch.ops.spatial_op.<name>`` and, for its gradients, ``<name>_backward``."""
    name, labels, optional = op.__name__, op.operator.inputs, op.operator.optional
    types = ["Tensor"] * (len(labels) - optional) + ["Tensor?"] * optional
    signature = ", ".join(f"{kind} {label}" for kind, label in zip(types, labels))

    def forward(*arguments):
        *inputs, params = arguments
        return torch.from_numpy(op.operator.prepare(*arrays(given(op, inputs)), **from_text(params)).forward())

    def fake(*arguments):
        *inputs, params = arguments
        inputs = given(op, inputs)
        shape = result_shape(op, inputs, from_text(params))
        return inputs[0].new_empty(shape)

    def pull_back(out_grad, *arguments):
        *inputs, params, wanted = arguments
        grads = pull(op, arrays(given(op, inputs)), from_text(params), wanted, *arrays([out_grad]))
        return list(map(torch.from_numpy, grads))

    def fake_pull_back(out_grad, *arguments):
        *inputs, _, wanted = arguments
        return [value.new_empty(value.shape) for value, want in zip(inputs, wanted) if want]

    def setup_context(ctx, inputs, output):
        *inputs, ctx.params = inputs
        ctx.save_for_backward(*inputs)

    def backward(ctx, out_grad):
        wanted = list(ctx.needs_input_grad[: len(labels)])
        grads = iter(backward_operator(out_grad, *ctx.saved_tensors, ctx.params, wanted))
        return *(next(grads) if want else None for want in wanted), None

    backward_operator = torch.library.custom_op(
        f"spatial_op::{name}_backward", pull_back, mutates_args=(),
        schema=f"(Tensor out_grad, {signature}, str params, bool[] wanted) -> Tensor[]",
    )  # fmt: skip
    backward_operator.register_fake(fake_pull_back)
    operator = torch.library.custom_op(
        f"spatial_op::{name}", forward, mutates_args=(), schema=f"({signature}, str params) -> Tensor"
    )
    operator.register_fake(fake)
    operator.register_autograd(backward, setup_context=setup_context)


def result_shape(op, inputs, params):
    """The result's shape, from the inputs' shapes and dtypes."""
    dtypes = (str(value.dtype).removeprefix("torch.") for value in inputs)
    return describe(op, [tuple(map(int, value.shape)) for value in inputs], dtypes, params)[0]


for operator_function in OPERATORS.values():
    register(operator_function)
