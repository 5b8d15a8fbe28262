"""The memory of a frame is used again for the next, that of a stage goes back to the system."""

import os
import subprocess
import sys

import pytest

FRAMES = """
import resource, sys
import numpy as np
from electrosaxs.reduction.memory import keep_freed_frames
if sys.argv[1] == "kept" and not keep_freed_frames():
    sys.exit("the C library cannot be told")
np.ones(2_500_000, np.int32)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    np.ones(2_500_000, np.int32)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(how: str) -> int:
    """Of twenty frames of 10 MB in a process as dask starts it."""
    environment = {**os.environ, "MALLOC_TRIM_THRESHOLD_": "65536"}
    done = subprocess.run(
        [sys.executable, "-c", FRAMES, how], env=environment, capture_output=True, text=True, check=True
    )
    return int(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="the setting is of the GNU C library")
def test_memory_of_a_frame_is_used_again() -> None:
    assert page_faults("kept") < 0.1 * page_faults("left")


GIVEN = """
import sys
import numpy as np
from electrosaxs.reduction.memory import give_back, keep_freed_frames
def held():
    return int(open("/proc/self/statm").read().split()[1])
keep_freed_frames()
blocks = [np.ones(100_000) for _ in range(100)]
kept = blocks[1::2]
del blocks
before = held()
give_back()
print(before - held())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the setting is of the GNU C library")
def test_what_lies_free_between_blocks_in_use_is_given_back() -> None:
    """Fifty of a hundred blocks of 0.8 MB."""
    done = subprocess.run([sys.executable, "-c", GIVEN], capture_output=True, text=True, check=True)
    assert int(done.stdout) * os.sysconf("SC_PAGESIZE") > 0.9 * 50 * 0.8e6
