"""``completion``: what a shell has to be told so that it completes commands, options and values."""

import click
from click.shell_completion import get_completion_class

# The program, and the variable by which the shell asks it.
PROGRAM, VARIABLE = "spatial_op", "_SPATIAL_OP_COMPLETE"

# Shell -> where its users write what is said at each start.
FILES = {"bash": "~/.bashrc", "zsh": "~/.zshrc", "fish": "~/.config/fish/completions/spatial_op.fish"}


@click.command(epilog="\b\n" + "\n".join(f"  spatial_op completion {shell} >> {file}" for shell, file in FILES.items()))
@click.argument("shell", type=click.Choice(list(FILES)))
@click.pass_context
def completion(context, shell):
    """Print what makes the Tab key complete `spatial_op`.

    Commands, options, their values, files and names of colours are completed in Bash (4.4 or later), Zsh and Fish. Add what
    is printed to the file that the shell reads at each start:
    """
    found = get_completion_class(shell)(context.find_root().command, {}, PROGRAM, VARIABLE)
    click.echo(found.source())
