"""The buffers of BACKUP and RESTORE: memory that costs nothing before it is used, and is the system's again after it.

Filling a bytearray with zeros holds all threads up, and what small pieces leave behind stays with the process: a
backup's and a restore's memory would add up.
"""

from __future__ import annotations

import mmap

__all__ = ["buffer"]


def buffer(size: int) -> memoryview:
    """Give so many bytes; they go back once nobody has a view of them."""
    return memoryview(mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))
