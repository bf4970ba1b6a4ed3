"""PyTorch's exporter to ONNX (``torch.onnx.export`` with ``dynamo=True``): the operators' nodes, written down by it."""

from typing import NamedTuple

import numpy as np
import torch
from onnx import numpy_helper

from .calls import given
from .onnx_nodes import Graph, build
from .torch_compiled import put_together

# The first operator set with AffineGrid, and with GridSample for volumes.
LEAST = 20


class Recorder(Graph):
    """Nodes and constants as the exporter keeps them; it names them itself."""

    def __init__(self, opset):
        self.opset = opset

    def constant(self, label, value):
        """The array as a value of the graph."""
        return self.opset.Constant(value=numpy_helper.from_array(np.ascontiguousarray(value)))

    def add(self, op_type, inputs, label=None, **attributes):
        """A node's result; an input without a name is left out."""
        values = [None if isinstance(value, str) else value for value in inputs]
        return getattr(self.opset, op_type)(*values, **attributes)


class Known(NamedTuple):
    """What is known of a value before the model runs; sizes of some axes are names."""

    shape: tuple
    dtype: np.dtype

    @property
    def ndim(self):
        """How many axes."""
        return len(self.shape)


def translation(op):
    """An operator as it stands in PyTorch's graphs, and the function that writes it down."""

    def translate(*arguments):
        import onnxscript  # which is there where PyTorch exports, and need not be elsewhere

        *values, text, numbers = arguments
        opset = onnxscript.evaluator.default().opset
        if opset.version < LEAST:
            raise ValueError(
                f"export: {op.__name__} was to be written in operator set {opset.version}, expected one that has AffineGrid and "
                f"GridSample for volumes; pass opset_version={LEAST} or more."
            )
        values = given(op, values)
        inputs = [Known(tuple(value.shape), value.dtype.numpy()) for value in values]
        return build(Recorder(opset), op, values, inputs, put_together(text, numbers))

    return getattr(torch.ops.spatial_op, op.__name__).default, translate
