"""What content is, decided by its bytes. Runs in a process of its own (`process.py`), with limits: the bytes may be hostile."""

from mmap import mmap
from typing import Final

type Content = bytes | mmap
"""All bytes of a file: `mmap` keeps those in memory that are being read."""

PROCESS: Final = f"{__name__}.process"
EXHAUSTED: Final = ("limits_exceeded", "The content cannot be inspected within the limits of memory and time.")
"""Code and message of the refusal of what takes too much memory or time."""
