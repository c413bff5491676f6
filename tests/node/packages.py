"""Node's packages of `package.json`, installed once, outside of the repository.

    python -m tests.node.packages    install them, or say why that cannot be

They lie beside the programs that `scripts.backends` builds, under what they were made
of. `make test` runs this first, as npm may take longer than a test may.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import pytest

from scripts import backends
from tests.stack.programs import REQUIRED_VARIABLE

HERE: Final = Path(__file__).parent
NAME: Final = "node"
MANIFEST: Final = HERE / "package.json"

_INSTALL: Final = ("npm", "install", "--no-audit", "--no-fund", "--no-package-lock")
_INSTALL_S: Final = 300


def folder() -> Path:
    """Where they are, or will be."""
    key = hashlib.sha256(MANIFEST.read_bytes()).hexdigest()[:12]
    return backends.cache_directory() / f"{NAME}-{key}"


def need_modules() -> Path:
    """The folder ``node_modules``; without it the test is skipped, or fails."""
    lacking = install()
    if not lacking:
        return folder() / "node_modules"
    lacking = f"NOT CHECKED: {lacking}"
    if NAME in os.environ.get(REQUIRED_VARIABLE, "").split(","):
        pytest.fail(f"{REQUIRED_VARIABLE} names {NAME}, and {lacking}")
    pytest.skip(lacking)


def install() -> str:
    """Put them there, whole or not at all; why that could not be, or ""."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        return "there is no Node with npm"
    target = folder()
    if target.is_dir():
        return ""
    target.parent.mkdir(parents=True, exist_ok=True)
    with backends.locked(target.with_suffix(".lock")):
        if target.is_dir():  # by another process, while this one waited
            return ""
        print("installing Node's packages for the tests, once", flush=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
            made = Path(scratch, "made")
            made.mkdir()
            shutil.copy(MANIFEST, made)
            try:
                subprocess.run(
                    _INSTALL,
                    cwd=made,
                    capture_output=True,
                    check=True,
                    timeout=_INSTALL_S,
                )
            except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
                return f"npm could not install its packages: {error}"
            made.rename(target)
    return ""


if __name__ == "__main__":
    sys.exit(install() or None)
