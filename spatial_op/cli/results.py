"""The numbers that ``bench`` leaves in a file, to which later runs add."""

import json
import pathlib

import click

from .beside import beside

# The lists of records, and what tells those of a list apart.
KEYS = {
    "cases": ("case",),
    "rows": ("threads", "case", "pass", "peer"),
    "calls": ("case", "pass", "library"),
    "first_calls": ("case", "cache", "step"),
    "disagreements": ("threads", "case", "peer"),
}


def empty(machine, quick):
    """No numbers yet."""
    return {"machine": machine, "quick": quick, **{name: [] for name in KEYS}}


def read(path, machine):
    """What a file holds, if it is there; one sentence if it cannot be added to."""
    path = pathlib.Path(path)
    try:
        found = json.loads(path.read_text()) if path.exists() and path.stat().st_size else None
    except OSError as error:
        raise click.ClickException(f"cannot read {path}: {error.strerror}.") from error
    except ValueError:
        found = ()
    if found is None:
        return None
    if not isinstance(found, dict) or not {"machine", *KEYS} <= set(found):
        raise click.ClickException(f"{path} holds no numbers that this version of bench wrote; choose another file.")
    others = sorted(differences(found["machine"], machine))
    if others:
        raise click.ClickException(f"{path} holds numbers of {', '.join(others)}; choose another file.")
    return found


def differences(old, new):
    """What the numbers of one machine cannot stand beside those of another for."""
    for name in old:
        if name == "versions":
            for library, version in old[name].items():
                if new[name].get(library, version) != version:
                    yield f"{library} {version}"
        elif old[name] != new[name]:
            yield f"another {name}, {old[name]}"


def merged(old, new):
    """Both, of two records of the same thing the newer one; a library that was timed now does not disagree any more."""
    if old is None:
        return new
    versions = {**old["machine"]["versions"], **new["machine"]["versions"]}
    result = {"machine": {**new["machine"], "versions": versions}, "quick": old["quick"] or new["quick"]}
    for name, keys in KEYS.items():
        records = {tuple(record[key] for key in keys): record for record in old[name] + new[name]}
        result[name] = list(records.values())
    for name, other in (("disagreements", "rows"), ("rows", "disagreements")):
        gone = {tuple(record[key] for key in KEYS["disagreements"]) for record in new[other]}
        result[name] = [
            record for record in result[name]
            if record in new[name] or tuple(record[key] for key in KEYS["disagreements"]) not in gone
        ]  # fmt: skip
    return result


def write(path, result):
    """Write the numbers as JSON, whole or not at all."""
    try:
        with beside(pathlib.Path(path)) as unfinished:
            unfinished.write_text(json.dumps(result, indent=1) + "\n")
    except OSError as error:
        raise click.ClickException(f"cannot write {path}: {error.strerror}.") from error
