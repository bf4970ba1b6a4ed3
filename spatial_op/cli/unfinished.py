"""A result of many parts, of which those that are done stay when a run ends early, for the same request.

While a run writes, its parts are in a hidden folder of its own (``beside``). When it ends early it moves them to one place that the
result's name tells; the next run moves them back into its own folder, so that no two runs can take them.
"""

import contextlib
import json
import os
import pathlib
import shutil
import tempfile
import time

from .. import __version__
from .beside import UNFINISHED

STATE = "done.json"

# After an error a folder is gone when nothing has made it again during so many pauses, of so many seconds; that is waited for.
QUIET, PAUSE, MOST = 10, 0.01, 200


def place_of(path):
    """Where what is done of a result waits for the next run."""
    return path.with_name(f".{path.name}.unfinished")


@contextlib.contextmanager
def resumed(path, request):
    """A path to write to, and a set of the parts that are there, to which new ones are to be added.

    At the end the path becomes ``path``. If anything goes wrong, what is done waits; nothing does if no part is done.
    """
    head = [__version__, request]
    with hidden_folder(path.parent) as hidden:
        work = hidden / "work"
        done = taken(place_of(path), work, head)
        work.mkdir(exist_ok=True)
        try:
            yield work / path.name, done
        except BaseException:
            if done and not path.exists():  # made by another run meanwhile
                (work / STATE).write_text(json.dumps([head, sorted(done)]))
                with contextlib.suppress(OSError):  # another run's are there
                    work.rename(place_of(path))
            raise
        os.replace(work / path.name, path)


@contextlib.contextmanager
def hidden_folder(parent):
    """A folder of this run's own, which goes away in the end."""
    hidden = pathlib.Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=parent))
    try:
        yield hidden
    except BaseException:
        # A thread of zarr's own may still write what it had begun, and make the folder again for it.
        quiet = 0
        for _ in range(MOST):
            shutil.rmtree(hidden, ignore_errors=True)
            time.sleep(PAUSE)
            quiet = 0 if hidden.exists() else quiet + 1
            if quiet == QUIET:
                break
        raise
    finally:
        shutil.rmtree(hidden, ignore_errors=True)


def taken(place, work, head):
    """Parts that an earlier run has done, moved to ``work``; none if there are none, or it was asked for something else."""
    try:
        place.rename(work)
        known, done = json.loads((work / STATE).read_text())
        if known == json.loads(json.dumps(head)):
            return {tuple(part) for part in done}
    except (OSError, ValueError):
        pass
    shutil.rmtree(work, ignore_errors=True)
    return set()
