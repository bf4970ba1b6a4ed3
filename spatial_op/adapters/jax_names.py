"""Names under which XLA finds what it calls."""

import functools
import pathlib
import re

import jax

from ..operators.engine import kernels

# The address of what each stands for; none can be told twice.
NAMES = {}


@functools.cache
def version():
    """The minor version of XLA's interface, if it is one that handlers speak: JAX comes with its header."""
    header = pathlib.Path(jax.ffi.include_dir(), "xla", "ffi", "api", "c_api.h")
    numbers = re.findall(r"define XLA_FFI_API_M(?:AJ|IN)OR (\d+)", header.read_text() if header.exists() else "")
    major, minor = numbers if len(numbers) == 2 else (None, None)
    return int(minor) if major == "0" and kernels("kernel").COMPILED else None


def told(label, address):
    """The name of what is at an address: the same in every process, so that what JAX compiles can be kept for others."""
    name, number = f"spatial_op_{label}", 1
    with kernels("machine_code").compiling:
        while NAMES.get(name, address) != address:
            name, number = f"spatial_op_{label}_{number}", number + 1
        if name not in NAMES:
            capsule = jax.ffi.pycapsule(kernels("handler").handler(address, version()))
            jax.ffi.register_ffi_target(name, capsule, platform="cpu")
            NAMES[name] = address
    return name
