"""A saved network on these operators instead of MXNet's own, and back."""

import json

import mxnet as mx

from ..operators.table import OPERATORS
from .mxnet_nodes import builtin, builtin_name, custom, graphs, op_type


def convert(symbol):
    """A symbol, such as one from a file, whose nodes run on these operators.

    Conventions: names, arguments and outputs stay, so the parameters saved with it still fit.

    Parameters
    ----------
    symbol : mxnet.sym.Symbol
        From ``mx.sym.load``, say.

    Returns
    -------
    converted : mxnet.sym.Symbol
        Where it is loaded again, ``spatial_op.mxnet`` must be imported first.

    Raises
    ------
    TypeError
        If it is no symbol.

    Examples
    --------
    >>> import mxnet as mx
    >>> import spatial_op.mxnet
    >>> data, loc = mx.sym.var("data"), mx.sym.var("loc")
    >>> network = mx.sym.SpatialTransformer(data, loc, (4, 4), "affine", "bilinear", name="warp")
    >>> spatial_op.mxnet.convert(network).attr("op_type")
    'spatial_op.SpatialTransformer'
    """
    return rewritten("convert", symbol, to_custom)


def revert(symbol):
    """A symbol whose nodes run on MXNet's own operators again: the inverse of ``convert``.

    Conventions: those of ``convert``.

    Parameters
    ----------
    symbol : mxnet.sym.Symbol
        From ``convert``, or composed of these operators.

    Returns
    -------
    reverted : mxnet.sym.Symbol
        It can be loaded where this package is not installed.

    Raises
    ------
    TypeError
        If it is no symbol.
    ValueError
        If a node uses what MXNet does not have.
    """
    return rewritten("revert", symbol, to_builtin)


def rewritten(caller, network, change):
    """The symbol with each node changed, those of loops' and branches' bodies too."""
    if not isinstance(network, mx.sym.Symbol):
        raise TypeError(
            f"{caller}: symbol is a {type(network).__module__}.{type(network).__qualname__}, expected a mxnet.sym.Symbol; "
            "pass for example mxnet.sym.load(path)."
        )
    graph = json.loads(network.tojson())
    for part in graphs(graph):
        for node in part["nodes"]:
            change(node)
    return mx.sym.load_json(json.dumps(graph))


def to_custom(node):
    """Make a node of MXNet's one of ours."""
    name = builtin(node)
    if name:
        node["attrs"] = {**node.get("attrs", {}), "op_type": op_type(OPERATORS[name])}
        node["op"] = "Custom"


def to_builtin(node):
    """Make a node of ours one of MXNet's."""
    attrs = node.get("attrs", {})
    name = custom(node, attrs)
    if not name:
        return
    attrs.pop("op_type")
    for key, default in (("padding_mode", "zeros"), ("align_corners", "True"), ("border", "mxnet")):
        if attrs.pop(key, default) != default:
            raise ValueError(
                f"revert: node {node['name']!r} has a {key} that MXNet does not have, expected {default!r}; keep this one as it is."
            )
    node["op"] = builtin_name(name)
