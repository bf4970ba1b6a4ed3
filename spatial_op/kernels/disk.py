"""Compiled code on disk: one file for each variant of a kernel, which is checked when it is read.

A file's name is a digest of all that its code depends on, so it never holds the code of another kernel. It is written
beside its place and renamed, so it is whole or not there, whatever happens meanwhile: another process that writes the
same file, a kill, a full disk. It begins with a digest of the rest. A file that is damaged is thrown away and its kernel
compiled again. Nothing that goes wrong here reaches the caller; it costs time.
"""

import contextlib
import functools
import hashlib
import logging
import os
import pathlib
import pickle
import platform
import sys
import tempfile
import threading
import time
from typing import NamedTuple

import llvmlite
import numba
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps
from numba.core.sigutils import normalize_signature

LOG = logging.getLogger(__name__)

# A folder is kept below so many bytes: files that nobody has used for the longest time go first.
MOST = 2**30

# Seconds after which a file that was never renamed has been left behind by a process that ended.
ABANDONED = 3600

SUFFIX, UNFINISHED = ".kernel", ".part"


def places():
    """Folders for compiled code, the preferred one first."""
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    if chosen:
        yield pathlib.Path(chosen, "spatial_op")
    yield pathlib.Path(__file__).parent / "__pycache__"
    if sys.platform == "win32":
        yield pathlib.Path(os.environ.get("LOCALAPPDATA") or tempfile.gettempdir(), "spatial_op", "Cache")
    elif os.environ.get("XDG_CACHE_HOME"):
        yield pathlib.Path(os.environ["XDG_CACHE_HOME"], "spatial_op")
    else:
        with contextlib.suppress(RuntimeError):  # there is no home
            yield pathlib.Path.home() / ".cache" / "spatial_op"


@functools.cache
def folder():
    """The first place that can be written to, or None."""
    for place in places():
        with contextlib.suppress(OSError):
            place.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=place):
                return place
    return None


class Shelf:
    """What Numba asks for the compiled code of one function: it stands in for Numba's own cache.

    ``label`` says all that the code depends on but the types of the arguments, the processor and the compiler.
    """

    def __init__(self, label):
        self.label = label

    @property
    def cache_path(self):
        """Where the code is kept, or None."""
        return folder() and str(folder())

    def file_for(self, signature, codegen):
        """The file of one variant."""
        words = (
            self.label, str(normalize_signature(signature)[0]), codegen.magic_tuple(), numba.config.BOUNDSCHECK, numba.__version__,
            llvmlite.__version__, sys.version, platform.machine(),
        )  # fmt: skip
        return folder() / f"{hashlib.sha256(repr(words).encode()).hexdigest()[:40]}{SUFFIX}"

    def load_overload(self, signature, context):
        """The code of one variant, or None."""
        context.refresh()
        if folder() is None:
            return None
        file = self.file_for(signature, context.codegen())
        try:
            content = file.read_bytes()
        except OSError:
            return None
        code = checked(file.name, content)
        if code is not None:
            try:
                result = CompileResult._rebuild(context, *pickle.loads(code))
            except Exception:  # of any kind: a module that a row came from may be gone, or have changed
                code = None
            else:
                with contextlib.suppress(OSError):
                    os.utime(file)  # used now
                return result
        with contextlib.suppress(OSError):
            file.unlink()
        return None

    def save_overload(self, signature, result):
        """Keep the code of one variant, if there is room."""
        if folder() is None or result.library.has_dynamic_globals:
            return
        try:
            code = dumps(result._reduce())
            file = self.file_for(signature, result.codegen)
            write(file, seal(file.name, code) + code)
            make_room(file.parent)
        except Exception:  # of any kind: the disk is full, or a row refers to something that cannot be written
            LOG.debug("compiled code is not kept", exc_info=True)


class Kept(NamedTuple):
    """Compiled code, the folder that it is kept in, or None, and whether it was found there."""

    code: bytes
    place: pathlib.Path | None
    found: bool


def kept(name, make):
    """The code that any place holds under a name, or what ``make`` gives, which is then kept in ``folder()`` if there is room."""
    for place in places():
        code = read(place / f"{name}{SUFFIX}")
        if code is not None:
            return Kept(code, place, True)
    code, place = make(), folder()
    if place is not None:
        file = place / f"{name}{SUFFIX}"
        try:
            write(file, seal(file.name, code) + code)
            make_room(place)
        except OSError:  # such as a full disk
            LOG.debug("compiled code is not kept", exc_info=True)
            place = None
    return Kept(code, place, False)


def read(file):
    """The code in a file, which counts as used now; None if there is no such file, or not a good one."""
    try:
        code = checked(file.name, file.read_bytes())
    except OSError:
        return None
    if code is not None:
        with contextlib.suppress(OSError):  # another user's
            os.utime(file)
    return code


def seal(name, code):
    """What a file begins with: a digest of its name and of the rest."""
    return hashlib.sha256(name.encode() + code).digest()


def checked(name, content):
    """What follows the digest, if it is what was written under this name."""
    size = hashlib.sha256().digest_size
    start, code = content[:size], content[size:]
    return code if seal(name, code) == start else None


def write(file, content):
    """Write a file whole or not at all."""
    part = file.with_name(f"{file.stem}-{os.getpid()}-{threading.get_ident()}{UNFINISHED}")
    try:
        part.write_bytes(content)  # with the permissions that others' files have here
        os.replace(part, file)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink()
        raise


def make_room(place):
    """Remove what was left behind and, beyond ``MOST`` bytes, what nobody has used for the longest time."""
    found, now = [], time.time()
    for file in place.iterdir():
        if file.suffix in (SUFFIX, UNFINISHED):
            with contextlib.suppress(OSError):  # another process removed it
                status = file.stat()
                found.append((status.st_mtime, status.st_size, file))
    total = sum(size for _, size, _ in found)
    for used, size, file in sorted(found):
        left_behind = file.suffix == UNFINISHED and now - used > ABANDONED
        if left_behind or total > MOST:
            with contextlib.suppress(OSError):
                file.unlink()
                total -= size
