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


def tracked_texts() -> list[Path]:
    """Text files under version control; this one, which names what is forbidden, left out."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    files = (ROOT / name for name in listed.stdout.splitlines())
    return [f for f in files if f.is_file() and f != Path(__file__).resolve() and f.suffix not in PIXELS]


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
    places = found()
    print(*places, sep="\n", end="\n" if places else "")
    sys.exit(bool(places))
