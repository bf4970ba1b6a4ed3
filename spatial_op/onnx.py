"""Operators as standard nodes of ONNX, which any runtime runs: AffineGrid, GridSample, DeformConv and arithmetic."""

import onnx
from onnx import helper

from .adapters.calls import plain
from .adapters.onnx import OPS
from .adapters.onnx_nodes import BUILDERS, Graph, build
from .adapters.onnx_pixels import number
from .autodiff import known, settings
from .operators.table import OPERATORS

__all__ = ["OPS", "export", "nodes", "translations"]

OPERATOR_SET = 20


def export(op, *inputs, **params):
    """A model of one operator, with standard nodes only.

    Conventions: inputs and the output have the operator's own names, order and layout; the output is "out". The batch may
    have any size when the model runs, the other sizes are those of the example.

    Parameters
    ----------
    op : function
        An operator of this package, such as ``SpatialTransformer``.
    *inputs : arrays
        Example inputs; only their shapes and dtypes matter.
    **params
        The operator's parameters.

    Returns
    -------
    model : onnx.ModelProto
        Of operator set 20, checked.

    Raises
    ------
    ValueError
        If the operator would raise one, or ONNX has nothing that computes the same.
    TypeError
        If the operator would raise one, or ``op`` is none.

    Notes
    -----
    ONNX's "nearest" takes the even pixel halfway between two, as "nearest_even" here; "nearest" takes the upper one. For both,
    the nodes find the pixel before GridSample is asked for it, so that runtimes take the same pixels as the operator, where
    a grid's last digit does not decide. ONNX leaves one case to its runtimes: a NaN or infinite coordinate gives NaN here.
    "bicubic" with "border" is refused, since ONNX clamps coordinates before it takes the taps, and so are signals, and samplers
    and paddings that ONNX lacks. ONNX has "bicubic" of volumes, but ONNX Runtime does not.

    Examples
    --------
    >>> import numpy as np
    >>> import spatial_op as so
    >>> import spatial_op.onnx
    >>> data, loc = np.zeros((1, 3, 8, 8), "float32"), so.identity_loc("affine")
    >>> model = spatial_op.onnx.export(so.SpatialTransformer, data, loc, target_shape=(4, 4))
    >>> [node.op_type for node in model.graph.node][-2:]
    ['AffineGrid', 'GridSample']
    """
    graph_nodes, constants = nodes(op, *inputs, **params)
    inputs = known("export", op, inputs)[2]
    call = op.operator.prepare(*inputs, **params)
    labels = op.operator.inputs[: len(inputs)]
    values = [
        helper.make_tensor_value_info(label, number(value.dtype), any_batch(value.shape, label in op.operator.shared))
        for label, value in zip(labels, inputs)
    ]
    out = helper.make_tensor_value_info("out", number(call.dtype), any_batch(call.shape, False))
    graph = helper.make_graph(graph_nodes, op.__name__, values, [out], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPERATOR_SET)], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    return model


def nodes(op, *inputs, names=None, output="out", **params):
    """The same as ``export``, as nodes for a graph of your own.

    Conventions: those of ``export``.

    Parameters
    ----------
    op : function
        An operator of this package.
    *inputs : arrays
        Example inputs.
    names : sequence of str, optional
        What the inputs are called in the graph; the operator's names unless given.
    output : str
        What the output is called; other names begin with it and a slash.
    **params
        The operator's parameters.

    Returns
    -------
    nodes : list of onnx.NodeProto
        In order.
    constants : list of onnx.TensorProto
        To be added to the graph's initializers.

    Raises
    ------
    ValueError, TypeError
        As ``export``.

    Examples
    --------
    >>> import numpy as np
    >>> import spatial_op as so
    >>> import spatial_op.onnx
    >>> data, grid = np.zeros((1, 3, 8, 8), "float32"), np.zeros((1, 2, 4, 4), "float32")
    >>> parts, constants = spatial_op.onnx.nodes(so.GridSampler, data, grid, names=("image", "flow"), output="warped")
    >>> [(node.op_type, *node.input) for node in parts]
    [('Transpose', 'flow'), ('GridSample', 'image', 'warped/grid')]
    """
    inputs = known("export", op, inputs)[2]
    settings("export", op, params)
    op.operator.prepare(*inputs, **params)
    graph = Graph(output)
    build(graph, op, list(names or op.operator.inputs), inputs, {key: plain(value) for key, value in params.items()})
    return graph.nodes, graph.constants


def translations():
    """What ``torch.onnx.export`` needs to write down networks that call this package: standard nodes for each operator.

    Conventions: those of ``export``. Axes that are dynamic in the network stay so in the model, batch, height and width, also
    where ``target_shape`` is ``data.shape[2:]``. The package ``onnxscript`` is needed, as by PyTorch's exporter itself.

    Returns
    -------
    table : dict
        For the argument ``custom_translation_table``, with ``dynamo=True`` and operator set 20 or newer.

    Raises
    ------
    ValueError
        While a network is exported, as the cause of PyTorch's error: as ``export``; if the operator set is older; or if the target
        of a spline is dynamic, whose nodes hold a table of a fixed size.

    Examples
    --------
    >>> import spatial_op.onnx
    >>> options = {"dynamo": True, "custom_translation_table": spatial_op.onnx.translations()}
    >>> [str(node) for node in options["custom_translation_table"]][:2]
    ['spatial_op.SpatialTransformer.default', 'spatial_op.GridGenerator.default']

    With these options, ``torch.onnx.export(network, inputs, "network.onnx", **options)`` writes a model.
    """
    from .adapters.onnx_torch import translation

    return dict(translation(op) for name, op in OPERATORS.items() if name in BUILDERS)


def any_batch(shape, shared):
    """A shape whose batch has a name instead of a size."""
    return list(shape) if shared else ["N", *shape[1:]]
