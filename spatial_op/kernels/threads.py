"""When work is spread over threads, and how: Numba's threads call compiled code through its address.

Work that takes longer than waking threads is split over ``numba.get_num_threads()`` of them. Two situations would end the
process inside Numba's threading layers and are computed on the calling thread instead: a child forked after the layer had
started (its threads stayed with the parent), and a second Python thread that arrives while the ``workqueue`` layer is busy.

Numba is imported when the first threads are needed.
"""

import contextlib
import ctypes
import functools
import os
import pathlib
import sys
import threading

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir

from ..forks import importing, waited_for
from . import machine_code

# Output elements of one channel that are worth a thread of their own: about 20 microseconds of work, which is as much as waking a
# thread may cost.
GRAIN = 24576

# What is known of each Python thread.
CALLER = threading.local()


def most_threads(units, elements):
    """How many threads the work deserves that has so many separable units and writes so many elements, if there are enough."""
    return min(units, elements // GRAIN)


def threads_for(units, elements):
    """How many it gets."""
    most = most_threads(units, elements)
    if most < 2 or getattr(CALLER, "alone", False) or threads_lost(os.getpid()):
        return 1
    try:
        return min(most, started().get_num_threads())
    except ValueError:  # no threading layer can be loaded
        return 1


@functools.cache
def started():
    """Numba, its threads running; nobody forks meanwhile."""
    with importing:
        import numba
        from numba.core.compiler_lock import global_compiler_lock

        with global_compiler_lock:
            numba.get_num_threads()
    return numba


@contextlib.contextmanager
def one_thread():
    """Compute on the calling thread only, for callers that are themselves one of many."""
    CALLER.alone = True
    try:
        yield
    finally:
        CALLER.alone = False


def run(threads, address, arguments):
    """Call a compiled function for each part of the work, on ``threads`` threads if that is safe; else on the calling one."""
    call = machine_code.FUNCTION(address)
    if threads > 1:
        with crew() as safe:
            if safe:
                spread(threads, address, arguments)
                return
    call(0, 1, arguments)


def spread(threads, address, arguments):
    """The parts of the work, side by side: Numba's layers call a function with the numbers of the parts that it is to do."""
    parts = np.arange(threads)
    work = np.array([address, threads, ctypes.cast(arguments, ctypes.c_void_p).value])
    first, sizes, steps = np.array([parts.ctypes.data]), np.array([threads]), np.array([parts.itemsize])
    pointers = (array.ctypes.data for array in (first, sizes, steps, work))
    parallel_for()(share(), *pointers, 0, 1, threads)


@functools.cache
def parallel_for():
    """The function of Numba's layer that spreads calls of the kind that NumPy's generalised functions have."""
    started()
    kind = ctypes.CFUNCTYPE(None, *[ctypes.c_size_t] * 8)
    return kind(llvm.address_of_symbol("numba_parallel_for"))


@functools.cache
def share():
    """The address of that function: from some numbers of parts, to calls of what ``run`` was given."""
    long = ir.IntType(64)
    module = ir.Module("share")
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [long] * 4), "share")
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    arrays, sizes, steps, work = function.args

    def number(at, place=0):
        return builder.load(builder.inttoptr(builder.add(at, long(8 * place)), long.as_pointer()))

    first, count, step = number(arrays), number(sizes), number(steps)
    address, threads, arguments = number(work), number(work, 1), number(work, 2)
    body = builder.inttoptr(address, ir.FunctionType(ir.VoidType(), [long] * 3).as_pointer())
    head, turn, end = (function.append_basic_block(name) for name in ("head", "turn", "end"))
    before = builder.block
    builder.branch(head)
    builder.position_at_end(head)
    i = builder.phi(long)
    i.add_incoming(long(0), before)
    builder.cbranch(builder.icmp_signed("<", i, count), turn, end)
    builder.position_at_end(turn)
    called = builder.call(body, [number(builder.add(first, builder.mul(i, step))), threads, arguments])
    called.fnty = ir.FunctionType(ir.VoidType(), [long] * 3)
    i.add_incoming(builder.add(i, long(1)), turn)
    builder.branch(head)
    builder.position_at_end(end)
    builder.ret_void()
    return machine_code.address(str(module), "share", "loop over threads")


class crew:
    """Hold Numba's threads for one call; ``workqueue`` serves one Python thread at a time, the other layers any number."""

    one_at_a_time = threading.Lock()

    def __enter__(self):
        self.exclusive = layer() == "workqueue"
        self.safe = not self.exclusive or self.one_at_a_time.acquire(blocking=False)
        return self.safe

    def __exit__(self, *error):
        if self.exclusive and self.safe:
            self.one_at_a_time.release()


def layer():
    """The threading layer that is running, or None."""
    numba = sys.modules.get("numba")
    try:
        return numba and numba.threading_layer()
    except (AttributeError, ValueError):  # it is being imported, or no threads were started
        return None


# A bit of the flags in /proc: the process was forked and has not begun another program.
FORKED = 0x40

# Processes that were seen to be forked from one whose layer was running.
bereft = set()


@functools.cache
def threads_lost(pid):
    """Whether the layer was started before this process was forked, so that its threads are not in this process.

    Asked once in each process, before its first parallel call. This package may have been imported only after the fork;
    then the process is a fork that runs its parent's program, and has fewer tasks than the layer has threads. (GNU
    OpenMP, which ends such a process, comes with /proc. It starts threads only when they have work, so few tasks alone
    say nothing.)
    """
    if layer() not in ("omp", "workqueue"):
        return False
    if pid in bereft:
        return True
    own = pathlib.Path("/proc/self")
    if not (own / "stat").exists():
        return False
    flags = int((own / "stat").read_text().rpartition(")")[2].split()[6])
    few = sum(1 for _ in (own / "task").iterdir()) < started().config.NUMBA_NUM_THREADS
    return few and bool(flags & FORKED)


def after_fork_in_child():
    """Forget the parent's lock, and remember if its threads were left behind. TBB knows forks."""
    crew.one_at_a_time = threading.Lock()
    if layer() in ("omp", "workqueue"):
        bereft.add(os.getpid())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=after_fork_in_child)


class compiler_lock:
    """Numba's own lock, while Numba is there: its threads are started under it."""

    def __enter__(self):
        lock = sys.modules.get("numba.core.compiler_lock")
        self.held = getattr(lock, "global_compiler_lock", contextlib.nullcontext())
        self.held.__enter__()

    def __exit__(self, *error):
        self.held.__exit__(*error)


waited_for.append(compiler_lock())
