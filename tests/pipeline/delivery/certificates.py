"""Authorities and certificates, made with the program ``openssl`` for one test."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from pathlib import Path

import pytest


def openssl(*arguments: str, cwd: Path) -> None:
    """Run it; a test that needs it is skipped, loudly, where it is not installed."""
    if shutil.which("openssl") is None:
        pytest.skip("TLS IS NOT TESTED HERE: the program 'openssl' is not installed")
    subprocess.run(["openssl", *arguments], cwd=cwd, check=True, capture_output=True)


class Authority:
    """One that signs certificates for 127.0.0.1; its own is in *file*."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self.name = name
        self.file = folder / f"{name}.pem"
        self.key = folder / f"{name}.key"
        openssl(
            *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", f"/CN={name}"),
            *("-addext", "basicConstraints=critical,CA:TRUE"),
            *("-keyout", self.key.name, "-out", self.file.name),
            cwd=folder,
        )

    def signed(self, name: str) -> tuple[Path, Path]:
        """A certificate and its key."""
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        openssl(
            *("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-subj", f"/CN={name}", "-keyout", key.name, "-out", f"{name}.csr"),
            cwd=self.folder,
        )
        extensions = self.folder / f"{name}.ext"
        names = "IP:127.0.0.1,DNS:localhost,DNS:otlp.invalid"
        extensions.write_text(f"subjectAltName={names}\n", "utf-8")
        openssl(
            *("x509", "-req", "-in", f"{name}.csr", "-days", "2"),
            *("-CA", self.file.name, "-CAkey", self.key.name, "-CAcreateserial"),
            *("-extfile", extensions.name, "-out", certificate.name),
            cwd=self.folder,
        )
        return certificate, key


def serving(
    certificate: Path, key: Path, clients: Authority | None = None
) -> ssl.SSLContext:
    """How a server shows itself, and whom it lets in."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    if clients is not None:
        context.load_verify_locations(clients.file)
        context.verify_mode = ssl.CERT_REQUIRED
    return context
