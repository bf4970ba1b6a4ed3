"""Standard input and output, for those who say ``-``."""

import contextlib
import pathlib
import sys
import tempfile

import click

from .pictures import Refused

NAME = "-"


def is_stream(path):
    """Whether a path means standard input or output."""
    return str(path) == NAME


def called(path, name):
    """How messages call a path: by its own words, or by the name of the stream."""
    return name if is_stream(path) else path


@contextlib.contextmanager
def read_from(source):
    """The file to read: ``source``, or one that holds what comes from standard input."""
    if not is_stream(source):
        yield source
        return
    if sys.stdin.isatty():
        raise click.UsageError("IN is '-' and nothing is piped in; try: cat photo.jpg | ... warp - turned.jpg")
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "picture")
        if not path.write_bytes(sys.stdin.buffer.read()):
            raise Refused("nothing came from it")
        yield path


def require_pipe():
    """Refuse to write a picture to a terminal."""
    if sys.stdout.isatty():
        raise click.UsageError("OUT is '-' and would be written to this terminal; add > turned.png or a pipe.")
