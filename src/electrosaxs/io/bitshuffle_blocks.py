"""Whether the blocks of a bitshuffle + LZ4 chunk lie inside it.

The decoder of `bitshuffle` follows the length written before each block without looking where the chunk ends, so that
one damaged byte can end the process. Walking along the lengths first costs a few microseconds.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..compiled import compiled


def blocks_fit(packed: npt.NDArray[np.uint8], elements: int, itemsize: int, per_block: int) -> bool:
    """True where `packed` (bytes after the chunk's 12-byte header) holds all blocks of `elements` of `itemsize` bytes.

    Full blocks of `per_block` elements, one shorter block of a multiple of 8, then fewer than 8 elements as they are
    (bitshuffle, `bshuf_blocked_wrap_fun`).
    """
    full, rest = divmod(elements, per_block)
    return bool(_end_of_blocks(packed, full + (rest >= 8)) + (rest % 8) * itemsize <= len(packed))


@compiled()
def _end_of_blocks(packed, blocks):  # type: ignore[no-untyped-def]
    """Position after `blocks` blocks of packed (n,) uint8, each a big-endian length of 4 bytes and as many bytes."""
    at = np.int64(0)
    for _ in range(blocks):
        if at + 4 > packed.size:
            return packed.size + 1
        length = (np.int64(packed[at]) << 24) | (np.int64(packed[at + 1]) << 16)
        length |= (np.int64(packed[at + 2]) << 8) | np.int64(packed[at + 3])
        at += 4 + length
    return at
