"""Make docs/gallery.md and docs/images/gallery/: every figure of every command, as the commands themselves leave them.

    python docs/make_gallery.py

Runs demo, predict, fit, plan, curves and calibrate in a temporary folder (three minutes); figures are made 700 pixels wide,
captions are those of the reports.
"""

from __future__ import annotations

import html
import re
import subprocess
import tempfile
from pathlib import Path

from PIL import Image

HERE = Path(__file__).parent
IMAGES = HERE / "images" / "gallery"
WIDTH = 700
COMMANDS: tuple[tuple[str, str, str], ...] = (
    ("analyse", "electrosaxs analyse demo/run/run.toml --out results", "results"),
    ("predict", "electrosaxs predict examples/experiment.toml --out prediction", "prediction"),
    ("fit", "electrosaxs fit results --out fit", "fit"),
    ("plan", "electrosaxs plan examples/experiment.toml --target slice-flux=3e-10 --out plan", "plan"),
    (
        "plan, what to measure next",
        "electrosaxs plan examples/experiment.toml --measure charge_exponent --out next",
        "next",
    ),
    ("curves", "electrosaxs curves a.dat b.h5 --out curves", "curves"),
    ("calibrate", "electrosaxs calibrate agbh.cbf --calibrant AgBh --energy-kev 13.3 -o geometry.poni", "."),
)
BEFORE = ("electrosaxs demo --out demo", "electrosaxs examples --data")
HEAD = """# All figures

Made by `python docs/make_gallery.py` from the commands that stand above them; `results` are those of the simulated run of
`electrosaxs demo`. Each is written as PNG and SVG beside its report.
"""


def figures_of(folder: Path) -> list[tuple[Path, str]]:
    """Picture and caption of each figure that a command has left in `folder`, in the order of its pages."""
    found = []
    for page in sorted(folder.rglob("report.html")):
        text = page.read_text(encoding="utf-8")
        for name, caption in re.findall(r'<figure id="([\w-]+)">.*?<figcaption>(.*?)</figcaption>', text, re.S):
            picture = page.parent / "figures" / f"{name}.png"
            if picture.is_file():
                words = " ".join(html.unescape(re.sub(r"<[^>]+>", "", caption)).split())
                found.append((picture, re.sub(r"^Figure \d+\. | Full size: PNG, SVG$", "", words)))
    return found


def main() -> None:
    """Run everything, then write page and pictures."""
    for old in IMAGES.glob("*.png"):
        old.unlink()
    IMAGES.mkdir(parents=True, exist_ok=True)
    parts = [HEAD]
    with tempfile.TemporaryDirectory() as place:
        for command in (*BEFORE, *(command for _, command, _ in COMMANDS)):
            subprocess.run(command, shell=True, cwd=place, check=True)
        for title, command, out in COMMANDS:
            folder = Path(place) / out
            figures = [(Path(place) / "geometry.png", "")] if out == "." else figures_of(folder)
            parts.append(f"## {title}\n\n    {command}\n")
            for picture, caption in figures:
                name = f"{re.sub(r'[^a-z]+', '_', title)}_{picture.stem}.png"
                with Image.open(picture) as image:
                    small = image.convert("RGB").resize(
                        (WIDTH, round(image.height * WIDTH / image.width)), Image.LANCZOS
                    )
                    small.quantize(128).save(IMAGES / name, optimize=True)
                parts.append(f"![{picture.stem.replace('_', ' ')}](images/gallery/{name})\n\n{caption}\n")
    (HERE / "gallery.md").write_text("\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    main()
