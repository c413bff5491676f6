"""The Collector's files: each combination is valid, and names nothing outdated."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.collector.chain import AGENT, FILES, GATEWAY
from tests.stack.programs import need

OVERLAYS = FILES / "overlays"
NODE = FILES / "kubernetes" / "agent-node.yaml"
CONFIGS = [AGENT, GATEWAY, NODE, *sorted(OVERLAYS.glob("*.yaml"))]

REQUIRED_VARIABLES = (
    "COLLECTOR_CERT_FILE",
    "COLLECTOR_KEY_FILE",
    "COLLECTOR_TOKEN_FILE",
    "GATEWAY_CA_FILE",
    "GATEWAY_DNS_NAME",
    "NODE_NAME",
)
"""Variables without a default."""

OUTDATED = frozenset(
    {
        *("batch", "deltatocumulative", "jaeger", "loadbalancing", "logging", "loki"),
        *("memory_ballast", "opencensus", "otlp", "otlphttp", "resourcedetection"),
        *("signaltometrics", "spanmetrics", "zipkin"),
    }
)
"""Components by names that are gone, deprecated or new again; ``otlp`` is one for
exporters only."""


def overlay(name: str) -> Path:
    """The file of an overlay."""
    return OVERLAYS / f"{name}.yaml"


def combinations() -> list[list[Path]]:
    """Every set of files that the documentation allows, in the order it asks for."""
    tls, auth, balanced = (overlay(f"agent-{n}") for n in ("tls", "auth", "balanced"))
    secure = [[], [tls], [tls, auth]]
    agents = [[AGENT, *files] for files in secure]
    agents += [
        [AGENT, *files, balanced, *more]
        for files, more in (
            ([], []),
            ([tls], [overlay("agent-balanced-tls")]),
            (
                [tls, auth],
                [overlay("agent-balanced-tls"), overlay("agent-balanced-auth")],
            ),
        )
    ]
    gateway_overlays = [overlay("gateway-tls"), overlay("gateway-auth")]
    gateways = [
        [GATEWAY, *chosen]
        for count in range(3)
        for chosen in itertools.combinations(gateway_overlays, count)
    ]
    last = [[], [overlay("debug")]]
    found = [[*files, *debug] for files in [*agents, *gateways] for debug in last]
    return [*found, [AGENT, NODE], [AGENT, balanced, NODE]]


@pytest.mark.parametrize(
    "files", combinations(), ids=lambda files: "+".join(f.stem for f in files)
)
def test_each_combination_is_valid(files: list[Path], tmp_path: Path) -> None:
    """The real Collector finds nothing to object to, warnings included."""
    assert complaints(files, tmp_path) == ""


@pytest.mark.parametrize(
    ("right", "wrong", "complaint"),
    [
        ("decision_wait:", "decision_delay:", "invalid keys: decision_delay"),
        ("truncate_all(log.attributes, 8192)", "truncate_al(log)", "truncate_al"),
        ("[otlp_grpc/tempo]", "[otlp_grpc/temp]", "otlp_grpc/temp"),
    ],
)
def test_the_validation_finds_errors(
    tmp_path: Path, right: str, wrong: str, complaint: str
) -> None:
    """An unknown key, value, function or component does not get past it."""
    text = GATEWAY.read_text("utf-8")
    assert right in text
    path = tmp_path / "gateway.yaml"
    path.write_text(text.replace(right, wrong), "utf-8")

    assert complaint in complaints([path], tmp_path)


def complaints(files: list[Path], folder: Path) -> str:
    """What the Collector says of *files*; nothing when they are valid."""
    required = dict.fromkeys(REQUIRED_VARIABLES, "value")
    done = subprocess.run(
        [need("otelcol"), "validate", *(f"--config=file:{path}" for path in files)],
        env={**os.environ, **required, "COLLECTOR_STORAGE": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def test_every_overlay_is_in_a_combination() -> None:
    """No overlay is shipped that is not validated."""
    assert set(CONFIGS) == {path for files in combinations() for path in files}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_components_go_by_their_present_names(path: Path) -> None:
    """No component is outdated, and none batches outside the exporters' queues."""
    config = yaml.safe_load(path.read_text("utf-8"))
    used = {
        (kind, name.partition("/")[0])
        for kind in ("receivers", "processors", "exporters", "connectors", "extensions")
        for name in config.get(kind, {})
    }

    assert {name for kind, name in used if kind != "receivers"} & OUTDATED == set()
    assert ("receivers", "otlp") in used or path not in {AGENT, GATEWAY}


@pytest.mark.parametrize("path", [AGENT, GATEWAY], ids=lambda path: path.stem)
def test_memory_is_limited_where_data_comes_in(path: Path) -> None:
    """The limiter is first where OTLP comes in, and nowhere behind a connector."""
    config = yaml.safe_load(path.read_text("utf-8"))
    for pipeline in config["service"]["pipelines"].values():
        processors = pipeline.get("processors", [])
        if "otlp" in pipeline["receivers"]:
            assert processors[0] == "memory_limiter"
        else:
            assert "memory_limiter" not in processors


@pytest.mark.parametrize("path", [AGENT, GATEWAY], ids=lambda path: path.stem)
def test_every_queue_is_on_disk(path: Path) -> None:
    """Each exporter keeps what it has taken on disk and tries for ever."""
    config = yaml.safe_load(path.read_text("utf-8"))
    for exporter in config["exporters"].values():
        assert exporter["sending_queue"]["storage"] == "file_storage"
        assert "batch" in exporter["sending_queue"]
        assert exporter["retry_on_failure"]["max_elapsed_time"] == "0s"


def test_variables_are_documented() -> None:
    """The page for operators has every variable, and no other."""
    used = {
        name
        for path in CONFIGS
        for name in re.findall(r"\$\{env:(\w+)", path.read_text("utf-8"))
    }
    page = (FILES.parent / "docs" / "collector.md").read_text("utf-8")
    told = re.findall(r"^\| `(\w+)`", page, re.MULTILINE)

    assert sorted(told) == sorted(used)


def test_variables_without_a_default_are_few() -> None:
    """Only overlays ask for something, and what they ask for is a file or a name."""
    asked = {
        name
        for path in CONFIGS
        for name in re.findall(r"\$\{env:(\w+)\}", path.read_text("utf-8"))
    }

    assert asked == set(REQUIRED_VARIABLES)


def test_the_manifest_is_of_one_release() -> None:
    """All modules are of the version that the images have, as the builder demands."""
    manifest = yaml.safe_load((FILES / "builder.yaml").read_text("utf-8"))
    version = manifest["dist"]["version"]
    modules = [
        entry["gomod"].split()[1]
        for kind, entries in manifest.items()
        if kind not in {"dist", "replaces"}
        for entry in entries
    ]
    _, minor, patch = version.split(".")
    # The stable modules count from 1.0 at the Collector's 0.94.
    stable = f"v1.{int(minor) - 94}.{patch}"

    assert set(modules) == {f"v{version}", stable}
