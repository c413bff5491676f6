"""What is committed is what the sources give, and small enough."""

from __future__ import annotations

import filecmp
import gzip
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from telemetry.view.bundle import STATIC
from tests.stack.programs import REQUIRED_VARIABLE

WEB = Path(__file__).parents[2] / "web"
MOST_GZIPPED_BYTES = 150_000


def test_the_page_is_small() -> None:
    """All of it, as it would travel."""
    sizes = [len(gzip.compress(each.read_bytes())) for each in STATIC.iterdir()]

    assert sum(sizes) < MOST_GZIPPED_BYTES


def test_the_committed_page_is_that_of_the_sources(tmp_path: Path) -> None:
    """Built again it is the same, to the byte. Needs Node and ``npm ci`` in ``web``."""
    vite = WEB / "node_modules/.bin/vite"
    if not vite.exists() or shutil.which("node") is None:
        lacking = "NOT CHECKED: no Node packages; `make page` installs them"
        if "page" in os.environ.get(REQUIRED_VARIABLE, "").split(","):
            pytest.fail(f"{REQUIRED_VARIABLE} names page, and {lacking}")
        pytest.skip(lacking)
    subprocess.run(
        [vite, "build", "--outDir", tmp_path / "static", "--logLevel", "error"],
        cwd=WEB,
        check=True,
        timeout=55,
    )

    names = sorted(each.name for each in STATIC.iterdir())
    assert names == sorted(each.name for each in (tmp_path / "static").iterdir())
    same, *_ = filecmp.cmpfiles(STATIC, tmp_path / "static", names, shallow=False)
    assert sorted(same) == names
