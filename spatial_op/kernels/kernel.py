"""A kernel: its text, traced and compiled on its first call, or run with NumPy where there is no compiler."""

import os
import struct
import threading

import numpy as np

from . import eager, machine_code, threads, trace

# With this variable, as of Numba, nothing is compiled.
COMPILED = os.environ.get("NUMBA_DISABLE_JIT", "0") in ("", "0")

# Memory that a thread's calls use again.
OWN = threading.local()


def spare(size):
    """So many bytes of no certain value, which begin at a cache line and are only used by this thread's next call."""
    memory = getattr(OWN, "memory", None)
    if memory is None or memory.size < size:
        raw = np.empty(size + trace.ALIGNMENT, np.uint8)
        OWN.memory = memory = raw[-raw.ctypes.data % trace.ALIGNMENT :]
        OWN.address = memory.ctypes.data
    return OWN.address


class Kernel:
    """A function ``text(machine)`` that does a part of the work; ``parameters`` are the names and kinds of what it is given.

    Kinds are "int", "float", and of arrays those of their numbers.
    """

    def __init__(self, name, text, parameters):
        self.name, self.text, self.parameters = name, text, parameters
        self.address = None
        self.layout = struct.Struct("".join("d" if kind == "float" else "q" for kind in parameters.values()) + "qq")
        self.arrays = [kind not in ("int", "float") for kind in parameters.values()]

    def prepare(self):
        """Trace and compile."""
        with machine_code.compiling:
            if self.address is None:
                machine = trace.Machine("kernel", self.parameters)
                self.text(machine)
                self.size = machine.reserved
                self.address = machine_code.address(machine.finish(), "kernel", self.name)

    def __call__(self, count, values):
        """Do the work on ``count`` threads; ``values`` are numbers and contiguous arrays by the parameters' names."""
        values = [values[name] for name in self.parameters]
        if not COMPILED:
            with np.errstate(all="ignore"):
                for part in range(count):
                    self.text(eager.Machine(part, count, self.parameters, values))
            return
        if self.address is None:
            self.prepare()
        memory = spare(count * self.size)
        slots = [
            value.__array_interface__["data"][0] if is_array else value for value, is_array in zip(values, self.arrays)
        ]
        arguments = self.layout.pack(*slots, memory, self.size)
        if count == 1:
            machine_code.FUNCTION(self.address)(0, 1, arguments)
        else:
            threads.run(count, self.address, arguments)
