"""Clone bootstrap: this clone must be the installed RestoreProof, or two versions would be mixed in silence."""

import sys
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).resolve().parent
FOUND = find_spec("restoreproof.fixtures") if find_spec("restoreproof") else None
if FOUND is None or FOUND.origin is None or Path(FOUND.origin).resolve().parent != HERE / "fixtures":
    sys.exit(f"RestoreProof in {HERE} is not the installed one: run `python -m pip install -e '.[dev]'` there first")

pytest_plugins = ["restoreproof.fixtures.plugin"]
