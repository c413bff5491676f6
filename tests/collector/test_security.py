"""Between agent and gateway: TLS with certificates on both sides, and a token."""

from __future__ import annotations

import http.client
import ssl
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import pytest

from tests.collector.chain import AGENT, BACKENDS, FILES, GATEWAY, QUICK, to
from tests.stack import sending
from tests.stack.certificates import Authority
from tests.stack.collector import SINK, CollectorRun
from tests.stack.fixtures import StartCollector

OVERLAYS = FILES / "overlays"
ALL_KEPT = {**QUICK, "COLLECTOR_SHARE_PERCENT": "100"}


@dataclass(frozen=True, slots=True)
class Secrets:
    """Files for both sides."""

    authority: Authority
    folder: Path

    def of_gateway(self) -> dict[str, str]:
        """The variables of a gateway that wants certificate and token."""
        token = self.folder / "token"
        token.write_text("correct", "utf-8")
        return {
            **self._issued("gateway"),
            "COLLECTOR_CLIENT_CA_FILE": str(self.authority.certificate),
            "COLLECTOR_TOKEN_FILE": str(token),
        }

    def of_agent(self, token: str) -> dict[str, str]:
        """The variables of an agent that shows *token*."""
        file = self.folder / "agent-token"
        file.write_text(token, "utf-8")
        return {
            **self._issued("agent"),
            "GATEWAY_CA_FILE": str(self.authority.certificate),
            "COLLECTOR_TOKEN_FILE": str(file),
        }

    def _issued(self, name: str) -> dict[str, str]:
        certificate, key = self.authority.issue(name)
        return {"COLLECTOR_CERT_FILE": str(certificate), "COLLECTOR_KEY_FILE": str(key)}


@pytest.fixture
def secrets(tmp_path: Path) -> Secrets:
    """Files for both sides."""
    return Secrets(Authority(tmp_path), tmp_path)


def start_gateway(
    start: StartCollector, secrets: Secrets, backends: CollectorRun | None = None
) -> CollectorRun:
    """A gateway that wants certificate and token."""
    files = (GATEWAY, OVERLAYS / "gateway-tls.yaml", OVERLAYS / "gateway-auth.yaml")
    ways = {} if backends is None else to(backends)
    return start(*files, variables={**ALL_KEPT, **secrets.of_gateway(), **ways})


def test_all_signals_pass_with_certificate_and_token(
    start_collector: StartCollector, secrets: Secrets
) -> None:
    """Logs by the plain exporter and traces by the balanced one, all overlays laid."""
    backends = start_collector(SINK, BACKENDS)
    gateway = start_gateway(start_collector, secrets, backends)
    overlays = ("tls", "auth", "balanced", "balanced-tls", "balanced-auth")
    agent = start_collector(
        AGENT,
        *(OVERLAYS / f"agent-{name}.yaml" for name in overlays),
        variables={
            **secrets.of_agent("correct"),
            "GATEWAY_ENDPOINT": f"localhost:{gateway.grpc_port}",
            "GATEWAY_DNS_NAME": "localhost",
            "GATEWAY_PORT": str(gateway.grpc_port),
        },
    )
    one = sending.span(sending.trace_id_of(1), "one")
    sending.send(agent.http_port, sending.traces([one]))
    sending.send(agent.http_port, sending.logs([sending.log_record("one")]))
    backends.wait_until(lambda run: run.spans() and run.logs())


@pytest.mark.parametrize(
    ("token", "with_certificate", "answer"),
    [
        ("correct", True, HTTPStatus.OK),
        ("wrong", True, HTTPStatus.UNAUTHORIZED),
        (None, True, HTTPStatus.UNAUTHORIZED),
        ("correct", False, None),
    ],
)
def test_who_lacks_one_of_both_is_refused(
    start_collector: StartCollector,
    secrets: Secrets,
    token: str | None,
    with_certificate: bool,
    answer: int | None,
) -> None:
    """Without the token the answer is 401; without a certificate there is none."""
    gateway = start_gateway(start_collector, secrets)
    context = ssl.create_default_context(cafile=str(secrets.authority.certificate))
    if with_certificate:
        context.load_cert_chain(*secrets.authority.issue("caller"))
    headers = {"Content-Type": "application/x-protobuf"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    body = sending.logs([sending.log_record("one")]).SerializeToString()
    line = http.client.HTTPSConnection("localhost", gateway.http_port, context=context)
    try:
        line.request("POST", "/v1/logs", body, headers)
        status = line.getresponse().status
    except OSError:  # the handshake failed
        status = None
    finally:
        line.close()

    assert status == answer


def test_nothing_is_taken_in_the_clear(
    start_collector: StartCollector, secrets: Secrets
) -> None:
    """A gateway with TLS answers no plain request."""
    gateway = start_gateway(start_collector, secrets)

    with pytest.raises((OSError, AssertionError)):
        sending.send(gateway.http_port, sending.logs([sending.log_record("one")]))
    assert (
        gateway.own_metrics().get("otelcol_receiver_accepted_log_records_total") is None
    )
