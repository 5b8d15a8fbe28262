"""CBF images with byte-offset compression, as Pilatus detectors write them.

fabio reads them too, but only logs a checksum that does not fit and never returns from a header that is cut short;
its byte-offset decoder (which releases the GIL) is used here.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import FrameError, ShapeError
from .atomic import replacing
from .refusal import refusal

START = b"\x0c\x1a\x04\xd5"
HEADER_LINE = re.compile(rb"^\s*(X-Binary-[\w-]+|Content-MD5):\s*(.*?)\s*$", re.MULTILINE)
BAD_PIXEL = -2
MOST_COUNTS = 2**31 - 1 + BAD_PIXEL
"""Neighbours may then differ by anything that 32 bits hold: what is stored is the difference."""
REMEDY = "copy the file again; the frame is left out until then"


def is_cbf(content: bytes) -> bool:
    """Whether the content is a CBF (the name of a file does not tell: EDF is found under .cbf)."""
    return content.startswith(b"###CBF")


def decode_cbf(content: bytes, path: Path) -> npt.NDArray[np.integer]:
    """The image of a CBF file, shape (y, x), in the integer type that the header states.

    Raises FrameError where header, length or MD5 sum do not fit: half a frame is no frame.
    """
    from fabio.cbfimage import DATA_TYPES
    from fabio.compression import decByteOffset

    start = content.find(START)
    if start < 0 or b"x-CBF_BYTE_OFFSET" not in content[:start]:
        raise refusal(path, "header", f"{len(content)} bytes", "no byte-offset image in it", REMEDY, FrameError)
    header = {key.decode(): value.decode("ascii", "replace") for key, value in HEADER_LINE.findall(content[:start])}
    try:
        size = int(header["X-Binary-Size"])
        shape = int(header["X-Binary-Size-Second-Dimension"]), int(header["X-Binary-Size-Fastest-Dimension"])
        dtype = np.dtype(DATA_TYPES[header["X-Binary-Element-Type"].strip('"')])
    except (KeyError, ValueError) as error:
        raise refusal(path, "header", error, "size or type of the image is not stated", REMEDY, FrameError) from error
    packed = content[start + len(START) : start + len(START) + size]
    if len(packed) < size:
        raise refusal(path, "image", f"{len(packed)} of {size} bytes", "truncated file", REMEDY, FrameError)
    stated = header.get("Content-MD5")
    if stated and base64.b64encode(hashlib.md5(packed).digest()).decode() != stated:
        raise refusal(path, "Content-MD5", stated, "the image does not have this checksum", REMEDY, FrameError)
    pixels = np.asarray(decByteOffset(packed, size=shape[0] * shape[1], dtype=dtype))
    if pixels.size != shape[0] * shape[1]:
        raise refusal(path, "image", f"{pixels.size} pixels", f"header says {shape}", REMEDY, FrameError)
    return pixels.reshape(shape)


def write_cbf(path: str | Path, frame: npt.NDArray[np.integer], header: Mapping[str, str]) -> None:
    """Write one frame (y, x) as int32 with a Pilatus header, one line `# key value` per item of `header`.

    Raises ShapeError for values that such an image does not hold: counts are -2 (bad pixel) to MOST_COUNTS.
    """
    from fabio.cbfimage import CbfImage

    if frame.ndim != 2 or frame.size == 0 or frame.min() < BAD_PIXEL or frame.max() > MOST_COUNTS:
        raise ShapeError(f"frame of shape {frame.shape}: a CBF image is (y, x) of counts from -2 to {MOST_COUNTS}")
    contents = "\r\n".join(f"# {key} {value}" for key, value in header.items())
    image = CbfImage(
        header={"_array_data.header_convention": "PILATUS_1.2", "_array_data.header_contents": contents},
    )
    image.data = np.ascontiguousarray(frame, dtype=np.int32)
    with replacing(Path(path), level=logging.DEBUG) as part:
        image.write(str(part))
