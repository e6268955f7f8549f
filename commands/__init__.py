"""The ``restoreproof`` command."""
