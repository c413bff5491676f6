"""The environment variables that matter to the toolkit, as they may be shown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Final, NamedTuple

from telemetry.policy.secret_names import words

OURS: Final = {
    "TELEMETRY_DIR": "the folder of black boxes, sockets and stores",
    "TELEMETRY_AGENT": "who delivers: auto, process, thread or none",
    "TELEMETRY_RECEIVE": "where the agent takes OTLP: host:port, or none",
    "TELEMETRY_RECEIVE_TOKEN": "what senders of OTLP have to show",
    "TELEMETRY_CONSOLE": "how lines are shown: auto, pretty, json or none",
    "TELEMETRY_LEVEL": "the least level that is written",
    "TELEMETRY_BUDGET_BYTES": "how large a black box may grow",
    "TELEMETRY_CAPTURE": "the roads on which lines are caught",
    "TELEMETRY_STACK_SIGNAL": "the signal that asks a blocked loop for its stack",
    "TELEMETRY_INPUT": "the input that started this process; set by the toolkit",
}
"""All that we read, and what each is for. A test finds what is read and not here."""

OTHERS: Final = (
    "BAGGAGE",
    "FORCE_COLOR",
    "NO_COLOR",
    "TRACEPARENT",
    "TRACESTATE",
    "XDG_RUNTIME_DIR",
)
"""What we read of others', beside all that begins with ``OTEL_``."""

MASK: Final = "***"
_OUR_PREFIX: Final = "TELEMETRY_"
_OTEL_PREFIX: Final = "OTEL_"
_HEADERS: Final = "HEADERS"
_ALIKE: Final = 0.6
# Fewer than those that are scrubbed: the names are not people's own.
_TELLING: Final = frozenset(
    [
        "auth",
        "authorization",
        "cookie",
        "credential",
        "credentials",
        "key",
        "passphrase",
        "passwd",
        "password",
        "pwd",
        "secret",
        "token",
    ]
)
# The user and the password of a URL: everything up to the last @ of its authority.
_USER: Final = re.compile(r"(?<=://)[^/?#\s]*(?=@)")


class Variable(NamedTuple):
    """A variable that is set.

    Attributes:
        value: With what is secret in it masked.
        nearest: Of one that begins with ``TELEMETRY_`` and is not read: what may
            have been meant, or "".
    """

    name: str
    value: str
    known: bool = True
    nearest: str = ""


def variables(environ: Mapping[str, str]) -> list[Variable]:
    """Those of *environ* that we or OpenTelemetry read, and those that look so."""
    found: list[Variable] = []
    for name in sorted(environ):
        value = masked(name, environ[name])
        if name in OURS or name in OTHERS or name.startswith(_OTEL_PREFIX):
            found.append(Variable(name, value))
        elif name.upper().startswith(_OUR_PREFIX):
            near = get_close_matches(name.upper(), OURS, 1, _ALIKE)
            found.append(Variable(name, value, known=False, nearest="".join(near)))
    return found


def masked(name: str, value: str) -> str:
    """*value* without its secrets; of headers, the names are kept.

    Source of the form of headers: the OTLP exporter's specification, pairs as in W3C
    Baggage. What has no ``=`` may be a secret by itself.
    """
    if _HEADERS in name.upper().split("_"):
        return ",".join(_masked_pair(pair) for pair in value.split(",") if pair)
    if _is_secret(name) and not value.isdecimal():
        return MASK
    pairs = [
        _masked_pair(pair) if _is_secret(pair.partition("=")[0]) else pair
        for pair in value.split(",")
    ]
    return _USER.sub(MASK, ",".join(pairs))


def _masked_pair(pair: str) -> str:
    name, equals, _ = pair.partition("=")
    return f"{name.strip()}={MASK}" if equals else MASK


def _is_secret(name: str) -> bool:
    return not _TELLING.isdisjoint(words(name))
