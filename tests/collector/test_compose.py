"""What compose starts: pinned, unprivileged, on loopback, with our files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.collector.chain import FILES

STACK = FILES / "compose.yaml"
ONE = FILES / "compose.lgtm.yaml"
BOTH = pytest.mark.parametrize("path", [STACK, ONE], ids=lambda path: path.stem)
ONE_SHOT = "otelcol-volume"
"""Hands a volume to the Collector and ends: root, without a network."""
MADE_ELSEWHERE = {"json", "provisioning", "rules"}
"""Folders of dashboards/, which tests of their own look at."""


def services(path: Path) -> dict[str, dict[str, Any]]:
    """The services of a file, with what they have in common."""
    found: dict[str, dict[str, Any]] = yaml.safe_load(path.read_text("utf-8"))[
        "services"
    ]
    return found


@BOTH
def test_images_are_pinned(path: Path) -> None:
    """Each image has a full version, and never ``latest``."""
    for service in services(path).values():
        assert re.search(r":v?\d+\.\d+\.\d+$", service["image"]), service["image"]


@BOTH
def test_ports_are_on_loopback(path: Path) -> None:
    """Nothing is reachable from another machine."""
    ports = [port for s in services(path).values() for port in s.get("ports", ())]

    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


@BOTH
def test_mounted_files_exist_and_cannot_be_written(path: Path) -> None:
    """A file of ours is mounted read-only; data lives in volumes that are declared."""
    declared = yaml.safe_load(path.read_text("utf-8"))["volumes"]
    for service in services(path).values():
        for volume in service.get("volumes", ()):
            source, _, rest = volume.partition(":")
            if not source.startswith("."):
                assert source in declared
                continue
            assert rest.endswith(":ro")
            mounted = (FILES / source).resolve()
            assert mounted.exists() or mounted.name in MADE_ELSEWHERE


@BOTH
def test_grafana_knows_who_asks(path: Path) -> None:
    """No anonymous access, and a password that whoever starts it has to choose."""
    (grafana,) = (
        service
        for service in services(path).values()
        if "grafana/grafana" in service["image"] or "otel-lgtm" in service["image"]
    )
    environment = grafana["environment"]

    assert environment["GF_AUTH_ANONYMOUS_ENABLED"] == "false"
    assert environment["GF_SECURITY_ADMIN_PASSWORD"].startswith(
        "${GRAFANA_ADMIN_PASSWORD:?"
    )


def test_services_are_unprivileged() -> None:
    """No root, no capability, no writable image; but for the one-shot."""
    for name, service in services(STACK).items():
        if name == ONE_SHOT:
            assert service["network_mode"] == "none"
            continue
        assert not service["user"].startswith("0:"), name
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name


def test_services_tell_their_health() -> None:
    """All that can say whether they work are asked; the Collector's image cannot."""
    asked = {name for name, s in services(STACK).items() if "healthcheck" in s}

    assert services(STACK).keys() - asked == {"otelcol", ONE_SHOT}
    assert "healthcheck" in services(ONE)["lgtm"]


def test_the_image_is_the_one_that_is_tested() -> None:
    """The Collector of compose and Kubernetes is of the manifest's version."""
    manifest = yaml.safe_load((FILES / "builder.yaml").read_text("utf-8"))
    wanted = f"otel/opentelemetry-collector-contrib:{manifest['dist']['version']}"
    texts = [
        path.read_text("utf-8")
        for path in (STACK, *sorted((FILES / "kubernetes").glob("*.yaml")))
    ]
    images = set(re.findall(r"otel/opentelemetry\S+", "\n".join(texts)))

    assert images == {wanted}


def test_prometheus_is_the_one_that_is_tested() -> None:
    """The version of the image is that of ``scripts/backends.py``."""
    from scripts import backends

    version = services(STACK)["prometheus"]["image"].partition(":")[2]

    assert version == backends.PROMETHEUS.replace("v0.3", "v3.")


def test_the_single_container_resolves_our_names() -> None:
    """Every host in the files that it mounts leads to itself."""
    inside = {host.partition(":")[0] for host in services(ONE)["lgtm"]["extra_hosts"]}
    text = "".join(
        (FILES / name).read_text("utf-8")
        for name in ("gateway.yaml", "prometheus.yaml")
    )
    named = set(re.findall(r"(?:http://|:-|\[)([a-z]\w+):\d+", text))

    assert named - {"localhost"} <= inside
