"""Functions of a framework's modules with ours in their places, and back again."""


def put(patches, places):
    """Put a function in each place, a module and a name, and remember among ``patches`` what was there."""
    patches.append([(module, name, getattr(module, name)) for module, name, _ in places])
    for module, name, function in places:
        setattr(module, name, function)


def undo(patches):
    """Put back what the latest of the ``patches`` replaced."""
    if not patches:
        raise RuntimeError("unpatch: there is no patch to undo, expected an earlier call of patch(); leave it out.")
    for module, name, function in reversed(patches.pop()):
        setattr(module, name, function)
