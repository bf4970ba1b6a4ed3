"""A kernel: its text, traced and compiled on its first call, or run with NumPy where there is no compiler."""

import contextlib
import ctypes
import gc
import os
import struct
import threading
import time

import numpy as np

from . import eager, machine_code, threads, trace

# With this variable, as of Numba, nothing is compiled.
COMPILED = os.environ.get("NUMBA_DISABLE_JIT", "0") in ("", "0")


class Own(threading.local):
    """Memory that a thread's calls use again."""

    size = -1


OWN = Own()


def spare(size):
    """So many bytes of no certain value, which begin at a cache line and are only used by this thread's next call."""
    if OWN.size < size:
        raw = np.empty(size + trace.ALIGNMENT, np.uint8)
        OWN.memory = memory = raw[-raw.ctypes.data % trace.ALIGNMENT :]
        OWN.size, OWN.address = memory.size, memory.ctypes.data
    return OWN.address


# In memory an array object begins with what all objects begin with, and then says where its numbers are: NumPy's binary
# interface (``PyArrayObject_fields`` in ``ndarraytypes.h``), by which compiled extensions read it too. Any other way to
# ask takes four times as long or more, which tiny calls feel.
HEAD = object.__basicsize__
number_at = ctypes.c_size_t.from_address


class Fixed(dict):
    """Values by the names of parameters that are the same for many calls; arrays among them stay where they are."""

    def __init__(self, values):
        super().__init__(values)
        self.templates = {}


NOTHING = Fixed({})


@contextlib.contextmanager
def without_collector():
    """Python looks for no garbage: it would look through all that a trace has made again and again, and find none."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class Kernel:
    """A function ``text(machine)`` that does a part of the work; ``parameters`` are the names and kinds of what it is given.

    Kinds are "int", "float", and of arrays those of their numbers.
    """

    def __init__(self, name, text, parameters):
        self.name, self.text, self.parameters = name, text, parameters
        self.call = None
        self.layout = struct.Struct("".join("d" if kind == "float" else "q" for kind in parameters.values()) + "qq")

    def prepare(self):
        """Trace and compile."""
        with machine_code.compiling:
            if self.call is None:
                start = time.perf_counter()
                with without_collector():
                    machine = trace.Machine("kernel", self.parameters)
                    self.text(machine)
                    self.size = machine.reserved
                    text = machine.finish()
                self.label = machine_code.label(text)
                self.address = machine_code.address(text, "kernel", self.name, start)
                self.call = machine_code.FUNCTION(self.address)

    def template(self, fixed):
        """What is packed for each call, with the fixed values in place; and places and names of the other numbers and arrays."""
        template, numbers, arrays = [], [], []
        for place, (name, kind) in enumerate(self.parameters.items()):
            is_array, value = kind not in ("int", "float"), fixed.get(name, 0)
            template.append(value.ctypes.data if is_array and name in fixed else value)
            if name not in fixed:
                (arrays if is_array else numbers).append((place, name))
        fixed.templates[self] = found = template, numbers, arrays
        return found

    def __call__(self, count, given, fixed=NOTHING):
        """Do the work on ``count`` threads; what is given, besides what is fixed, are numbers and contiguous arrays."""
        if not COMPILED:
            with np.errstate(all="ignore"):
                for part in range(count):
                    self.text(eager.Machine(part, count, self.parameters, {**fixed, **given}))
            return
        if self.call is None:
            self.prepare()
        template, numbers, arrays = fixed.templates.get(self) or self.template(fixed)
        values = template.copy()
        for place, name in numbers:
            values[place] = given[name]
        for place, name in arrays:
            values[place] = number_at(id(given[name]) + HEAD).value
        arguments = self.layout.pack(*values, spare(count * self.size), self.size)
        if count == 1:
            self.call(0, 1, arguments)
        else:
            threads.run(count, self.address, arguments)
