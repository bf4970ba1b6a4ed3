"""What an unfinished run over a folder has done, so that the same command can go on from there.

A hidden file in the folder of results: its first line says what was asked for, each further one names a result and says how the
original and the result looked (size in bytes, time of the last change). It is removed when everything is done.
"""

import json
import threading

from .. import __version__

NAME = ".spatial_op-unfinished.json"


class Journal:
    """The file of one run; threads may share it."""

    def __init__(self, folder, request):
        self.path, self.lock = folder / NAME, threading.Lock()
        self.head = json.dumps({"version": __version__, "request": request})
        self.done = self.read()
        self.remove()
        for name, found in self.done.items():
            self.write(name, found)

    def read(self):
        """Results of an earlier run that was asked for the same: name -> how original and result looked."""
        try:
            head, *lines = self.path.read_text().splitlines()
        except (OSError, UnicodeDecodeError, ValueError):
            return {}
        done = {}
        for line in lines if head == self.head else ():
            try:
                name, looks = json.loads(line)
            except ValueError:  # the run ended while it wrote this line
                continue
            done[name] = looks
        return done

    def holds(self, source, target):
        """Whether a result was made by an earlier run, and neither it nor its original has changed since."""
        return target.exists() and self.done.get(target.name) == [looks(source), looks(target)]

    def add(self, source, target):
        """Remember a result."""
        with self.lock:
            self.write(target.name, [looks(source), looks(target)])

    def write(self, name, found):
        """Write a line, after the first one."""
        with open(self.path, "a") as file:
            if not file.tell():
                file.write(self.head + "\n")
            file.write(json.dumps([name, found]) + "\n")

    def remove(self):
        """What is done need not be known."""
        self.path.unlink(missing_ok=True)


def looks(path):
    """Size and time of the last change."""
    found = path.stat()
    return [found.st_size, found.st_mtime_ns]
