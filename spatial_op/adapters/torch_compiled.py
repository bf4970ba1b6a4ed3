"""PyTorch, compiled: the operators of the table as nodes of a graph, ``torch.ops.spatial_op.<name>``."""

import torch
from torch.autograd import forward_ad

from ..operators.table import OPERATORS
from .calls import describe, from_text, given, plain, prepared, pull
from .torch_tensors import WORDS, arrays, mapped

# Stands for an integer in the text of an operator's parameters.
NUMBER = "#"


def compiled(op, inputs, params):
    """The operator as one node of a graph."""
    no_tangents(op, inputs)
    missing = (None,) * (len(op.operator.inputs) - len(inputs))
    return getattr(torch.ops.spatial_op, op.__name__)(*inputs, *missing, *taken_apart(params))


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
        if isinstance(value, (int, torch.SymInt)) and not isinstance(value, bool):
            numbers.append(value)
            return NUMBER
        value = plain(value)
        return marked(value) if isinstance(value, (int, tuple)) and not isinstance(value, bool) else value

    return repr({key: marked(value) for key, value in params.items()}), numbers


def put_together(text, numbers):
    """The parameters again; symbols become the numbers that they stand for."""
    numbers = iter(numbers)

    def filled(value):
        if isinstance(value, tuple):
            return tuple(filled(entry) for entry in value)
        return int(next(numbers)) if value == NUMBER else value

    return {key: filled(value) for key, value in from_text(text).items()}


def register(op):
    """Make ``torch.ops.spatial_op.<name>`` and, for its gradients, ``<name>_backward``."""
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
        return torch.from_numpy(call.forward())

    def fake(*arguments):
        *inputs, params, numbers = arguments
        inputs = given(op, inputs)
        dtypes = (str(value.dtype).removeprefix("torch.") for value in inputs)
        shapes = (tuple(map(int, value.shape)) for value in inputs)
        return inputs[0].new_empty(describe(op, shapes, dtypes, put_together(params, numbers), WORDS)[0])

    def pull_back(out_grad, *arguments):
        *inputs, params, numbers, wanted = arguments
        params = put_together(params, numbers)
        grads = pull(op, arrays(given(op, inputs)), params, wanted, *arrays([out_grad]))
        return list(map(torch.from_numpy, grads))

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
        shared = [label in op.operator.shared for label in labels[: len(inputs)]]

        def run(*values):
            return operator(*values, *(None for _ in labels[len(values) :]), params, numbers)

        return mapped(info, in_dims, inputs, shared, run, False)

    backward_operator = torch.library.custom_op(
        f"spatial_op::{name}_backward", pull_back, mutates_args=(),
        schema=f"(Tensor out_grad, {signature}, str params, SymInt[] numbers, bool[] wanted) -> Tensor[]",
    )  # fmt: skip
    backward_operator.register_fake(fake_pull_back)
    operator = torch.library.custom_op(
        f"spatial_op::{name}", forward, mutates_args=(),
        schema=f"({signature}, str params, SymInt[] numbers) -> Tensor",
    )  # fmt: skip
    operator.register_fake(fake)
    operator.register_vmap(vmap)
    operator.register_autograd(backward, setup_context=setup_context)


for operator_function in OPERATORS.values():
    register(operator_function)
