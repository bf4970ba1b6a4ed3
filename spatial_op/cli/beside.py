"""Files and folders that appear when they are complete: written under another name in the same folder, then renamed."""

import contextlib
import os
import shutil


@contextlib.contextmanager
def beside(path):
    """A path to write to; what is there becomes ``path`` at the end, and goes away if anything went wrong.

    The name is the same each time, so that what a killed process left behind is replaced by the next one.
    """
    partial = path.with_name(f".{path.stem}.partial{path.suffix}")
    remove(partial)
    try:
        yield partial
        os.replace(partial, path)
    finally:
        remove(partial)


def remove(path):
    """A file or a folder, if it exists."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
