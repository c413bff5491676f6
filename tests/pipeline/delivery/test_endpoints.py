"""The standard variables mean what OpenTelemetry's specification says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

from telemetry.core.errors import InvalidError
from telemetry.pipeline.delivery import endpoints as module
from telemetry.pipeline.delivery.endpoints import Endpoint, endpoints
from telemetry.pipeline.outbox import Signal

BASE = "OTEL_EXPORTER_OTLP"
URL = "http://collector:4318"


def found(_given: str | None = None, **variables: str) -> dict[Signal, Endpoint]:
    """What these variables say; ``ENDPOINT`` stands for its whole name."""
    environ = {
        name if name.startswith("OTEL_") else f"{BASE}_{name}": value
        for name, value in variables.items()
    }
    return endpoints(environ, _given)


def logs(**variables: str) -> Endpoint:
    """The endpoint of logs, with a URL that does not matter."""
    return found(**{"ENDPOINT": URL, **variables})["logs"]


def test_nothing_is_sent_unasked() -> None:
    """Without an endpoint there is none: localhost is not taken for granted."""
    assert found() == {}
    assert found(ENDPOINT="", HEADERS="a=b") == {}


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("http://c:4318", "http://c:4318/v1/logs"),
        ("http://c:4318/", "http://c:4318/v1/logs"),
        ("https://c/otlp", "https://c/otlp/v1/logs"),
        ("https://c/otlp/?tenant=a", "https://c/otlp/v1/logs?tenant=a"),
        ("HTTP://[::1]:4318", "http://[::1]:4318/v1/logs"),
        (" http://c:4318 ", "http://c:4318/v1/logs"),
    ],
)
def test_path_is_appended_to_the_base(base: str, expected: str) -> None:
    """Of each signal, whatever the base ends with."""
    made = found(ENDPOINT=base)

    assert made["logs"].url == expected
    assert made["spans"].url == expected.replace("logs", "traces")
    assert made["metrics"].url == expected.replace("logs", "metrics")
    assert found(base)["logs"].url == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("http://c:4318/v1/logs", "http://c:4318/v1/logs"),
        ("http://c:4318/other", "http://c:4318/other"),
        ("http://c:4318", "http://c:4318/"),
    ],
)
def test_path_is_not_appended_to_a_signals_own(value: str, expected: str) -> None:
    """It is taken as it is; the other signals keep theirs."""
    made = found(ENDPOINT=URL, LOGS_ENDPOINT=value)

    assert made["logs"].url == expected
    assert made["spans"].url == f"{URL}/v1/traces"


def test_one_signal_alone() -> None:
    """Only what has an endpoint is delivered."""
    assert list(found(TRACES_ENDPOINT=f"{URL}/v1/traces")) == ["spans"]


def test_argument_goes_before_the_environment() -> None:
    """Before a signal's own variable, too."""
    made = found("http://mine:1", ENDPOINT=URL, LOGS_ENDPOINT=f"{URL}/x")

    assert made["logs"].url == "http://mine:1/v1/logs"


@pytest.mark.parametrize(
    "value",
    [
        "collector:4318",
        "ftp://c",
        "http://",
        "http://c:0",
        "http://c:99999",
        "http://a b",
    ],
)
def test_bad_url(value: str) -> None:
    """What is no URL is refused, with the name of what said it."""
    with pytest.raises(InvalidError, match=f"{BASE}_LOGS_ENDPOINT is .* a URL such as"):
        found(LOGS_ENDPOINT=value)
    with pytest.raises(InvalidError, match=r"endpoint is .*; it must be a URL"):
        found(value)


def test_user_in_the_url_becomes_a_header() -> None:
    """And is gone from the URL."""
    made = found("https://me:p%40ss@c")["logs"]

    assert made.url == "https://c/v1/logs"
    assert dict(made.headers)["authorization"] == "Basic bWU6cEBzcw=="


def test_secrets_are_not_shown() -> None:
    """Neither in the endpoint's repr, nor in where it says it goes, nor in errors."""
    made = found("https://me:geheim@c/x?key=geheim", HEADERS="a=geheim")["logs"]

    assert "geheim" not in f"{made!r} {made.where}"
    for variables in (
        {"ENDPOINT": "nope://me:geheim@c?key=geheim"},
        {"HEADERS": "api-key=geheim,geheim"},
        {"HEADERS": "a=geheim%0d%0a"},
    ):
        with pytest.raises(InvalidError, match="it must be") as caught:
            logs(**variables)
        assert "geheim" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a=b", {"a": "b"}),
        ("Api-Key=v%2Cw, x = y ", {"api-key": "v,w", "x": "y"}),
        ("a=b=c==,,", {"a": "b=c=="}),
        ("authorization=Bearer abc", {"authorization": "Bearer abc"}),  # not encoded
        ("a=%C3%A4", {"a": "ä"}),
        ("a=", {"a": ""}),
        ("a=100%", {"a": "100%"}),
        ("a=1,a=2", {"a": "2"}),
    ],
)
def test_headers(text: str, expected: dict[str, str]) -> None:
    """Pairs with commas between them, percent-encoded."""
    assert dict(logs(HEADERS=text).headers) == expected


@pytest.mark.parametrize("text", ["novalue", "=x", "a b=c", "a=x\ny", "a:b=c", "ä=b"])
def test_bad_headers(text: str) -> None:
    """What is no pair, or cannot be sent."""
    with pytest.raises(InvalidError, match=f"{BASE}_HEADERS is .* pairs such as"):
        logs(HEADERS=text)


def test_headers_that_are_ours() -> None:
    """How the body is written is not for the user to say."""
    with pytest.raises(InvalidError, match="'content-type', which the exporter sets"):
        logs(HEADERS="Content-Type=text/plain")


@pytest.mark.parametrize(
    ("text", "expected_s"),
    [
        ("10000", 10.0),  # milliseconds, by the specification
        ("2500", 2.5),
        ("10", 10.0),  # seconds, as Python's SDK reads it
        ("0.5", 1.0),
        ("200", 1.0),  # never less: nobody waits for it
    ],
)
def test_timeout(text: str, expected_s: float) -> None:
    """Milliseconds; numbers that make no sense as such are seconds."""
    assert logs(TIMEOUT=text).timeout_s == expected_s
    assert logs(TIMEOUT="9000", LOGS_TIMEOUT=text).timeout_s == expected_s


@pytest.mark.parametrize("text", ["0", "-5", "soon", "nan", "inf", "1e12"])
def test_bad_timeout(text: str) -> None:
    """What is no time is refused."""
    with pytest.raises(InvalidError, match=f"{BASE}_TIMEOUT is .* milliseconds"):
        logs(TIMEOUT=text)


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("COMPRESSION", "deflate", "one of 'none', 'gzip'"),
        ("PROTOCOL", "http/json", "one of 'http/protobuf', 'grpc'"),
        ("LOGS_PROTOCOL", "smoke", "one of 'http/protobuf', 'grpc'"),
    ],
)
def test_bad_choice(option: str, value: str, message: str) -> None:
    """The message has the key, the value, and what is allowed."""
    with pytest.raises(InvalidError, match=f"{BASE}_{option} is '{value}'.*{message}"):
        logs(**{option: value})


def test_a_signals_own_goes_first() -> None:
    """For each option; another signal keeps the general one."""
    made = found(
        ENDPOINT=URL,
        COMPRESSION="GZIP",
        LOGS_COMPRESSION="none",
        HEADERS="a=1",
        LOGS_HEADERS="b=2",
    )

    assert (made["logs"].compression, made["logs"].headers) == ("none", (("b", "2"),))
    assert (made["spans"].compression, made["spans"].headers) == ("gzip", (("a", "1"),))


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"OTEL_SDK_DISABLED": "TRUE"}, []),
        ({"OTEL_SDK_DISABLED": "yes"}, ["logs", "spans", "metrics"]),
        ({"OTEL_LOGS_EXPORTER": "none"}, ["spans", "metrics"]),
        ({"OTEL_TRACES_EXPORTER": "console, otlp"}, ["logs", "spans", "metrics"]),
        ({"OTEL_METRICS_EXPORTER": "prometheus"}, ["logs", "spans"]),
        ({"OTEL_LOGS_EXPORTER": "none", "LOGS_PROTOCOL": "x"}, ["spans", "metrics"]),
    ],
)
def test_switched_off(variables: dict[str, str], expected: list[str]) -> None:
    """Who wants no OTLP of a signal gets none, and its settings do not matter."""
    assert list(found(**{"ENDPOINT": URL, **variables})) == expected


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"ENDPOINT": "http://c:4317/ignored"}, "http://c:4317"),
        ({"ENDPOINT": "https://c"}, "https://c:443"),
        ({"ENDPOINT": "c:4317"}, "https://c:4317"),
        ({"ENDPOINT": "c:4317", "INSECURE": "True"}, "http://c:4317"),
        ({"ENDPOINT": "c:4317", "LOGS_INSECURE": "true"}, "http://c:4317"),
        ({"ENDPOINT": "https://c:4317", "INSECURE": "true"}, "https://c:4317"),
        ({"LOGS_ENDPOINT": "http://c:4317/v1/logs"}, "http://c:4317"),
    ],
)
def test_grpc(variables: dict[str, str], expected: str) -> None:
    """No path; the scheme says whether it is encrypted, and without one INSECURE."""
    made = found(**{"PROTOCOL": "grpc", **variables})["logs"]

    assert (made.url, made.protocol) == (expected, "grpc")


def test_grpc_by_the_name_of_the_exporter() -> None:
    """Python's name for it says the protocol, unless that is said."""
    variables = {"OTEL_LOGS_EXPORTER": "otlp_proto_grpc"}

    assert logs(**variables).protocol == "grpc"
    assert logs(**variables, PROTOCOL="http/protobuf").protocol == "http/protobuf"


def test_grpc_without_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message has the line that installs it."""
    monkeypatch.setattr(module, "find_spec", lambda _name: None)

    with pytest.raises(InvalidError, match=r"pip install 'input-telemetry\[grpc\]'"):
        logs(PROTOCOL="grpc")


def test_files(tmp_path: Path) -> None:
    """They are looked at where something is encrypted, and not elsewhere."""
    path = tmp_path / "file.pem"
    path.write_text("x", "utf-8")
    variables = {
        "CERTIFICATE": str(path),
        "CLIENT_CERTIFICATE": str(path),
        "LOGS_CLIENT_KEY": str(path),
    }
    made = logs(ENDPOINT="https://c", **variables)
    plain = logs(ENDPOINT="http://c", CERTIFICATE="/nowhere")

    assert made.certificate == made.client_certificate == made.client_key == str(path)
    assert plain.certificate is None


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("CERTIFICATE", "a file that can be read .No such file"),
        ("CLIENT_CERTIFICATE", "a file that can be read"),
        ("CLIENT_KEY", "a file that can be read"),
    ],
)
def test_missing_file(option: str, message: str) -> None:
    """A path that leads nowhere is found out at once."""
    with pytest.raises(InvalidError, match=f"{BASE}_{option} is '/nowhere'.*{message}"):
        logs(ENDPOINT="https://c", **{option: "/nowhere"})


def test_key_without_a_certificate(tmp_path: Path) -> None:
    """It could not be shown."""
    with pytest.raises(InvalidError, match=r"together with .*CLIENT_CERTIFICATE"):
        logs(ENDPOINT="https://c", CLIENT_KEY=__file__)


@pytest.mark.parametrize(
    "variables",
    [
        {"ENDPOINT": "http://c:4318"},
        {"ENDPOINT": "http://c:4318/x/"},
        {"ENDPOINT": "http://c", "LOGS_ENDPOINT": "http://l:1/a"},
        {
            "ENDPOINT": "http://c",
            "HEADERS": "a=1,B=%2C2",
            "TRACES_HEADERS": "c=Bearer x",
        },
        {"ENDPOINT": "http://c", "COMPRESSION": "gzip", "TIMEOUT": "20"},
    ],
)
def test_as_the_sdk_reads_them(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python's own exporters come to the same."""
    for name, value in variables.items():
        monkeypatch.setenv(f"{BASE}_{name}", value)
    exporters: dict[Signal, Any] = {
        "logs": OTLPLogExporter(),
        "spans": OTLPSpanExporter(),
    }
    for signal, exporter in exporters.items():
        made, client = found(**variables)[signal], exporter._client
        theirs = {name.lower(): value for name, value in client._headers.items()}

        assert made.url == client._endpoint
        assert made.timeout_s == client._timeout
        assert dict(made.headers).items() <= theirs.items()
        assert made.compression == client._compression.value
        exporter.shutdown()
