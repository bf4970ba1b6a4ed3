"""Whatever goes wrong with a file becomes one sentence."""

import contextlib
import os

import click

from . import pictures
from .beside import tidy

# The exit code of what Ctrl-C ends, as shells have it.
INTERRUPTED = 130


def interrupted(words):
    """End the command, as the user wants; the words say what there is."""
    click.echo(f"Interrupted: {words}", err=True)
    raise SystemExit(INTERRUPTED)


@contextlib.contextmanager
def failures(source, target):
    """Turn what a file raises into one sentence with its name."""
    try:
        yield
    except click.ClickException:
        raise
    except pictures.Refused as error:
        raise click.ClickException(f"{source}: {error}.") from error
    except MemoryError as error:
        raise click.ClickException(
            f"{source}: there is not enough memory for it; a zarr array may be larger."
        ) from error
    except Exception as error:  # of many kinds, by library, version and what is broken
        system = isinstance(error, OSError)
        reason = sentence(error.strerror if system and error.strerror else error)
        if system:
            place = source if error.filename == str(source) else target
            raise click.ClickException(f"{place}: {reason[:1].lower()}{reason[1:]}.") from error
        raise click.ClickException(f"{source}: it cannot be warped: {reason}.") from error


def sentence(error):
    """What an error says first, without the full stop; its name if it says nothing."""
    words = str(error).strip().splitlines()
    return words[0].rstrip(".") if words else type(error).__name__


def prepare(folder):
    """Refuse to compute what could not be written to a folder; remove what was left behind in it."""
    if not folder.is_dir():
        raise pictures.Refused(f"the folder {str(folder)!r} of OUT does not exist; make it first")
    if not os.access(folder, os.W_OK):
        raise pictures.Refused(f"the folder {str(folder)!r} of OUT cannot be written to; choose another")
    tidy(folder)
