"""From LLVM's text to machine code of this processor, by way of the disk."""

import ctypes
import functools
import hashlib
import logging
import threading
import time

import llvmlite
import llvmlite.binding as llvm
from llvmlite.binding import ffi

from ..forks import waited_for
from . import disk

# Users ask this one how long they wait: the name of a kernel, the seconds and the folder are also attributes of its records.
LOG = logging.getLogger("spatial_op")

# LLVM's level of making machine code.
LEVEL = 2
# LLVM's passes, with their names in old versions of llvmlite. Texts are vectors already, and hold nothing twice or in a loop
# that does not belong there (``instructions.py``). So these few give code as fast as all of them, in half the time.
PASSES = {
    "sroa": "sroa",
    "simplify_cfg": "cfg_simplification",
    "reassociate": "reassociate_expressions",
    "instruction_combine": "instruction_combining",
}

# A compiled function of (part, threads, arguments).
FUNCTION = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64, ctypes.c_char_p)

# Held while code is made or loaded. A fork waits for it, and for LLVM's own, also taken where code is thrown away.
compiling = threading.RLock()
waited_for.append(compiling)
waited_for.append(getattr(ffi.lib, "_lock", threading.RLock()))

# Engines own the code that they have loaded.
ENGINES = []


@functools.cache
def target():
    """The processor that runs this."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=features(), opt=LEVEL, reloc="default", codemodel="jitdefault", jit=True
    )


def features():
    """What this processor can do, beyond its name."""
    return llvm.get_host_cpu_features().flatten()


def optimise(module):
    """The passes, which old and new versions of llvmlite arrange differently."""
    if hasattr(llvm, "create_pass_builder"):
        builder = llvm.create_pass_builder(target(), llvm.create_pipeline_tuning_options(speed_level=LEVEL))
        passes, names, context = llvm.create_new_module_pass_manager(), PASSES.keys(), [builder]
    else:
        passes, names, context = llvm.create_module_pass_manager(), PASSES.values(), []
        target().add_analysis_passes(passes)
    for name in names:
        getattr(passes, f"add_{name}_pass")()
    passes.run(module, *context)


def compiled(text):
    """The object file of a module's text."""
    module = llvm.parse_assembly(text)
    module.verify()
    optimise(module)
    return target().emit_object(module)


def label(text):
    """What machine code depends on, in short."""
    words = (
        text,
        LEVEL,
        list(PASSES),
        llvmlite.__version__,
        llvm.llvm_version_info,
        llvm.get_process_triple(),
        llvm.get_host_cpu_name(),
        features(),
    )
    return hashlib.sha256(repr(words).encode()).hexdigest()[:40]


def loaded(text, name, start=None):
    """An engine with the code of a module, which is compiled unless it was before, in this process or another one.

    The log calls it ``name`` and counts the time from ``start``.
    """
    start = start or time.perf_counter()

    def make():
        LOG.debug("compiling %s", name, extra={"kernel": name})
        return compiled(text)

    with compiling:
        kept = disk.kept(label(text), make)
        engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), target())
        engine.add_object_file(llvm.ObjectFileRef.from_data(kept.code))
        engine.finalize_object()
        ENGINES.append(engine)
        report(name, time.perf_counter() - start, kept)
        return engine


def address(text, function, name=None, start=None):
    """The address of one of its functions."""
    return loaded(text, name or function, start).get_function_address(function)


def report(name, seconds, kept):
    """Say what was compiled, or found."""
    level, done = (logging.DEBUG, "loaded") if kept.found else (logging.INFO, "compiled")
    more = {"kernel": name, "seconds": seconds, "folder": kept.place and str(kept.place)}
    LOG.log(level, "%s %s in %.2f s", done, name, seconds, extra=more)
