"""PyTorch, compiled: the operators of the table as nodes of a graph, ``torch.ops.spatial_op.<name>``."""

import itertools

import numpy as np
import torch
from torch.autograd import forward_ad

from ..dtypes import PARTS, smooth
from ..operators.table import OPERATORS, PREPARATIONS
from .calls import curved, describe, from_text, given, plain, prepared, pull, pull_tangent, push, spelled
from .torch_tensors import WORDS, arrays, mapped, present, spread

# Stands for an integer in the text of an operator's parameters.
NUMBER = "#"


def compiled(op, inputs, params):
    """The operator as one node of a graph; sizes are tensors to ``torch.jit.trace``, which keeps lists of integers as constants."""
    no_tangents(op, inputs)
    missing = (None,) * (len(op.operator.inputs) - len(inputs))
    text, numbers = taken_apart(params)
    node = getattr(torch.ops.spatial_op, op.__name__)
    if any(isinstance(number, torch.Tensor) for number in numbers):
        sizes = [one if isinstance(one, torch.Tensor) else torch.full((), one) for one in numbers]
        return node.sized(*inputs, *missing, text, torch.stack(sizes))
    return node.default(*inputs, *missing, text, numbers)


def no_tangents(op, inputs):
    """Refuse tangents, which a node of a graph would drop."""
    if any(forward_ad.unpack_dual(value).tangent is not None for value in inputs):
        raise NotImplementedError(
            f"{op.__name__}: forward mode was asked for in compiled code, expected reverse mode there; call it outside torch.compile."
        )


def taken_apart(params):
    """Parameters as text and the integers in it, which may be symbols while code is compiled."""
    numbers = []

    def marked(value):
        if isinstance(value, (tuple, list)):
            return tuple(marked(entry) for entry in value)
        if isinstance(value, torch.Tensor) and value.ndim:
            return marked(value.unbind())
        if isinstance(value, (int, torch.SymInt, torch.Tensor)) and not isinstance(value, bool):
            numbers.append(value)
            return NUMBER
        value = spelled(
            value if isinstance(value, float) else plain(value)
        )  # of a float that may vary, a compiler asks no more
        return marked(value) if isinstance(value, (int, tuple)) and not isinstance(value, bool) else value

    return repr({key: marked(value) for key, value in params.items()}), numbers


def put_together(text, numbers):
    """The parameters again; of no numbers AOTInductor makes None."""
    numbers = iter(numbers or ())

    def filled(value):
        if isinstance(value, tuple):
            return tuple(filled(entry) for entry in value)
        return next(numbers) if value == NUMBER else value

    return {key: filled(value) for key, value in from_text(text).items()}


def result(op, inputs, params, numbers):
    """The result without its numbers; what is wrong with the example's sizes is raised, and nothing else is known of symbols."""
    shapes = [tuple(value.shape) for value in inputs]
    examples = [tuple(map(example, shape)) for shape in shapes], list(map(example, numbers or ()))
    symbols = [size for size in itertools.chain(*shapes, numbers or ()) if isinstance(size, torch.SymInt)]
    if None not in itertools.chain(*examples[0], examples[1]):
        dtypes = (str(value.dtype).removeprefix("torch.") for value in inputs)
        shape = describe(op, examples[0], dtypes, put_together(params, examples[1]), WORDS)[0]
    if symbols:
        shape = op.operator.result(dict(zip(op.operator.inputs, shapes)), **put_together(params, numbers))
    return inputs[0].new_empty(shape, dtype=dtype_of(inputs[0], params))


def dtype_of(data, params):
    """That of the images or that is asked for, but for the coverage of integers and complex numbers, which is real."""
    if data.is_floating_point():
        return data.dtype
    words = from_text(params)
    if words.get("coverage") != "only":
        return getattr(torch, words["out_dtype"]) if words.get("out_dtype") else data.dtype
    found = np.dtype(str(data.dtype).removeprefix("torch."))
    return getattr(torch, str(smooth(PARTS.get(found, found))))


def example(size):
    """The number that a symbol stands for while code is compiled, without making the code one for this number; or None."""
    return size.node.hint if isinstance(size, torch.SymInt) else size


def register(op):
    """Make ``torch.ops.spatial_op.<name>``, its form with ``sizes`` in a tensor and, for its gradients, ``<name>_backward``."""
    name, labels, optional = op.__name__, op.operator.inputs, op.operator.optional
    types = ["Tensor"] * (len(labels) - optional) + ["Tensor?"] * optional
    signature = ", ".join(f"{kind} {label}" for kind, label in zip(types, labels))

    def forward(*arguments):
        *inputs, params, numbers = arguments
        inputs = given(op, inputs)
        if forward_ad._current_level >= 0:  # the compiler saw none of those that come from outside
            with torch._C._PreserveDispatchKeyGuard():  # nor are they seen below what differentiates
                torch._C._dispatch_tls_set_dispatch_key_excluded(torch._C.DispatchKey.ADInplaceOrView, False)
                no_tangents(op, inputs)
        call = prepared(op, arrays(inputs), put_together(params, numbers), WORDS)
        out = np.empty(call.shape, call.dtype)  # laid out as the fake one, however the images are
        return torch.from_numpy(call.forward(out))

    def fake(*arguments):
        *inputs, params, numbers = arguments
        return result(op, given(op, inputs), params, numbers)

    def pull_back(out_grad, *arguments):
        *inputs, params, numbers, wanted = arguments
        params = put_together(params, numbers)
        grads = pull(op, arrays(given(op, inputs)), params, wanted, *arrays([out_grad]))
        return [torch.from_numpy(np.ascontiguousarray(grad)) for grad in grads]

    def fake_pull_back(out_grad, *arguments):
        *inputs, _, _, wanted = arguments
        return [value.new_empty(value.shape) for value, want in zip(inputs, wanted) if want]

    def setup_context(ctx, inputs, output):
        *inputs, ctx.params, ctx.numbers = inputs
        ctx.save_for_backward(*inputs)

    def backward(ctx, out_grad):
        wanted = list(ctx.needs_input_grad[: len(labels)])
        grads = iter(backward_operator(out_grad, *ctx.saved_tensors, ctx.params, ctx.numbers, wanted))
        return *(next(grads) if want else None for want in wanted), None, None

    def vmap(info, in_dims, *arguments):
        *inputs, params, numbers = arguments
        inputs = given(op, inputs)

        def run(*values):
            return operator(*values, *(None for _ in labels[len(values) :]), params, numbers)

        return mapped(info, in_dims, op, labels[: len(inputs)], inputs, run)

    backward_operator = torch.library.custom_op(
        f"spatial_op::{name}_backward", pull_back, mutates_args=(),
        schema=f"(Tensor out_grad, {signature}, str params, SymInt[]? numbers, bool[] wanted) -> Tensor[]",
    )  # fmt: skip
    backward_operator.register_fake(fake_pull_back)
    register_second(op, signature, backward_operator)
    operator = torch.library.custom_op(
        f"spatial_op::{name}", forward, mutates_args=(),
        schema=f"({signature}, str params, SymInt[]? numbers) -> Tensor",
    )  # fmt: skip
    operator.register_fake(fake)
    operator.register_vmap(vmap)
    operator.register_autograd(backward, setup_context=setup_context)

    def sized(*arguments):
        *inputs, params, sizes = arguments
        return operator(*inputs, params, sizes.tolist())

    torch.library.define(f"spatial_op::{name}.sized", f"({signature}, str params, Tensor sizes) -> Tensor")
    torch.library.impl(f"spatial_op::{name}.sized", "CompositeImplicitAutograd")(sized)


def register_second(op, signature, backward_operator):
    """Make ``<name>_tangent`` and ``<name>_backward_tangent``, of which the derivatives of the gradients consist."""
    name, count = op.__name__, len(op.operator.inputs)

    def push_forward(tangents, *arguments):
        *inputs, params, numbers, along = arguments
        inputs = given(op, inputs)
        moves = spread(arrays(tangents), along)[: len(inputs)]
        return torch.from_numpy(push(op, arrays(inputs), put_together(params, numbers), moves))

    def fake_push(tangents, *arguments):
        *inputs, params, numbers, _ = arguments
        return result(op, given(op, inputs), params, numbers)

    def bend(out_grad, tangents, *arguments):
        *inputs, params, numbers, wanted, along = arguments
        inputs = given(op, inputs)
        moves, wanted = spread(arrays(tangents), along)[: len(inputs)], wanted[: len(inputs)]
        words = put_together(params, numbers)
        return list(map(torch.from_numpy, pull_tangent(op, arrays(inputs), words, wanted, *arrays([out_grad]), moves)))

    def fake_bend(out_grad, tangents, *arguments):
        *inputs, _, _, wanted, _ = arguments
        return [value.new_empty(value.shape) for value, want in zip(inputs, wanted) if want]

    words = f"{signature}, str params, SymInt[]? numbers"
    tangent_operator = torch.library.custom_op(
        f"spatial_op::{name}_tangent", push_forward, mutates_args=(),
        schema=f"(Tensor[] tangents, {words}, bool[] along) -> Tensor",
    )  # fmt: skip
    tangent_operator.register_fake(fake_push)
    bend_operator = torch.library.custom_op(
        f"spatial_op::{name}_backward_tangent", bend, mutates_args=(),
        schema=f"(Tensor out_grad, Tensor[] tangents, {words}, bool[] wanted, bool[] along) -> Tensor[]",
    )  # fmt: skip
    bend_operator.register_fake(fake_bend)

    def setup_context(ctx, inputs, output):
        *tensors, ctx.params, ctx.numbers, ctx.wanted = inputs
        ctx.save_for_backward(*tensors)

    def backward(ctx, cotangents):
        out_grad, *inputs = ctx.saved_tensors
        cotangents = spread(cotangents, ctx.wanted)
        along, moves = present(cotangents), [value for value in cotangents if value is not None]
        grad, grads = None, [None] * count
        if moves and ctx.needs_input_grad[0]:
            grad = tangent_operator(moves, *inputs, ctx.params, ctx.numbers, along)
        wanted = curved(op, present(ctx.needs_input_grad[1 : 1 + count]), along)
        if any(wanted):
            found = bend_operator(out_grad, moves, *inputs, ctx.params, ctx.numbers, wanted, along)
            grads = spread(found, wanted)
        nothing = [] if ctx.numbers == [] else None  # PyTorch takes an empty list for one of tensors
        return grad, *grads, None, nothing, None

    backward_operator.register_autograd(backward, setup_context=setup_context)


for operator_function in (*OPERATORS.values(), *PREPARATIONS.values()):
    register(operator_function)
