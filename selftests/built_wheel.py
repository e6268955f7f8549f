"""The wheel as users get it: built from what git would archive, installed into environments of its own, no download."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import sysconfig
import tarfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ROOT = Path(__file__).resolve().parent.parent
OURS = "restoreproof"


@dataclass(frozen=True)
class Environment:
    """A virtual environment with the wheel in it and an empty folder to work in."""

    folder: Path
    here: Path

    @property
    def python(self):
        return self.folder / "bin" / "python"

    def run(self, *words, cwd=None, **added):
        """Run a program of the environment to its end; the clone is nowhere on its way."""
        program = self.folder / "bin" / words[0]
        return run([program, *words[1:]], cwd or self.here, VIRTUAL_ENV=str(self.folder), **added)


def run(words, cwd, **added):
    """Run a command to its end without anything that pytest put into this process' environment."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "PYTHONPATH"))}
    state = {"XDG_STATE_HOME": str(Path(cwd) / "state"), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [str(word) for word in words],
        cwd=cwd,
        env={**kept, **state, **added},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def archive(folder):
    """Write what git archives of the current commit into a new folder."""
    packed = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        tar.extractall(folder, filter="data")
    return folder


def build(source, folder):
    """Build the wheel with the setuptools that is here."""
    words = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-q"]
    done = run([*words, "--wheel-dir", folder, source], folder.parent)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(folder.glob("*.whl"))


def install(wheel, folder, extras: Iterable[str]):
    """An environment with the wheel, what it depends on with these extras, and nothing else."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "env"], check=True)
    environment = Environment(folder / "env", folder / "empty")
    environment.here.mkdir()
    lib = f"python{sys.version_info.major}.{sys.version_info.minor}"
    _link(needed(extras).values(), folder / "env" / "lib" / lib / "site-packages")
    words = [sys.executable, "-m", "pip", "--python", environment.python, "install", "--no-deps", "--no-index", "-q"]
    done = run([*words, "--no-compile", wheel], folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return environment


def needed(extras: Iterable[str] = ()) -> Mapping[str, metadata.Distribution]:
    """The installed distributions that ours depends on, directly and through others."""
    found: dict[str, metadata.Distribution] = {}
    todo, seen = [(OURS, tuple(extras))], set()
    while todo:
        name, chosen = todo.pop()
        if (name, chosen) in seen:
            continue
        seen.add((name, chosen))
        distribution = metadata.distribution(name)
        if name != OURS:
            found[name] = distribution
        todo += _requirements(distribution, chosen)
    return found


def _requirements(distribution, extras):
    for text in distribution.requires or ():
        requirement = Requirement(text)
        if requirement.marker is None or any(requirement.marker.evaluate({"extra": e}) for e in ("", *extras)):
            yield canonicalize_name(requirement.name), tuple(sorted(requirement.extras))


def _link(distributions, target):
    """Make the distributions importable in another environment: links take no time and no network."""
    homes = {Path(sysconfig.get_path(name)).resolve() for name in ("purelib", "platlib")}
    for distribution in distributions:
        tops = {file.parts[0] for file in distribution.files or () if file.parts[0] not in ("..", "__pycache__")}
        for top in tops:
            source = next((home / top for home in homes if (home / top).exists()), None)
            if source and not (target / top).is_symlink():
                (target / top).symlink_to(source)
