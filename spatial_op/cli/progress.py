"""Progress bars on stderr, for those who watch: they say what is being compiled while it is."""

import contextlib
import logging
import shutil
import sys

import click

LOG = logging.getLogger("spatial_op")
WIDTH = 20  # of a bar, in characters
ROOM = 25  # for the other numbers and marks of a bar


class Listener(logging.Handler):
    """Gives ``begin`` the name of each kernel that is about to be compiled, and ``end`` the record of each that is ready."""

    def __init__(self, begin=None, end=None):
        super().__init__(logging.DEBUG)
        self.begin, self.end = begin, end

    def emit(self, record):
        """Tell one of them."""
        if hasattr(record, "seconds"):
            if self.end:
                self.end(record)
        elif hasattr(record, "kernel") and self.begin:
            self.begin(record.kernel)


@contextlib.contextmanager
def listening(begin=None, end=None):
    """A context in which a listener hears of kernels."""
    listener, level = Listener(begin, end), LOG.level
    LOG.addHandler(listener)
    LOG.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        LOG.setLevel(level)
        LOG.removeHandler(listener)


@contextlib.contextmanager
def progress(items, label, word=lambda item: None, length=None):
    """A context with the items; draws a bar if stderr is a terminal, with the current item's ``word`` or what is compiled.

    ``length`` says how many items come, if they cannot be counted.
    """
    if not sys.stderr.isatty():
        yield items
        return
    compiled = []

    def what(item):
        room = shutil.get_terminal_size().columns - len(label) - WIDTH - ROOM
        words = f"compiling {compiled[-1]}" if compiled else None if item is None else word(item)
        return words and words[: max(room, 0)]

    def begin(kernel):
        compiled.append(kernel)
        bar.render_progress()

    def end(record):
        compiled.clear()
        bar.render_progress()

    def each():
        for item in bar:
            bar.render_progress()
            yield item

    bar = click.progressbar(items, length=length, label=label, width=WIDTH, item_show_func=what, file=sys.stderr)
    with bar, listening(begin, end):
        yield each()


@contextlib.contextmanager
def lines():
    """A context in which what is compiled is said on lines of its own, above a bar that another library draws."""
    if not sys.stderr.isatty():
        yield
        return
    with listening(lambda kernel: click.echo(f"\rcompiling {kernel}".ljust(80), err=True)):
        yield
