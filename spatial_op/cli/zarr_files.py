"""Zarr arrays, and the first level of OME-Zarr images: lazily read, warped, and written beside, chunk by chunk."""

import contextlib
import functools
import itertools
import sys
from concurrent.futures import ThreadPoolExecutor

import click
import dask
import zarr
from dask import array as da
from dask.diagnostics import ProgressBar
from dask.highlevelgraph import HighLevelGraph
from dask.system import CPU_COUNT

from ..dask import warp
from . import room
from .axes import places
from .failures import failures, interrupted, prepare
from .fills import number_of, require_held
from .opacity import sampling
from .pictures import Refused
from .progress import lines
from .unfinished import place_of, resumed


def run(source, target, request, workers, chunk, axes):
    """From a zarr array to a new one, with a progress bar."""
    if target.suffix != ".zarr":
        raise click.UsageError(f"IN is a zarr array and OUT is {str(target)!r}, expected a name that ends in .zarr.")
    if target.exists():
        raise click.UsageError(f"OUT {str(target)!r} exists already, expected a new name; remove it or choose another.")
    fill = number_of(request.fill)
    watched = ProgressBar(out=sys.stderr) if sys.stderr.isatty() else contextlib.nullcontext()
    with lines(), watched, dask.config.set(scheduler="threads", num_workers=workers), failures(source, target):
        prepare(target.parent)
        with notice(target):
            found = warp_file(source, target, request, fill, chunk, axes)
    click.echo(f"wrote {target} ({found})")


@contextlib.contextmanager
def notice(target):
    """Say what stays when a run ends early."""
    try:
        yield
    except BaseException as error:
        if place_of(target).exists():
            words = f"what is done is kept in {place_of(target)}; the same command goes on from there."
            if isinstance(error, KeyboardInterrupt):
                interrupted(words)
            click.echo(f"Note: {words}", err=True)
        raise


def warp_file(source, target, request, fill, chunk, letters):
    """From a zarr array, or an OME-Zarr group, to a new one; what was written, in words."""
    root, array, names, levels = opened(source)
    y, x = places(array.shape, array.dtype, names, letters)
    if fill is not None:
        require_held([fill], array.dtype)
    image = da.moveaxis(da.from_zarr(array), (y, x), (-2, -1))
    matrix, shape = request.geometry.of(*image.shape[-2:])
    channel_axis = 0 if image.ndim == 3 else None  # so that no axis is taken for colours
    options = {**sampling(request), "channel_axis": channel_axis}
    if fill is not None:
        options["fill_value"] = fill
    out = warp(image, matrix, shape, chunks=chunk, **options)
    room.require(out.chunksize, array.dtype, "choose a smaller --chunk")
    out = da.moveaxis(out, (-2, -1), (y, x))
    out = out.rechunk(tuple(max(axis) for axis in out.chunks))
    described = [str(source.resolve()), array.shape, str(array.dtype), request, out.chunksize]
    # After an error or an interrupt no thread may go on writing: the pool waits for them.
    with (
        resumed(target, described) as (path, done),
        ThreadPoolExecutor(dask.config.get("num_workers", None) or CPU_COUNT) as pool,
    ):
        result = reopened(path, levels) if done else created(path, root, array, levels, out)
        store(out.astype(array.dtype), result, done, pool)
    return f"{' x '.join(map(str, out.shape))}, {out.dtype}"


def store(out, result, done, pool):
    """Compute the chunks that are not done, and write them."""
    name = f"write-{out.name}"
    places = (place for place in itertools.product(*map(range, out.numblocks)) if place not in done)
    step = functools.partial(write, result, done)
    tasks = {(name, *place): (step, list(place), (out.name, *place)) for place in places}
    graph = HighLevelGraph.from_collections(name, tasks, dependencies=[out])
    dask.base.compute_as_if_collection(da.Array, graph, list(tasks), pool=pool)


def write(result, done, place, block):
    """One chunk, which is done then."""
    result[tuple(slice(k * size, (k + 1) * size) for k, size in zip(place, result.chunks))] = block
    done.add(tuple(place))


def opened(source):
    """The root, the array, the names of its axes if they are known, and where an OME-Zarr group says that it is."""
    try:
        root = zarr.open(str(source), mode="r")
        if isinstance(root, zarr.Array):
            named = root.attrs.get("_ARRAY_DIMENSIONS") or getattr(root.metadata, "dimension_names", None)
            return root, root, named, None
        multiscales = root.attrs.get("ome", root.attrs).get("multiscales")
        if not multiscales:
            arrays = sorted(name for name, _ in root.arrays())
            held = f"holds {', '.join(arrays)}" if arrays else "holds no arrays"
            raise Refused(f"it is a group that {held}, expected an array or an OME-Zarr image; name one of its arrays")
        names = [axis if isinstance(axis, str) else axis["name"] for axis in multiscales[0].get("axes", [])]
        array = root[multiscales[0]["datasets"][0]["path"]]
        return root, array, names, multiscales
    except Refused:
        raise
    except Exception as error:  # of many kinds, by version and by what is broken
        raise Refused(f"it cannot be read as a zarr array: {error}") from error


def reopened(path, levels):
    """The array that an earlier run has created."""
    root = zarr.open(str(path), mode="r+")
    return root if levels is None else root[levels[0]["datasets"][0]["path"]]


def created(path, root, array, levels, out):
    """A new array like the old one, of another size; in a group, if the old one is in one."""
    old = array.metadata
    options = {
        "shape": out.shape, "dtype": array.dtype, "chunks": out.chunksize, "fill_value": array.fill_value,
        "compressors": array.compressors, "filters": array.filters, "zarr_format": old.zarr_format,
        "attributes": dict(array.attrs), "overwrite": True,
    }  # fmt: skip
    if old.zarr_format == 3:
        options.update(dimension_names=old.dimension_names, serializer=array.serializer)
    else:
        options.update(order=array.order, chunk_key_encoding={"name": "v2", "separator": old.dimension_separator})
    if levels is None:
        return zarr.create_array(str(path), **options)
    group = zarr.open_group(str(path), mode="w", zarr_format=options.pop("zarr_format"))
    attributes = dict(root.attrs)
    kept = [{**levels[0], "datasets": levels[0]["datasets"][:1]}]
    if "ome" in attributes:
        attributes["ome"] = {**attributes["ome"], "multiscales": kept}
    else:
        attributes["multiscales"] = kept
    group.attrs.update(attributes)
    return group.create_array(levels[0]["datasets"][0]["path"], **options)
