"""Arrays of other frameworks: which adapter an operator's inputs go to.

An adapter is a module with ``apply(op, inputs, out, name, params)`` and ``WORDS``, what things are called there. It is imported
when the first array of its framework arrives; what is not in the table, NumPy's arrays among it, goes to the kernels, whose
checks say what they expect.
"""

import importlib
import sys

import numpy as np

# The package that an array's class comes from -> the adapter.
ADAPTERS = {"torch": "torch", "mxnet": "mxnet", "jax": "jax", "jaxlib": "jax", "dask": "dask"}
FOUND = {np.ndarray: None, type(None): None}


def adapter_of(kind):
    """The name of the adapter's module for a class of arrays or, if it inherits from one, for that; None for NumPy."""
    if kind not in FOUND:
        packages = (base.__module__.partition(".")[0] for base in kind.__mro__)
        names = (ADAPTERS[package] for package in packages if package in ADAPTERS)
        name = next(names, None)
        FOUND[kind] = name and importlib.import_module(f"spatial_op.adapters.{name}").__name__
    return FOUND[kind]


# To PyTorch's compiler, which cannot look into an import, the answer is a constant of the class.
adapter_of._dynamo_marked_constant = True


def words_of(value):
    """What things are called where an array comes from; None for NumPy's, and for what no adapter knows."""
    adapter = None if type(value) is np.ndarray else adapter_of(type(value))
    return adapter and sys.modules[adapter].WORDS


def apply(op, inputs, out, name, **params):
    """The result of an operator, as the kind of array that its inputs are."""
    return applied(op, inputs, out, name, params)


def applied(op, inputs, out, name, params):
    """The same of parameters in a dictionary."""
    for value in inputs:
        if type(value) is not np.ndarray:
            adapter = adapter_of(type(value))
            if adapter is not None:
                return sys.modules[adapter].apply(op, inputs, out, name, params)
    return op.operator.prepare(*inputs, **params).forward(out)
