"""The buffers of BACKUP and RESTORE: memory that costs nothing before it is used, and is the system's again after it.

Filling a bytearray with zeros holds all threads up, and what small pieces leave behind stays with the process: a
backup's and a restore's memory would add up.
"""

from __future__ import annotations

import mmap
from contextlib import suppress

__all__ = ["buffer"]


def buffer(size: int) -> memoryview:
    """Give so many bytes; they go back once nobody has a view of them."""
    made = mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        with suppress(OSError):  # a kernel without them; with them memory comes in a hundredth of the time
            made.madvise(mmap.MADV_HUGEPAGE)
    return memoryview(made)
