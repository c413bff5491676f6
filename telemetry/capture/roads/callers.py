"""Who starts a thread or a process: the program for its input, or a library for itself.

A library that starts a worker when it is first needed does so under whatever input
happens to run. That worker goes on to serve everybody, so it must not keep the id.
Nothing says this about a thread; what tells is the module that calls ``start()``.
"""

from __future__ import annotations

from types import FrameType
from typing import Final

LIBRARIES: Final = frozenset({
    # The standard library: pools, feeders of queues, listeners, servers.
    "asyncio",
    "concurrent",
    "logging",
    "multiprocessing",
    # Telemetry, ours and that of others: exporters, flushers, samplers, monitors.
    "comet_ml",
    "datadog",
    "ddtrace",
    "debugpy",
    "elasticapm",
    "logfire",
    "loguru",
    "mlflow",
    "newrelic",
    "opentelemetry",
    "posthog",
    "prometheus_client",
    "pyroscope",
    "sentry_sdk",
    "statsig",
    "telemetry",
    "tqdm",
    "wandb",
    # Clients and runtimes with a thread or a pool that everybody shares.
    "aiosqlite",
    "anyio",
    "apscheduler",
    "boto3",
    "botocore",
    "confluent_kafka",
    "distributed",
    "fsspec",
    "google",
    "grpc",
    "ipykernel",
    "joblib",
    "kafka",
    "modal",
    "psycopg_pool",
    "pymongo",
    "ray",
    "requests",
    "s3transfer",
    "urllib3",
    "watchdog",
    "zmq",
})  # fmt: skip
"""Packages whose threads and processes begin without an input: first part of the name
of the module that calls ``start()``."""

LOOKED_THROUGH: Final = (
    "ddtrace.contrib",
    "ddtrace.internal",
    "logfire._internal.integrations",
    "multiprocessing.context",
    "multiprocessing.dummy",
    "opentelemetry.instrumentation",
    "sentry_sdk.integrations",
    "telemetry.capture.roads",
    "wrapt",
)
"""Modules that call ``start()`` for somebody else: their own caller decides. Those are
instrumentations that have put a function on top of ours, and processes that are
threads in truth."""


def is_library(caller: FrameType | None) -> bool:
    """Whether *caller* belongs to a library that starts something for itself."""
    while caller is not None:
        module = caller.f_globals.get("__name__")
        if not isinstance(module, str):
            return False
        if not _is_looked_through(module):
            return module.partition(".")[0] in LIBRARIES
        caller = caller.f_back
    return False


def _is_looked_through(module: str) -> bool:
    return any(
        module == prefix or module.startswith(f"{prefix}.") for prefix in LOOKED_THROUGH
    )
