"""What a fork waits for: a child that was forked while another thread holds a lock would wait for that lock for ever.

All is held by one pair of hooks. Hooks that are registered between the two would be called after the fork only, and let go
of what they never held; those of ``logging``, which the compiler imports, are therefore registered before.
"""

import contextlib
import logging as logging
import os
import threading

# Held while the kernels' modules are imported: Python's own locks of imports cannot be waited for.
importing = threading.RLock()

# Contexts that a fork enters and leaves, in this order; the kernels' modules add the compilers'.
waited_for = [importing]

held = contextlib.ExitStack()


def before():
    """Wait until nobody is in any of them; what is imported meanwhile adds some."""
    for context in waited_for:
        held.enter_context(context)


def after():
    """Leave all; what another thread, which forks next, enters meanwhile is its own."""
    held.pop_all().close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=before, after_in_parent=after, after_in_child=after)
