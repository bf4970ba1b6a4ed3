"""The nodes of a symbol, as its JSON has them: which operator one is, and its parameters. MXNet is not needed."""

import ast
import inspect
import re

from ..operators.table import OPERATORS

CONTRIB = ("DeformableConvolution", "ModulatedDeformableConvolution")


def op_type(op):
    """The name of the custom operator."""
    return f"spatial_op.{op.__name__}"


def builtin_name(name):
    """MXNet's name of an operator."""
    return f"_contrib_{name}" if name in CONTRIB else name


def builtin(node):
    """The name of the operator that a node of MXNet's own has, if it is in our table."""
    name = node["op"].removeprefix("_contrib_")
    return name if name in OPERATORS and node["op"] == builtin_name(name) else None


def custom(node, words):
    """The name of the operator that a node of ours has."""
    kind, _, name = words.get("op_type", "").partition(".")
    return name if node["op"] == "Custom" and kind == "spatial_op" else None


def graphs(graph):
    """A graph, and those of loops' and branches' bodies."""
    found = [graph]
    for part in found:
        for node in part["nodes"]:
            found += node.get("subgraphs", ())
    return found


def params_of(op, words):
    """Parameters from MXNet's texts, those of old checkpoints too; what is no parameter belongs to MXNet."""
    parameters = inspect.signature(op.operator.prepare).parameters
    return {key: value_of(text, parameters[key].default) for key, text in words.items() if key in parameters}


def value_of(text, default=None):
    """A number, a tuple, True or False, None or a word."""
    if isinstance(default, bool):
        return text.lower() in ("1", "true")
    try:
        value = ast.literal_eval(re.sub(r"(?<=\d)L\b", "", text))  # written by Python 2
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # the latter two: brackets or signs without end
        return text
    return tuple(value) if isinstance(value, list) else value
