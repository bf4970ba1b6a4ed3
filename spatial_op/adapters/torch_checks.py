"""What the operators ask of tensors before their numbers are looked at: where these are, and their dtypes."""

import numpy as np
import torch
from torch.autograd import forward_ad

from .. import check
from ..dtypes import IMAGES, PICTURES
from ..operators.arguments import picks
from ..samplers import SAMPLERS
from .torch_eager import WORDS

HALVES = {torch.float16, torch.bfloat16}
DTYPES = {*HALVES, torch.float32, torch.float64}
NUMBERS = DTYPES | {getattr(torch, str(dtype)) for dtype in IMAGES}


def mixed(op, inputs):
    """Whether to compute in wider numbers: NumPy has no bfloat16, and convolutions compute in one dtype."""
    dtypes, floats = {value.dtype for value in inputs}, inputs[0].is_floating_point()
    if not dtypes & HALVES or dtypes == {torch.float16}:
        return False
    for argument, value in zip(op.operator.inputs, inputs):
        precise(op.__name__, argument, value, "data", inputs[0])
    return floats


def precise(name, argument, value, other, data):
    """Refuse what is no more precise than the data that it applies to, which has another name, unless it has the same dtype."""
    floats = data.is_floating_point()
    if value.dtype != data.dtype and (value.itemsize <= data.itemsize if floats else value.dtype in HALVES):
        found, expected = (str(one.dtype).removeprefix("torch.") for one in (value, data))
        raise TypeError(
            f"{name}: {argument} has dtype {found} and {other} has dtype {expected}, expected {argument} to be at least as precise; "
            f"convert it with {argument}.to({f'{other}.dtype' if floats else 'torch.float32'})."
        )


def passing(op, inputs, params):
    """Refuse what is differentiated through integers, where PyTorch would lose the gradient; labels that are picked have none anyway."""
    data, *others = inputs
    sampler = SAMPLERS.get(params.get("sampler_type", "bilinear"))
    floats = params.get("coverage") == "only" or params.get("out_dtype") == "float32"
    passes = data.is_floating_point() or data.is_complex() or floats
    if "data" not in op.operator.numbers or passes or not sampler or picks(sampler):
        return
    for argument, value in zip(op.operator.inputs[1:], others):
        if (value.requires_grad and torch.is_grad_enabled()) or forward_ad.unpack_dual(value).tangent is not None:
            dtype = str(data.dtype).removeprefix("torch.")
            cure = "pass out_dtype=torch.float32, " if np.dtype(dtype) in PICTURES else ""
            raise TypeError(
                f"{op.__name__}: {argument} is differentiated and data has dtype {dtype}, through which PyTorch passes no gradient, expected "
                f"a floating point result; {cure}convert data with data.to(torch.float32), or pass {argument}.detach()."
            )


def fit(name, labels, inputs, numbers=()):
    """Refuse tensors whose numbers are not where NumPy finds them; those of some names may hold integers and complex ``numbers``."""
    first = inputs[0].device
    for argument, value in zip(labels, inputs):
        if value.is_nested or value.layout is not torch.strided:
            layout = "nested" if value.is_nested else str(value.layout).removeprefix("torch.").removeprefix("_")
            cure = "to_padded_tensor(0.0)" if value.is_nested else "to_dense()"
            raise TypeError(
                f"{name}: {argument} is a {layout} tensor, expected a dense one; convert it with {argument}.{cure}."
            )
        if value.is_quantized:
            raise TypeError(
                f"{name}: {argument} is a quantized tensor, expected a floating point one; convert it with {argument}.dequantize()."
            )
        if value.device.type not in ("cpu", "meta"):
            raise TypeError(
                f"{name}: {argument} is on {value.device}, expected a tensor on the CPU; move it with {argument}.cpu()."
            )
        if value.device != first:
            raise TypeError(
                f"{name}: {argument} is on {value.device} and {labels[0]} on {first}, expected one device for all; "
                f"move it with {argument}.to({labels[0]}.device)."
            )
        if value.dtype not in (NUMBERS if argument in numbers else DTYPES):
            check.unknown(name, argument, value.dtype, IMAGES if argument in numbers else check.DTYPES, WORDS)


def widened(inputs):
    """The inputs of floating point as float32 or, if one of them is, as float64."""
    dtype = torch.float64 if any(value.dtype == torch.float64 for value in inputs) else torch.float32
    return tuple(value.to(dtype) if value.is_floating_point() else value for value in inputs)


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
