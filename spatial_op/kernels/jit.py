"""How kernels are compiled: Numba's options, what compiled code depends on, and when work is spread over threads.

*Cache.* Compiled kernels are kept on disk, each under a name that follows from the sources of the package and from the
rows that the kernel was made of; ``disk`` says how.

*Forks.* A fork waits until no other thread compiles or loads a kernel (see ``forks``).

*Threads.* Work that takes longer than waking threads is split over ``numba.get_num_threads()`` of them. Two situations
would end the process inside Numba's threading layers and are computed on the calling thread instead: a child forked
after the layer had started (its threads stayed with the parent), and a second Python thread that arrives while the
``workqueue`` layer is busy.
"""

import contextlib
import functools
import hashlib
import os
import pathlib
import threading
import types

import numba
import numpy as np
from llvmlite.binding import ffi
from numba.core.compiler_lock import global_compiler_lock
from numba.extending import register_jitable

from ..forks import waited_for
from . import disk
from .threads import crew, one_thread, threads_for

JITTED = not numba.config.DISABLE_JIT

# Multiply-adds may be fused; nothing may change what NaN and infinity do.
OPTIONS = {"nogil": True, "error_model": "numpy", "fastmath": {"contract"}}

# Where what kernels call may stand.
COMPILED = ("dtypes.py", "paddings.py", "samplers/", "transforms/", "kernels/")

# Marks what kernels call, which stays a plain function; it may meet the same one again.
inner = functools.cache(register_jitable(error_model="numpy", fastmath={"contract"}))

# The same for what is done with each vector: a call would pass arrays on the stack and count their references.
inlined = functools.cache(register_jitable(error_model="numpy", fastmath={"contract"}, forceinline=True))

# Numba checks signed indices for wrap-around, which keeps loops from being vectorised.
index = numba.uint64 if JITTED else int


@inner
def clear(array, first, last):
    """Zeros from ``first`` to before ``last``: a loop, because assigning to a slice takes seconds to compile."""
    for i in range(index(first), index(last)):
        array[i] = 0


@functools.cache
def digest():
    """The package's sources, as far as compiled code is made of them."""
    root = pathlib.Path(__file__).parents[1]
    state = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        name = path.relative_to(root).as_posix()
        if name.startswith(COMPILED):
            state.update(name.encode())
            state.update(path.read_bytes())
    return state.hexdigest()


def fingerprint(value, seen):
    """What a value means to code that uses it: of functions from outside the package, all that they refer to, too.

    ``digest`` covers what the package's own functions do, and NumPy's never change; so their names are enough.
    """
    value = getattr(value, "py_func", value)  # of a function that its author compiles
    if isinstance(value, (tuple, frozenset)):
        return f"({' '.join(fingerprint(part, seen) for part in value)})"
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape} {value.tobytes().hex()}"
    if not isinstance(value, types.FunctionType):
        known = (bool, int, float, complex, str, bytes, types.NoneType, np.generic, np.ufunc)
        return repr(value) if isinstance(value, known) else type(value).__qualname__
    if value in seen or value.__module__.partition(".")[0] in (__name__.partition(".")[0], "numpy"):
        return f"{value.__module__}.{value.__qualname__}"
    seen.add(value)
    codes, words, names = [value.__code__], [], []
    for code in codes:  # and the functions inside, which the loop finds
        names += code.co_names
        words += [code.co_code.hex(), repr(code.co_names)]
        codes += [const for const in code.co_consts if isinstance(const, types.CodeType)]
        words += [repr(const) for const in code.co_consts if not isinstance(const, types.CodeType)]
    used = [value.__globals__.get(name) for name in names]
    used += [getattr(module, name, None) for module in used if isinstance(module, types.ModuleType) for name in names]
    used += [cell.cell_contents for cell in value.__closure__ or ()]
    used += [*(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values()]
    words += [fingerprint(part, seen) for part in used]
    return hashlib.sha256(" ".join(words).encode()).hexdigest()


def compiler_of(function, **options):
    """Numba's compiler of one function, whose code is kept on disk.

    Numba finds compiled code by a name in which the closure has no part, and the last code of that name counts. So the
    function gets a name of its own for all that it is made of: else ``launch`` could call another kernel.
    """
    seen = set()
    closure = [fingerprint(cell.cell_contents, seen) for cell in function.__closure__ or ()]
    label = repr((function.__module__, function.__qualname__, digest(), *closure))
    own = types.FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    own.__module__ = function.__module__
    own.__qualname__ = f"{function.__name__}_{hashlib.sha256(label.encode()).hexdigest()[:16]}"
    with global_compiler_lock:  # the first one makes what all share, under locks that a fork cannot wait for
        compiler = numba.njit(**OPTIONS, **options)(own)
    if JITTED:
        compiler._cache = disk.Shelf(label)
    return compiler


class Kernel:
    """A function ``body(part, threads, *arguments)`` that does one of ``threads`` equal shares of the work.

    It is compiled once for each kind of arguments, which are arrays and numbers, on its first call. On more threads than
    one it is called through its address by ``launch``, which knows nothing of rows and takes little time to compile.
    """

    def __init__(self, body):
        self.body = compiler_of(body)

    def __call__(self, threads, *arguments):
        """Run on ``threads`` threads, or on the calling one where more would not be safe."""
        if threads == 1:
            return self.body(0, 1, *arguments)
        with crew() as safe:
            if not safe:
                return self.body(0, 1, *arguments)
            self.launcher(*map(numba.typeof, arguments))(threads, self.body, arguments)

    def launcher(self, *kinds):
        """The loop for arguments of these types, for which the body is compiled, too."""
        if not JITTED:
            return launch
        signature = numba.void(numba.int64, numba.int64, *kinds)
        self.body.compile(signature)
        return launcher(signature)


def launch(threads, body, arguments):
    """All shares of the work, side by side."""
    for part in numba.prange(threads):
        body(np.int64(part), threads, *arguments)


@functools.cache
def launcher(signature):
    """``launch`` for bodies of this type."""
    compiler = compiler_of(launch, parallel=True)
    arguments = numba.types.Tuple(signature.args[2:])
    compiler.compile(numba.void(numba.int64, numba.types.FunctionType(signature), arguments))
    compiler.disable_compile()
    return compiler


