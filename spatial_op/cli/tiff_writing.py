"""TIFF files that tifffile writes, like those that were read, or plain ones."""

import xml.etree.ElementTree

import numpy as np
import tifffile
from tifffile import COMPRESSION

from .pictures import Refused


def write(path, picture):
    """Write all series to one file."""
    own = picture.source.get("format") == "TIFF"
    series = picture.source["series"] if own else [options_for(picture)] * len(picture.pages)
    flavour = dict(picture.source["file"]) if own else {}
    if own and picture.source.get("opacity_added"):
        if flavour["imagej"] or "ome" in picture.source:
            raise Refused(
                "files of ImageJ and OME say how many channels they hold; choose a --fill without transparency"
            )
        series = [with_opacity(options) for options in series]
    size = sum(page.nbytes for page in picture.pages)
    flavour["bigtiff"] = flavour.get("bigtiff") or size > 2**32 - 2**25
    pages = [back(page, options) for page, options in zip(picture.pages, series)]
    if not own and len(pages) > 1 and len({page.shape for page in pages}) == 1:
        pages, series = [np.stack(pages)], [{**series[0], "axes": "T" + series[0]["axes"]}]
    if flavour.get("imagej") and (flavour["bigtiff"] or pages[0].dtype.char not in "BHhf"):
        flavour["imagej"] = False
    with tifffile.TiffWriter(path, **flavour) as file:
        for number, (page, options) in enumerate(zip(pages, series)):
            options = {key: value for key, value in options.items() if key != "order"}
            axes, kept = options.pop("axes"), options.pop("metadata", {})
            if page.dtype == bool and options.get("compression") not in (None, "deflate", COMPRESSION.PACKBITS):
                options["compression"] = "deflate"
            if "ome" in picture.source:
                options["metadata"] = None
                if number == 0:
                    options["description"] = resized(picture.source["ome"], picture.pages).encode()
            elif "description" in options:
                options["metadata"] = None
            else:
                options["metadata"] = {**kept, "axes": axes}
            file.write(page, **options)


def with_opacity(options):
    """How to write pages that have got one more channel, which holds the opacity."""
    added = {**options, "extrasamples": ["unassalpha"]}
    if "S" not in options["axes"]:
        order = [*options["order"][:-2], len(options["order"]), *options["order"][-2:]]
        added.update(axes=options["axes"] + "S", planarconfig="contig", order=order)
    return added


def back(page, options):
    """An array with its axes in the order of the file."""
    return np.ascontiguousarray(page.transpose(np.argsort(options["order"])))


def options_for(picture):
    """How to write what came from a file of another format."""
    channels = picture.pages[0].ndim > 2
    options = {
        "axes": "YXS" if channels else "YX",
        "order": [2, 0, 1] if channels else [0, 1],
        "compression": "deflate",
    }
    photometric = {"rgb": "rgb", "cmyk": "separated", "palette": "palette"}.get(picture.colours, "minisblack")
    options.update(photometric=photometric, iccprofile=picture.details.get("icc_profile"))
    if picture.opacity:
        options["extrasamples"] = ["unassalpha"]
    if channels:
        options["planarconfig"] = "contig"
    if picture.colours == "palette":
        palette = np.array(picture.details["palette"] + [0] * 768, np.uint16)[:768]
        options["colormap"] = palette.reshape(256, 3).T * 257
    if "dpi" in picture.details:
        options.update(resolution=tuple(map(float, picture.details["dpi"])), resolutionunit=2)
    return {key: value for key, value in options.items() if value is not None}


def resized(ome, pages):
    """OME's description, with the sizes of the warped pages."""
    root = xml.etree.ElementTree.fromstring(ome)
    space = root.tag[: root.tag.index("}") + 1]
    xml.etree.ElementTree.register_namespace("", space[1:-1])
    for pixels, page in zip(root.iter(f"{space}Pixels"), pages):
        pixels.set("SizeY", str(page.shape[-2]))
        pixels.set("SizeX", str(page.shape[-1]))
    return xml.etree.ElementTree.tostring(root, encoding="unicode", xml_declaration=True)
