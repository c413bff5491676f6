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

REQUIRED_VARIABLES = {
    name: "value"
    for name in (
        "COLLECTOR_CERT_FILE",
        "COLLECTOR_KEY_FILE",
        "COLLECTOR_TOKEN_FILE",
        "GATEWAY_CA_FILE",
        "GATEWAY_DNS_NAME",
        "NODE_NAME",
    )
}
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
    environment = {
        **os.environ,
        **REQUIRED_VARIABLES,
        "COLLECTOR_STORAGE": str(tmp_path),
    }
    done = subprocess.run(
        [need("otelcol"), "validate", *(f"--config=file:{path}" for path in files)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_validation_finds_errors(tmp_path: Path) -> None:
    """A key that does not exist, and a statement that does not parse, are found."""
    text = GATEWAY.read_text("utf-8")
    for wrong in (
        text.replace("decision_wait:", "decision_delay:"),
        text.replace("truncate_all(log.attributes, 8192)", "truncate_all(log.things)"),
    ):
        path = tmp_path / "gateway.yaml"
        path.write_text(wrong, "utf-8")
        with pytest.raises(AssertionError):
            test_each_combination_is_valid([path], tmp_path)


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


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_variables_without_a_default_are_known(path: Path) -> None:
    """A forgotten variable is an error at the start, not an empty value."""
    used = set(re.findall(r"\$\{env:(\w+)\}", path.read_text("utf-8")))

    assert used <= REQUIRED_VARIABLES.keys()


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
