"""Images of a run by a folder or a pattern, sorted by number; a file may hold several."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from ...errors import InputFileError
from ...nouns.frame_source import INSIDE, WILD, is_pattern
from ..refusal import refusal
from .stacks import natural, the_stack

HDF5_ENDINGS = (".h5", ".hdf5", ".hdf", ".nxs", ".nx5", ".hd5")
TIFF_ENDINGS = (".tif", ".tiff")
ENDINGS = (".cbf", ".edf", *TIFF_ENDINGS, *HDF5_ENDINGS)


def image_folder(images: Path) -> Path:
    """The folder that names of images are relative to: `images` itself, of a pattern the part before the first wildcard."""
    if not is_pattern(images):
        return images
    plain = []
    for part in images.parts:
        if WILD & set(part):
            break
        plain.append(part)
    return Path(*plain)


def image_files(images: Path) -> list[Path]:
    """The images that a folder holds or a pattern means, by number; InputFileError where there are none."""
    folder = image_folder(images)
    if is_pattern(images):
        found = [path for path in folder.glob(images.relative_to(folder).as_posix()) if path.is_file()]
    else:
        found = [path for path in folder.iterdir() if path.suffix.lower() in ENDINGS and path.is_file()]
        usual = Counter(path.suffix.lower() for path in found).most_common(1)
        found = [path for path in found if path.suffix.lower() == usual[0][0]] if usual else []
    if not found:
        remedy = f"give a folder or a pattern such as raw/*.tif; images end in {', '.join(ENDINGS)}"
        raise refusal(images, "frames.images", images.name, "there is no image", remedy)
    return sorted(found, key=lambda path: natural(path.relative_to(folder).as_posix()))


def series(images: Path) -> tuple[str, ...]:
    """Every frame of a folder or pattern by its name below `image_folder`; of a file with several, `name::number` from 0."""
    folder = image_folder(images)
    names: list[str] = []
    for path in image_files(images):
        name, count = path.relative_to(folder).as_posix(), frames_in(path)
        names += [name] if count == 1 else [f"{name}{INSIDE}{number}" for number in range(count)]
    return tuple(names)


def frames_in(path: Path) -> int:
    """How many frames an image file holds; 1 where it cannot be read, which costs that frame."""
    ending = path.suffix.lower()
    if ending == ".cbf":
        return 1
    try:
        if ending in HDF5_ENDINGS:
            return max(the_stack(path, None).frames, 1)
        if ending in TIFF_ENDINGS:
            import tifffile  # as fabio: only images need it

            with tifffile.TiffFile(path) as file:
                return max(len(file.pages), 1)
        import fabio

        with fabio.open(path) as image:
            return max(int(image.nframes), 1)
    except InputFileError:
        raise
    except Exception:  # whatever the readers of a damaged file run into
        return 1


def image_path(folder: Path, name: str, table: Path) -> Path:
    """Where the image `name` of a table lies: below the folder of the images, or of the table; the first where in neither."""
    below = folder / name
    return beside if not below.is_file() and (beside := table.parent / name).is_file() else below


def name_and_number(name: str) -> tuple[str, int | None]:
    """A file and the number of the image in it, None where it holds one."""
    match = re.fullmatch(rf"(.*){INSIDE}(\d+)", name)
    return (match[1], int(match[2])) if match else (name, None)
