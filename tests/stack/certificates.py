"""An authority and certificates of its own making, for loopback."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.stack.programs import HOST


class Authority:
    """Signs certificates, with the program ``openssl``; skips the test without it."""

    def __init__(self, folder: Path) -> None:
        if shutil.which("openssl") is None:
            pytest.skip("NOT CHECKED: no openssl to make certificates with")
        self._folder = folder
        self.certificate = folder / "ca.pem"
        self._key = folder / "ca.key"
        self._make(self.certificate, self._key, "authority")

    def issue(self, name: str) -> tuple[Path, Path]:
        """Paths of a certificate for loopback, and of its key."""
        certificate = self._folder / f"{name}.pem"
        key = self._folder / f"{name}.key"
        signed = ["-CA", str(self.certificate), "-CAkey", str(self._key)]
        self._make(certificate, key, name, *signed)
        return certificate, key

    def _make(self, certificate: Path, key: Path, name: str, *signed: str) -> None:
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        names = f"subjectAltName=IP:{HOST},DNS:localhost"
        files = ["-out", str(certificate), "-keyout", str(key)]
        subject = ["-subj", f"/CN={name}", "-days", "1", "-addext", names]
        subprocess.run(
            ["openssl", "req", "-x509", *curve, *subject, *files, *signed],
            check=True,
            capture_output=True,
        )
