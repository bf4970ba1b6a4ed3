"""Files and folders that appear when they are complete: written in a hidden folder beside their place, then moved there."""

import contextlib
import os
import pathlib
import shutil
import tempfile
import time

# How the hidden folders are named; the rest of the name is another one each time, so that no two writers share one.
UNFINISHED = ".spatial_op-"

# Seconds after which a hidden folder in which nothing changes has been left behind by a process that ended.
ABANDONED = 3600


@contextlib.contextmanager
def beside(path):
    """A path to write to; what is there becomes ``path`` at the end, and goes away if anything went wrong."""
    hidden = pathlib.Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=path.parent))
    try:
        yield hidden / path.name
        os.replace(hidden / path.name, path)
    finally:
        shutil.rmtree(hidden, ignore_errors=True)


def tidy(folder):
    """Remove what processes that ended have left behind in a folder."""
    for hidden in folder.glob(f"{UNFINISHED}*"):
        if not any(recent(path) for path in (hidden, *hidden.rglob("*"))):
            shutil.rmtree(hidden, ignore_errors=True)


def recent(path):
    """Whether a file or a folder changed a short time ago, or has just been moved."""
    try:
        return time.time() - path.stat().st_mtime < ABANDONED
    except OSError:
        return True
