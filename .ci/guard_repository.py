"""What a public repository must not tell: folders of the machine it was written on, package indexes, loose ends.

Looks at what git tracks and at nothing else. Exit code 1 with a line per place found.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FORBIDDEN = {
    "a folder of a machine": re.compile(r"(?<![\w.])/(?:work|root|home|opt|tmp)/"),
    "an address of a package index": re.compile(r"(?i)\bpypi\.org|pythonhosted|--(?:extra-)?index-url"),
    "a loose end": re.compile(r"\b(?:TODO|FIXME|XXX)\b"),
}
PIXELS = {".png", ".npy", ".npz", ".h5", ".nxs"}
PACKAGES = {".whl", ".gz", ".zip", ".egg", ".deb"}
LARGEST = 1_000_000  # bytes


def tracked() -> list[Path]:
    """Files under version control."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [file for name in listed.stdout.splitlines() if (file := ROOT / name).is_file()]


def tracked_texts() -> list[Path]:
    """Those with text; this one, which names what is forbidden, left out."""
    return [f for f in tracked() if f != Path(__file__).resolve() and f.suffix not in PIXELS]


def no_source() -> list[str]:
    """What was downloaded or made, and committed by mistake."""
    return [
        f"{file.relative_to(ROOT)}: a package or more than {LARGEST} bytes"
        for file in tracked()
        if file.suffix in PACKAGES or file.stat().st_size > LARGEST
    ]


def found() -> list[str]:
    """Lines of the form `file:line: what`, one for each place."""
    return [
        f"{file.relative_to(ROOT)}:{number}: {what}"
        for file in tracked_texts()
        for number, line in enumerate(file.read_text(encoding="utf-8", errors="ignore").splitlines(), start=1)
        for what, pattern in FORBIDDEN.items()
        if pattern.search(line)
    ]


if __name__ == "__main__":
    places = found() + no_source()
    print(*places, sep="\n", end="\n" if places else "")
    sys.exit(bool(places))
