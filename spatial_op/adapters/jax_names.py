"""Names under which XLA finds what it calls."""

import jax

from ..operators.engine import kernels

# The address of what each stands for; none can be told twice.
NAMES = {}


def told(label, address):
    """The name of a handler: the same in every process, so that what JAX compiles can be kept for others."""
    name, number = f"spatial_op_{label}", 1
    with kernels("machine_code").compiling:
        while NAMES.get(name, address) != address:
            name, number = f"spatial_op_{label}_{number}", number + 1
        if name not in NAMES:
            jax.ffi.register_ffi_target(name, jax.ffi.pycapsule(address), platform="cpu")
            NAMES[name] = address
    return name
