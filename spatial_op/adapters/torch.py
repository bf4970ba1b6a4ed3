"""PyTorch: tensors in, tensors out, with gradients in both modes, ``torch.func`` and ``torch.compile``.

There are two ways to register an operator and each lacks something. ``torch.autograd.Function`` does all but
``torch.compile``; ``torch.library.custom_op`` compiles, but ignores tangents. So eager code takes the first and
compiled code the second, where a tangent is refused.

Tensors share their memory with the arrays that are computed with.
"""

import numpy as np
import torch
from torch._subclasses import FakeTensor
from torch.autograd import forward_ad
from torch.fx import Proxy
from torch.overrides import handle_torch_function
from torch.utils import _python_dispatch

from .. import check
from .calls import given, no_out, of_one_kind
from .torch_compiled import compiled
from .torch_eager import WORDS, Forward

DTYPES = {torch.float16, torch.bfloat16, torch.float32, torch.float64}


def apply(op, inputs, out, name, params):
    """The operator on tensors."""
    no_out(op, out, "tensors")
    inputs = given(op, inputs)
    if any(isinstance(value, Proxy) for value in inputs):  # torch.fx writes down the call as it stands
        return handle_torch_function(op, inputs, *inputs, **params)
    of_one_kind(op, inputs, torch.Tensor, WORDS)
    fit(op, inputs)
    result_dtype = None
    if torch.is_autocast_enabled("cpu"):
        inputs = widened(inputs)
    elif any(value.dtype == torch.bfloat16 for value in inputs):  # which NumPy does not have
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
    else:  # which saves two thirds of the time of a small call
        result = Forward.forward(op, params, *inputs)
    return result if result_dtype is None else result.to(result_dtype)


def fit(op, inputs):
    """Refuse tensors whose numbers are not where NumPy finds them."""
    first = inputs[0].device
    for argument, value in zip(op.operator.inputs, inputs):
        if value.is_nested or value.layout is not torch.strided:
            layout = "nested" if value.is_nested else str(value.layout).removeprefix("torch.").removeprefix("_")
            cure = "to_padded_tensor(0.0)" if value.is_nested else "to_dense()"
            raise TypeError(
                f"{op.__name__}: {argument} is a {layout} tensor, expected a dense one; convert it with {argument}.{cure}."
            )
        if value.is_quantized:
            raise TypeError(
                f"{op.__name__}: {argument} is a quantized tensor, expected a floating point one; convert it with {argument}.dequantize()."
            )
        if value.device.type not in ("cpu", "meta"):
            raise TypeError(
                f"{op.__name__}: {argument} is on {value.device}, expected a tensor on the CPU; move it with {argument}.cpu()."
            )
        if value.device != first:
            raise TypeError(
                f"{op.__name__}: {argument} is on {value.device} and {op.operator.inputs[0]} on {first}, expected one device for all; "
                f"move it with {argument}.to({op.operator.inputs[0]}.device)."
            )
        if value.dtype not in DTYPES:
            check.floating(op.__name__, argument, value.dtype, WORDS)


def differentiated(inputs):
    """Whether gradients, tangents or a transformation of ``torch.func`` are asked for."""
    if torch._C._are_functorch_transforms_active():
        return True
    if torch.is_grad_enabled() and any(value.requires_grad for value in inputs):
        return True
    return any(forward_ad.unpack_dual(value).tangent is not None for value in inputs)


def known_numbers(op, params):
    """Refuse parameters whose numbers are not known while code is compiled, or would be kept as constants."""
    for name, value in params.items():
        for part in value if isinstance(value, (tuple, list)) else [value]:
            if isinstance(part, (torch.Tensor, np.ndarray)) and not traced_integer(part):
                raise TypeError(
                    f"{op.__name__}: {name} is an array in compiled or recorded code, expected Python's numbers, which can be known "
                    f"beforehand; pass the numbers of {name}.tolist(), made outside of it."
                )


def traced_integer(value):
    """Whether this is an integer in the eyes of ``torch.jit.trace``, for which all sizes are tensors."""
    return torch.jit.is_tracing() and isinstance(value, torch.Tensor) and value.dtype == torch.int64


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


def widened(inputs):
    """The inputs as float32 or, if one of them is, as float64."""
    dtype = torch.float64 if any(value.dtype == torch.float64 for value in inputs) else torch.float32
    return tuple(value.to(dtype) for value in inputs)
