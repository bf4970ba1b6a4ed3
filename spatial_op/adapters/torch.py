"""PyTorch: tensors in, tensors out, with gradients in both modes, ``torch.func`` and ``torch.compile``.

There are two ways to register an operator and each lacks something. ``torch.autograd.Function`` does all but
``torch.compile``; ``torch.library.custom_op`` compiles, but ignores tangents. So eager code takes the first and
compiled code the second, where a tangent is refused.

Tensors share their memory with the arrays that are computed with.
"""

import torch
from torch.autograd import forward_ad

from .calls import given, no_out, of_one_kind
from .torch_compiled import compiled
from .torch_eager import Forward


def apply(op, inputs, out, name, params):
    """The operator on tensors."""
    no_out(op, out, "tensors")
    inputs = given(op, inputs)
    of_one_kind(op, inputs, torch.Tensor, "torch.Tensor", "torch.as_tensor")
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
    elif differentiated(inputs):
        result = Forward.apply(op, params, *inputs)
    else:  # which saves two thirds of the time of a small call
        result = Forward.forward(op, params, *inputs)
    return result if result_dtype is None else result.to(result_dtype)


def differentiated(inputs):
    """Whether gradients, tangents or a transformation of ``torch.func`` are asked for."""
    if torch._C._are_functorch_transforms_active():
        return True
    if torch.is_grad_enabled() and any(value.requires_grad for value in inputs):
        return True
    return any(forward_ad.unpack_dual(value).tangent is not None for value in inputs)


def widened(inputs):
    """The inputs as float32 or, if one of them is, as float64."""
    dtype = torch.float64 if any(value.dtype == torch.float64 for value in inputs) else torch.float32
    return tuple(value.to(dtype) for value in inputs)


def without_numbers(value):
    """Whether a tensor has a shape and nothing else."""
    return value.is_meta or isinstance(value, torch._subclasses.FakeTensor)
