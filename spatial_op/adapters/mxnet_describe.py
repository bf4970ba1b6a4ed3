"""What a saved network has of spatial operators. MXNet is not needed."""

import inspect
import json
import keyword
import os
import re
from pathlib import Path
from typing import NamedTuple

from .. import check
from ..operators.table import OPERATORS
from .mxnet_nodes import builtin, custom, graphs, params_of, value_of

# Spatial operators of MXNet's that this package does not have: the name in a file, and the operator's.
MISSING = {"_contrib_DeformablePSROIPooling": "DeformablePSROIPooling"}

# Where a node's parameters are; which one depends on the version of MXNet.
LAYOUTS = ("attr", "attrs", "param")

# What operators accept as MXNet does, and ignore.
IGNORED = ("cudnn_off", "workspace", "im2col_step", "name")


class Node(NamedTuple):
    """A spatial operator of a network: what ``describe`` returns."""

    name: str
    operator: str
    inputs: dict
    params: dict
    call: str


def describe(symbol):
    """The spatial operators of a saved network, with the calls that compute the same here.

    Conventions: nodes are in the order of the file, so that each comes after those that feed it, and those in the bodies of
    loops and branches come last. MXNet is not needed.

    Parameters
    ----------
    symbol : str, path or dict
        A file that ``Symbol.save``, ``Module.save_checkpoint`` or ``HybridBlock.export`` wrote, ``*-symbol.json``; or its
        text; or what ``json.load`` made of it. Files of any version of MXNet are read.

    Returns
    -------
    nodes : list of Node
        Named tuples: ``name``, the node's; ``operator``, its name here; ``inputs``, a dict from the operator's names of its
        inputs to the names of the variables and nodes that they come from, ``name[k]`` being the output k > 0 of a node;
        ``params``, a dict of the other parameters as Python values; ``call``, a line of Python that computes the node.
        DeformablePSROIPooling, which this package does not have, is listed too: its inputs are numbered, its ``call`` is a
        comment.

    Raises
    ------
    OSError
        If the file cannot be read.
    TypeError
        If ``symbol`` is nothing of the kind.
    ValueError
        If it is not the JSON of a symbol.

    Notes
    -----
    Parameters that the file does not have are the operators' own defaults, which are MXNet's. ``workspace`` and others
    that are ignored are left out. Old versions of MXNet wrote the parameters of a node as "param" or "attr", newer ones as
    "attrs"; all are read. Source: NNVM, src/pass/saveload_json.cc.

    Examples
    --------
    >>> import spatial_op.mxnet
    >>> variables = [{"op": "null", "name": name, "inputs": []} for name in ("data", "theta")]
    >>> words = {"target_shape": "(28, 28)", "transform_type": "affine", "sampler_type": "bilinear"}
    >>> warp = {"op": "SpatialTransformer", "name": "warp", "attrs": words, "inputs": [[0, 0, 0], [1, 0, 0]]}
    >>> (node,) = spatial_op.mxnet.describe({"nodes": [*variables, warp]})
    >>> node.inputs, node.params["target_shape"]
    ({'data': 'data', 'loc': 'theta'}, (28, 28))
    >>> print(node.call)
    warp = spatial_op.SpatialTransformer(data, theta, target_shape=(28, 28), transform_type='affine', sampler_type='bilinear')
    """
    graph, where = loaded(symbol)
    if not is_graph(graph):
        raise ValueError(
            f"describe: symbol is {where}, which is not the JSON of a symbol, expected nodes with op, name and inputs; "
            "pass a file that MXNet saved a symbol in, such as 'network-symbol.json'."
        )
    nodes = (described(node, part["nodes"]) for part in graphs(graph) for node in part["nodes"])
    return [node for node in nodes if node is not None]


def loaded(symbol):
    """The graph, and what to call it."""
    if isinstance(symbol, dict):
        return symbol, "a dict"
    if not isinstance(symbol, (str, os.PathLike)):
        raise TypeError(
            f"describe: symbol is a {check.kind(symbol)}, expected a path, text or dict of JSON; pass for example "
            "'network-symbol.json', or the text that symbol.tojson() returns."
        )
    if isinstance(symbol, str) and symbol.lstrip().startswith("{"):
        text, where = symbol, "a text"
    else:
        text, where = Path(symbol).read_bytes(), repr(os.fspath(symbol))
    try:
        return json.loads(text), where
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"describe: symbol is {where}, which is no JSON ({check.shown(str(error))}), expected that of a symbol, such as "
            "'network-symbol.json'; read a .params file with spatial_op.mxnet.load_params."
        ) from None


def is_graph(graph):
    """Whether this is what MXNet writes; bodies may be nested to any depth."""
    found = [graph]
    for part in found:
        nodes = part.get("nodes") if isinstance(part, dict) else None
        if not isinstance(nodes, list) or not all(is_node(node, len(nodes)) for node in nodes):
            return False
        found += [body for node in nodes for body in node.get("subgraphs", ())]
    return True


def is_node(node, count):
    """Whether this is a node of a graph of so many."""
    if not isinstance(node, dict) or not all(isinstance(node.get(key), str) for key in ("op", "name")):
        return False
    inputs = node.get("inputs")
    return (
        all(isinstance(entries, list) for entries in (inputs, node.get("subgraphs", [])))
        and all(isinstance(entry, list) and len(entry) >= 2 for entry in inputs)
        and all(type(number) is int and number >= 0 for entry in inputs for number in entry[:2])
        and all(entry[0] < count for entry in inputs)
        and all(isinstance(node.get(key, {}), dict) for key in LAYOUTS)
        and all(isinstance(text, str) for key in LAYOUTS for text in node.get(key, {}).values())
    )


def described(node, nodes):
    """The node, if it is a spatial operator; ``nodes`` are all of its graph."""
    words = {key: text for layout in LAYOUTS for key, text in node.get(layout, {}).items()}
    name = builtin(node) or custom(node, words) or MISSING.get(node["op"])
    if name is None:
        return None
    sources = [source(nodes, *entry[:2]) for entry in node["inputs"]]
    result = variable(node["name"])
    if name not in OPERATORS:
        params = {key: value_of(text) for key, text in words.items()}
        inputs = {f"input{number}": label for number, label in enumerate(sources)}
        return Node(node["name"], name, inputs, params, f"# {result}: spatial_op has no {variable(name)}")
    op = OPERATORS[name]
    params = {key: value for key, value in params_of(op, words).items() if key not in IGNORED}
    params = {key: params[key] for key in inspect.signature(op).parameters if key in params}
    given = [*map(variable, sources), *(f"{key}={value!r}" for key, value in params.items())]
    call = f"{result} = spatial_op.{name}({', '.join(given)})"
    return Node(node["name"], name, dict(zip(op.operator.inputs, sources)), params, call)


def source(nodes, index, output):
    """What an input is called."""
    name = nodes[index]["name"]
    return f"{name}[{output}]" if output else name


def variable(name):
    """A name that Python allows, for the name of a node or its output."""
    name, bracket, output = name.partition("[")
    name = re.sub(r"\W", "_", name)
    name = name if name.isidentifier() and not keyword.iskeyword(name) else f"_{name}"
    return f"{name}{bracket}{output}"
