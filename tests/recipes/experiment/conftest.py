"""Makes the shared pieces of this folder and of tests/acquisition importable."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
for folder in (HERE, HERE.parents[1] / "acquisition"):
    sys.path.insert(0, str(folder))
