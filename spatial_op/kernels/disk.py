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
import sys
import tempfile
import threading
import time
from typing import NamedTuple

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
