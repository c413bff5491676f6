"""What an agent is to do, from arguments and the environment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from telemetry.core.errors import InvalidError
from telemetry.pipeline.delivery.endpoints import Endpoint, endpoints
from telemetry.pipeline.metrics.temporality import Temporality, preference
from telemetry.pipeline.outbox import Signal

RECEIVE_VARIABLE: Final = "TELEMETRY_RECEIVE"
TOKEN_VARIABLE: Final = "TELEMETRY_RECEIVE_TOKEN"  # noqa: S105  # the name of one
INTERVAL_VARIABLE: Final = "OTEL_METRIC_EXPORT_INTERVAL"

RECEIVE_PORT: Final = 14318
"""Not 4318, which is the Collector's: both may run on one machine."""

GRPC_PORT: Final = 14317

_INTERVAL_MS: Final = 10_000
"""The SDK has 60,000; but then the last value of a container that has gone would be
shown for minutes."""
_LEAST_INTERVAL_MS: Final = 100
_MOST_INTERVAL_MS: Final = 3_600_000
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_LAST_PORT: Final = 65_535
_NONE: Final = "none"
_ADDRESS: Final = re.compile(
    r"(?:(?P<host>\[[0-9a-fA-F:.]+\]|[^:\[\]/\s]+):)?(?P<port>\d{1,5})"
)


class Address(NamedTuple):
    """Where to listen."""

    host: str
    port: int


class AgentWanted(NamedTuple):
    """The settings of an agent.

    Attributes:
        endpoints: Where each signal goes; what is not there is only stored.
        receive: Where to take OTLP over HTTP; None for nowhere.
        is_preferred: *receive* was asked for: another port will not do.
        grpc_port: Where to take OTLP over gRPC, on the same host; 0 for any.
        token: What a sender has to show; None for nothing.
        temporality: Of sums and histograms.
        metrics_every_s: Seconds between two exports of metrics.
        stands_in: It only keeps what another agent delivers: see `Ledger`.
    """

    endpoints: Mapping[Signal, Endpoint]
    receive: Address | None
    is_preferred: bool
    grpc_port: int
    token: str | None
    metrics_every_s: float
    temporality: Temporality
    stands_in: bool = False


def wanted(
    environ: Mapping[str, str],
    *,
    endpoint: str | None = None,
    receive: str | None = None,
) -> AgentWanted:
    """What these arguments and this environment ask for.

    Raises:
        InvalidError: A value is not allowed.
    """
    key, said = "receive", receive
    if said is None:
        key, said = RECEIVE_VARIABLE, environ.get(RECEIVE_VARIABLE) or None
    usual = Address("127.0.0.1", RECEIVE_PORT)
    address: Address | None = usual
    if said is not None:
        address = _address(key, said)
    goes = {
        signal: each
        for signal, each in endpoints(environ, endpoint).items()
        if not _is_own(each, address or usual)
    }
    return AgentWanted(
        goes,
        address,
        said is not None,
        0 if said is not None else GRPC_PORT,
        environ.get(TOKEN_VARIABLE) or None,
        _interval_s(environ),
        preference(environ),
    )


def wanted_inside(
    environ: Mapping[str, str], *, endpoint: str | None = None
) -> AgentWanted:
    """The same for an agent inside a program: it listens only where it is asked to.

    Who imports a library does not expect a port to be opened.

    Raises:
        InvalidError: A value is not allowed.
    """
    receive = environ.get(RECEIVE_VARIABLE) or _NONE
    return wanted(environ, endpoint=endpoint, receive=receive)


def _is_own(endpoint: Endpoint, address: Address) -> bool:
    """Whether an agent would deliver to itself.

    A program that was told to send its OTLP to the agent passes its environment on
    to an agent that it starts.
    """
    url = urlsplit(endpoint.url)
    return url.port == address.port and url.hostname in {*_LOOPBACK, address.host}


def _address(key: str, said: str) -> Address | None:
    if said.strip().lower() == _NONE:
        return None
    found = _ADDRESS.fullmatch(said.strip())
    if found is None or int(found["port"]) > _LAST_PORT:
        raise InvalidError(
            f"{key} is {said!r}; it must be 'host:port' with a port from 0 (any) to "
            f"65535, or '{_NONE}'"
        )
    return Address((found["host"] or "127.0.0.1").strip("[]"), int(found["port"]))


def _interval_s(environ: Mapping[str, str]) -> float:
    said = environ.get(INTERVAL_VARIABLE) or str(_INTERVAL_MS)
    ms = int(said) if said.isascii() and said.isdecimal() else 0
    if _LEAST_INTERVAL_MS <= ms <= _MOST_INTERVAL_MS:
        return ms / 1e3
    raise InvalidError(
        f"{INTERVAL_VARIABLE} is {said!r}; it must be whole milliseconds from "
        f"{_LEAST_INTERVAL_MS} to {_MOST_INTERVAL_MS}"
    )
