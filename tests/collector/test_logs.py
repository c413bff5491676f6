"""What the gateway makes of log records for Loki."""

from __future__ import annotations

import yaml

from telemetry.core import names
from tests.collector.chain import FILES, start_chain
from tests.stack import sending
from tests.stack.fixtures import StartCollector

LOKI_LIMIT_BYTES = 64 * 1024
"""Of all structured metadata of a line. Source: Loki, limits_config."""


def test_a_stack_trace_is_read_below_its_event(start_collector: StartCollector) -> None:
    """A stack trace of any length goes into the body; the ids stay attributes."""
    stack = "Traceback\n" + "  File ...\n" * 20_000
    own = {names.INPUT_ID: "in-1", names.EXCEPTION_STACKTRACE: stack}
    chain = start_chain(start_collector)
    records = [
        sending.log_record("failed", own),
        sending.log_record("fine", {names.INPUT_ID: "in-2", "blob": "x" * 100_000}),
    ]
    sending.send(chain.agent.http_port, sending.logs(records))
    chain.backends.wait_until(lambda run: len(run.logs()) == 2)
    failed, fine = chain.backends.logs()

    assert failed.body == f"failed\n{stack}"
    assert failed.attributes == {names.INPUT_ID: "in-1"}
    assert fine.body == "fine"
    assert fine.attributes[names.INPUT_ID] == "in-2"
    assert len(fine.attributes["blob"]) < LOKI_LIMIT_BYTES


def test_loki_indexes_three_labels() -> None:
    """Ids of inputs and containers are metadata: no stream for each of them."""
    loki = yaml.safe_load((FILES / "loki.yaml").read_text("utf-8"))
    limits = loki["limits_config"]
    otlp = limits["otlp_config"]

    assert limits["allow_structured_metadata"]
    assert otlp == {
        "resource_attributes": {
            "ignore_defaults": True,
            "attributes_config": [
                {
                    "action": "index_label",
                    "attributes": [
                        "service.name",
                        "service.namespace",
                        "deployment.environment.name",
                    ],
                }
            ],
        }
    }
    assert loki["schema_config"]["configs"][-1]["schema"] == "v13"
