"""What this machine is, in words and in numbers."""

import importlib.metadata
import os
import pathlib
import platform
import re

import numpy as np

import spatial_op


def describe(peers):
    """The machine and the version of every library, as a dictionary."""
    libraries = {
        "spatial_op": spatial_op.__version__,
        "NumPy": np.__version__,
        "Numba": importlib.metadata.version("numba"),
    }
    return {
        "processor": processor(),
        "cores": cores(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": {**libraries, **{peer.library: peer.version for peer in peers}},
    }


def sentence(machine):
    """The machine in one line, the libraries in another."""
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    plural = "" if machine["cores"] == 1 else "s"
    return f"{machine['processor']}, {machine['cores']} core{plural}\nPython {machine['python']}, {versions}"


def cores():
    """How many threads this process may use."""
    import numba  # only now, because it takes a second

    return min(numba.config.NUMBA_NUM_THREADS, os.cpu_count() or 1)


def processor():
    """The processor's name."""
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", pathlib.Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return found.group(1) if found else platform.processor() or platform.machine()
