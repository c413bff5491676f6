"""Where each signal goes, and how: OpenTelemetry's variables of the OTLP exporter.

Source: https://opentelemetry.io/docs/specs/otel/protocol/exporter/ and
https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/.
What differs is said where it does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Literal, NamedTuple, cast, get_args

from telemetry.capture.setting_values import listed, refused
from telemetry.core.errors import InvalidError
from telemetry.pipeline.delivery.endpoint_values import (
    Address,
    address,
    headers,
    timeout_s,
)
from telemetry.pipeline.outbox import Signal

Protocol = Literal["http/protobuf", "grpc"]
Compression = Literal["none", "gzip"]

PREFIX: Final = "OTEL_EXPORTER_OTLP"
DISABLED_VARIABLE: Final = "OTEL_SDK_DISABLED"
ARGUMENT: Final = "endpoint"
"""What the URL is called that does not come from the environment."""

DEFAULT_TIMEOUT_S: Final = 10.0
"""Source: the specification."""


class _Names(NamedTuple):
    variable: str
    path: str


_SIGNALS: Final[dict[Signal, _Names]] = {
    "logs": _Names("LOGS", "v1/logs"),
    "spans": _Names("TRACES", "v1/traces"),
    "metrics": _Names("METRICS", "v1/metrics"),
}


@dataclass(frozen=True, slots=True, repr=False)
class Endpoint:
    """Where one signal goes. Its ``repr`` and `where` show no secrets.

    Attributes:
        url: The whole of it for HTTP; for gRPC, scheme, host and port.
        headers: Names in small letters.
        timeout_s: Seconds for one request.
        certificate: File with the authorities to trust, in PEM; None for those that
            the system trusts.
        client_certificate: File with the certificate to show.
        client_key: File with its key, when that is not in the same one.
    """

    signal: Signal
    url: str
    protocol: Protocol = "http/protobuf"
    headers: tuple[tuple[str, str], ...] = ()
    compression: Compression = "none"
    timeout_s: float = DEFAULT_TIMEOUT_S
    certificate: str | None = None
    client_certificate: str | None = None
    client_key: str | None = None

    @property
    def where(self) -> str:
        """The URL as it may be shown."""
        return self.url.partition("?")[0]

    def __repr__(self) -> str:
        return f"Endpoint({self.signal}: {self.protocol} to {self.where})"


def endpoints(
    environ: Mapping[str, str], endpoint: str | None = None
) -> dict[Signal, Endpoint]:
    """Where each signal goes; a signal that nobody asked to deliver is not in it.

    OpenTelemetry would send to localhost when no endpoint is named. This is not done
    here: without an endpoint, what was written stays on this machine.

    Args:
        endpoint: Of a Collector: the path of each signal is appended. It goes before
            the endpoints in *environ*.

    Raises:
        InvalidError: A value is not allowed; the message has no secrets in it.
    """
    if environ.get(DISABLED_VARIABLE, "").strip().lower() == "true":
        return {}
    found: dict[Signal, Endpoint] = {}
    for signal in _SIGNALS:
        made = _Variables(environ, signal, endpoint).endpoint()
        if made is not None:
            found[signal] = made
    return found


class _Variables:
    """The variables of one signal; an empty one is as good as none."""

    def __init__(
        self, environ: Mapping[str, str], signal: Signal, given: str | None
    ) -> None:
        self._environ = environ
        self._signal = signal
        self._given = given

    def endpoint(self) -> Endpoint | None:
        """What they say together."""
        found = self._address()
        if found is None or not self._is_wanted():
            return None
        key, value, is_base = found
        protocol = self._protocol()
        parsed = self._parsed(key, value, protocol)
        url = parsed.host_url if protocol == "grpc" else parsed.url
        if protocol != "grpc" and is_base:
            url = parsed.below(_SIGNALS[self._signal].path)
        certificate, shown, private = self._files(secure=parsed.secure)
        return Endpoint(
            signal=self._signal,
            url=url,
            protocol=protocol,
            headers=self._headers(parsed, protocol),
            compression=self._compression(),
            timeout_s=self._timeout_s(),
            certificate=certificate,
            client_certificate=shown,
            client_key=private,
        )

    def _find(self, option: str) -> tuple[str, str] | None:
        """The variable of this signal, or the general one, that has a value."""
        own = f"{PREFIX}_{_SIGNALS[self._signal].variable}_{option}"
        for name in (own, f"{PREFIX}_{option}"):
            value = self._environ.get(name, "").strip()
            if value:
                return name, value
        return None

    def _is_wanted(self) -> bool:
        return bool(self._exporters() & _OTLP_EXPORTERS)

    def _exporters(self) -> set[str]:
        name = f"OTEL_{_SIGNALS[self._signal].variable}_EXPORTER"
        said = self._environ.get(name, "").lower().split(",")
        return {each.strip() for each in said if each.strip()} or {"otlp"}

    def _protocol(self) -> Protocol:
        found = self._find("PROTOCOL")
        if found is None:
            is_grpc = _GRPC_EXPORTER in self._exporters()
            return "grpc" if is_grpc else "http/protobuf"
        key, value = found
        if value.lower() not in get_args(Protocol):
            raise refused(key, value, f"one of {listed(get_args(Protocol))}")
        return cast("Protocol", value.lower())

    def _address(self) -> tuple[str, str, bool] | None:
        """The name and the value of the endpoint, and whether a path is appended."""
        if self._given is not None:
            return ARGUMENT, self._given, True
        found = self._find("ENDPOINT")
        return None if found is None else (*found, found[0] == f"{PREFIX}_ENDPOINT")

    def _parsed(self, key: str, value: str, protocol: Protocol) -> Address:
        if protocol != "grpc":
            return address(key, value)
        if find_spec("grpc") is None:
            raise InvalidError(
                f"{key} is to be spoken to by gRPC, which needs a package that is not "
                "installed: pip install 'input-telemetry[grpc]'"
            )
        if "://" not in value:
            value = f"{'http' if self._is_insecure() else 'https'}://{value}"
        return address(key, value)

    def _is_insecure(self) -> bool:
        found = self._find("INSECURE")
        # Source: the specification takes all but "true" for false.
        return found is not None and found[1].lower() == "true"

    def _headers(
        self, parsed: Address, protocol: Protocol
    ) -> tuple[tuple[str, str], ...]:
        found = self._find("HEADERS")
        given = {} if found is None else headers(*found)
        if found is not None and protocol == "grpc":
            for name, value in given.items():
                if not value.isascii() or name == "host":
                    allowed = "in ASCII, and not 'host', where gRPC is spoken"
                    raise refused(f"{name} in {found[0]}", "***", allowed)
        if parsed.authorization is not None:
            given.setdefault("authorization", parsed.authorization)
        return tuple(given.items())

    def _compression(self) -> Compression:
        found = self._find("COMPRESSION")
        if found is None:
            return "none"
        key, value = found
        if value.lower() not in get_args(Compression):
            raise refused(key, value, f"one of {listed(get_args(Compression))}")
        return cast("Compression", value.lower())

    def _timeout_s(self) -> float:
        found = self._find("TIMEOUT")
        return DEFAULT_TIMEOUT_S if found is None else timeout_s(*found)

    def _files(self, *, secure: bool) -> tuple[str | None, str | None, str | None]:
        """Authorities, certificate and key; none where nothing is encrypted."""
        if not secure:
            return None, None, None
        options = ("CERTIFICATE", "CLIENT_CERTIFICATE", "CLIENT_KEY")
        certificate, shown, private = (self._file(option) for option in options)
        if private is not None and shown is None:
            key = f"{PREFIX}_CLIENT_KEY"
            allowed = f"given together with {PREFIX}_CLIENT_CERTIFICATE"
            raise refused(key, private, allowed)
        return certificate, shown, private

    def _file(self, option: str) -> str | None:
        found = self._find(option)
        if found is None:
            return None
        key, value = found
        try:
            with Path(value).open("rb"):
                return value
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            allowed = f"the path of a file that can be read ({reason})"
            raise refused(key, value, allowed) from None


_GRPC_EXPORTER: Final = "otlp_proto_grpc"
_OTLP_EXPORTERS: Final = frozenset({"otlp", "otlp_proto_http", _GRPC_EXPORTER})
"""Source: the specification has "otlp"; the others are names of the Python SDK. Who
names exporters, and none of these, wants no OTLP of that signal."""
