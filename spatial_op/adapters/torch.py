"""PyTorch: tensors in, tensors out, with gradients in both modes, ``torch.func`` and ``torch.compile``.

There are two ways to register an operator and each lacks something. ``torch.autograd.Function`` does all but
``torch.compile``; ``torch.library.custom_op`` compiles, but ignores tangents. So eager code takes the first and
compiled code the second, where a tangent is refused.

Tensors share their memory with the arrays that are computed with.
"""

import torch
from torch._subclasses import FakeTensor
from torch.autograd import forward_ad
from torch.fx import Proxy
from torch.overrides import handle_torch_function
from torch.utils import _python_dispatch

from .. import check
from .calls import given, no_out, of_one_kind, prepared
from .torch_checks import HALVES, fit, known_numbers, mixed, passing, widened
from .torch_compiled import compiled
from .torch_eager import Forward
from .torch_tensors import WORDS

PLAIN = {torch.Tensor, torch.nn.Parameter}


def apply(op, inputs, out, name, params):
    """The operator on tensors."""
    no_out(op, out, "tensors")
    if not torch.compiler.is_compiling():
        plain = at_once(inputs)
        if plain is not None:
            return torch.from_numpy(prepared(op, plain, params, WORDS).forward())
    inputs = given(op, inputs)
    if any(isinstance(value, Proxy) for value in inputs):  # torch.fx writes down the call as it stands
        return handle_torch_function(op, inputs, *inputs, **params)
    of_one_kind(op, inputs, torch.Tensor, WORDS)
    fit(op.__name__, op.operator.inputs, inputs, op.operator.numbers)
    passing(op, inputs, params)
    result_dtype = None
    if torch.is_autocast_enabled("cpu"):
        inputs = widened(inputs)
    elif mixed(op, inputs):
        result_dtype, inputs = inputs[0].dtype, widened(inputs)
    if torch.compiler.is_compiling():
        known_numbers(op, params)
        result = compiled(op, inputs, params)
    elif recorded():
        no_old_exporter(op)
        known_numbers(op, params)
        result = as_node(op, inputs, params)
    elif any(elsewhere(value) for value in inputs):
        result = as_node(op, inputs, params)
    elif differentiated(inputs):
        result = Forward.apply(op, params, *inputs)
    else:
        result = Forward.forward(op, params, *inputs)
    return result if result_dtype is None else result.to(result_dtype)


def at_once(inputs):
    """The arrays of plain tensors if nobody looks on, which spares small calls half of their time; else None."""
    differentiating = torch.is_grad_enabled()
    if (
        forward_ad._current_level >= 0
        or torch._C._are_functorch_transforms_active()
        or torch._C._len_torch_dispatch_stack()
        or torch._C._get_tracing_state() is not None
        or torch.is_autocast_enabled("cpu")
    ):
        return None
    found = []
    for value in inputs:
        if type(value) not in PLAIN or value.dtype in HALVES or (differentiating and value.requires_grad):
            return None
        try:
            found.append(value.detach().numpy())
        except (TypeError, RuntimeError):  # it has no numbers, or not where NumPy finds them
            return None
    return found


def differentiated(inputs):
    """Whether gradients, tangents or a transformation of ``torch.func`` are asked for."""
    if torch._C._are_functorch_transforms_active():
        return True
    if torch.is_grad_enabled() and any(value.requires_grad for value in inputs):
        return True
    return any(forward_ad.unpack_dual(value).tangent is not None for value in inputs)


def no_old_exporter(op):
    """Refuse PyTorch's former exporter to ONNX, which would find nothing to write down."""
    if torch.onnx.is_in_onnx_export():
        raise TypeError(
            f"{op.__name__}: torch.onnx.export was called with dynamo=False, which cannot write this operator, expected its exporter of "
            "today; pass dynamo=True and custom_translation_table=spatial_op.onnx.translations()."
        )


def recorded():
    """Whether calls are written down or looked at on the way, as by ``torch.jit.trace``, ``make_fx`` and ``functionalize``."""
    if torch.jit.is_tracing() or _python_dispatch._get_current_dispatch_mode() is not None:
        return True
    transform = torch._C._functorch.peek_interpreter_stack()
    return transform is not None and transform.key() == torch._C._functorch.TransformType.Functionalize


def elsewhere(value):
    """Whether a tensor has a shape and nothing else, or its class says itself what an operator does to it."""
    return value.is_meta or type(value).__torch_dispatch__ is not torch.Tensor.__torch_dispatch__


def as_node(op, inputs, params):
    """The operator as PyTorch knows it, where others than this package decide what becomes of it."""
    fakes = [isinstance(value, FakeTensor) for value in inputs]
    one = next((value for value, fake in zip(inputs, fakes) if fake), None)
    for argument, fake in zip(op.operator.inputs, fakes):
        if one is not None and not fake and not one.fake_mode.allow_non_fake_inputs:
            raise TypeError(
                f"{op.__name__}: {argument} is a tensor with numbers beside a FakeTensor, expected all inputs to be fake or none; "
                f"make it one with fake_mode.from_tensor({argument})."
            )
    try:
        return compiled(op, inputs, params)
    except TypeError as error:
        if "__torch_dispatch__" not in str(error):
            raise
        argument, value = next(pair for pair in zip(op.operator.inputs, inputs) if elsewhere(pair[1]))
        raise TypeError(
            f"{op.__name__}: {argument} is a {check.kind(value)}, which does not say what operators do to it, expected "
            f"a plain torch.Tensor; pass the one inside {argument}, such as {argument}.to_tensor(0.0) for a masked one."
        ) from error
