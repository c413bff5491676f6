"""Which files the rules look at."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]

CODE_FOLDERS: Final = (
    *("telemetry", "tests", "examples", "benchmarks", "dashboards", "collector"),
    "scripts",
)

_SKIPPED: Final = frozenset({".git", ".venv", "__pycache__", "build", "dist"})


def python_files(root: Path = ROOT) -> list[Path]:
    """All Python files of ours, the tests and the scripts beside the package too."""
    return [
        path
        for folder in CODE_FOLDERS
        for path in sorted((root / folder).rglob("*.py"))
        if not _SKIPPED & set(path.relative_to(root).parts)
    ]


def repository_files(root: Path = ROOT) -> list[Path]:
    """What is committed or would be; outside of a checkout, what lies there."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        check=False,
    )
    if listing.returncode == 0:
        paths = [root / name for name in listing.stdout.decode().split("\0") if name]
    else:
        paths = [
            path
            for path in sorted(root.rglob("*"))
            if not _SKIPPED & set(path.relative_to(root).parts)
        ]
    return [path for path in paths if path.is_file()]
