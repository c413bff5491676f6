"""The example for Kubernetes: the same files, made into config maps by kustomize."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.collector.chain import FILES


def kustomization() -> dict[str, Any]:
    """What ``kubectl apply -k collector/`` reads."""
    text = (FILES / "kustomization.yaml").read_text("utf-8")
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def workloads() -> dict[str, dict[str, Any]]:
    """The pod templates of the example, by name."""
    return {
        document["metadata"]["name"]: document["spec"]["template"]
        for resource in kustomization()["resources"]
        for document in yaml.safe_load_all((FILES / resource).read_text("utf-8"))
        if document["kind"] in {"DaemonSet", "StatefulSet"}
    }


def test_the_config_maps_hold_what_is_started() -> None:
    """Each workload starts just the files of its own map, all of which exist."""
    maps = {m["name"]: m["files"] for m in kustomization()["configMapGenerator"]}

    assert maps.keys() == workloads().keys()
    for name, template in workloads().items():
        (container,) = template["spec"]["containers"]
        started = [
            Path(argument.removeprefix("--config=file:")).name
            for argument in container["args"]
        ]
        assert started == [Path(file).name for file in maps[name]]
        assert all((FILES / file).is_file() for file in maps[name])


def test_pods_are_unprivileged() -> None:
    """No root, no capability, no writable image, no token of a service account."""
    for template in workloads().values():
        spec = template["spec"]
        (container,) = spec["containers"]
        assert spec["securityContext"]["runAsNonRoot"]
        assert not spec["automountServiceAccountToken"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["readinessProbe"]["httpGet"]["path"] == "/ready"


@pytest.mark.parametrize("name", ["otelcol-agent", "otelcol-gateway"])
def test_go_knows_its_memory(name: str) -> None:
    """Go collects before Kubernetes kills: its limit is about 80 % of the pod's."""
    (container,) = workloads()[name]["spec"]["containers"]
    limit = _mebibytes(container["resources"]["limits"]["memory"])
    of_go = {e["name"]: e.get("value") for e in container["env"]}["GOMEMLIMIT"]

    assert 0.7 * limit < _mebibytes(of_go.removesuffix("B")) < 0.85 * limit


def _mebibytes(text: str) -> int:
    number, unit = re.fullmatch(r"(\d+)(Mi|Gi)", text).groups()  # type: ignore[union-attr]
    return int(number) * {"Mi": 1, "Gi": 1024}[unit]


def test_kustomize_makes_the_maps_of_these_files() -> None:
    """What kubectl would apply holds every file as it lies here."""
    if shutil.which("kubectl") is None:
        pytest.skip("NOT CHECKED: no kubectl to make the config maps with")
    done = subprocess.run(
        ["kubectl", "kustomize", str(FILES)], capture_output=True, text=True, check=True
    )
    maps = {
        re.sub(r"-\w+$", "", document["metadata"]["name"]): document["data"]
        for document in yaml.safe_load_all(done.stdout)
        if document["kind"] == "ConfigMap"
    }

    assert maps == {
        entry["name"]: {
            Path(file).name: (FILES / file).read_text("utf-8")
            for file in entry["files"]
        }
        for entry in kustomization()["configMapGenerator"]
    }
