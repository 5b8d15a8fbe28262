"""Tests of this folder share `dask_processes`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
