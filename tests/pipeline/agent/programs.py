"""Programs that only import the toolkit, for the agent's tests.

Each prints what `flush` and `shutdown` have answered.
"""

from __future__ import annotations

THREAD = """
import telemetry
telemetry.configure(service_name="library", console=None)
log = telemetry.get_logger("library")
for number in range(50):
    with telemetry.input_scope(function="resize"):
        log.info("resizing", number=number)
print(telemetry.flush(timeout=20), telemetry.shutdown(timeout=20))
"""

SHORT = """
import telemetry
telemetry.configure(service_name="library", console=None)
with telemetry.input_scope(function="resize"):
    telemetry.get_logger("library").info("resizing")
"""

DIRECT = """
import telemetry
telemetry.configure(service_name="library", console=None, agent=False)
log = telemetry.get_logger("library")
for number in range(50):
    with telemetry.input_scope(function="resize"):
        log.info("resizing", number=number)
print(telemetry.flush(timeout=20), telemetry.shutdown(timeout=20))
"""

QUIET = """
import telemetry
telemetry.configure(service_name="library", console=None)
with telemetry.input_scope(function="resize"):
    telemetry.get_logger("library").info("resizing")
    print("printed")
"""

DAEMON = """
import os, telemetry
telemetry.configure(service_name="library", console=None)
log = telemetry.get_logger("library")
log.info("parent")
telemetry.flush(timeout=20)
if os.fork():
    os._exit(0)
log.info("child")
print(telemetry.flush(timeout=20), flush=True)
"""

CHATTY = """
import threading, telemetry
telemetry.configure(service_name="library", console=None)
log = telemetry.get_logger("library")
over = threading.Event()
def chat():
    number = 0
    while not over.wait(0.001):
        log.info("chat", number=number)
        number += 1
thread = threading.Thread(target=chat)
thread.start()
log.info("resizing")
print(telemetry.flush(timeout=20))
over.set()
thread.join()
"""

AGAIN = """
import threading, telemetry
def configure():
    for _ in range(10):
        telemetry.configure(service_name="library", console=None)
threads = [threading.Thread(target=configure) for _ in range(10)]
for each in threads: each.start()
for each in threads: each.join()
telemetry.get_logger("library").info("resizing")
print(telemetry.flush(timeout=20))
print([each.name for each in threading.enumerate()].count("telemetry-agent"))
"""

AFTER_APP = """
import threading, telemetry
from telemetry.runtime import App
telemetry.configure(service_name="library", console=None)
app = App("short")
@app.function(max_containers=1)
def work(): pass
def names(): return {each.name for each in threading.enumerate()}
if __name__ == "__main__":
    with app.run():
        work.remote()
        print("telemetry-agent" in names(), "telemetry-agent-keeper" in names())
    telemetry.get_logger("library").info("resizing")
    print("telemetry-agent" in names(), telemetry.flush(timeout=20))
"""

BESIDE = """
import os, telemetry
os.chdir(os.environ["TELEMETRY_DIR"])
telemetry.configure(
    service_name="library", console=None, agent="process", directory="./here"
)
telemetry.get_logger("library").info("resizing")
os.chdir("/")
print(telemetry.flush(timeout=20))
"""

FOLLOWED = """
import sys, telemetry
telemetry.configure(service_name="library", console=None)
for line in sys.stdin:
    telemetry.get_logger("library").info(line.strip())
"""

FOREIGN = """
import logging, sys, time
from opentelemetry import metrics, trace
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
resource = Resource.create({"service.name": "plain"})
spans, logs = TracerProvider(resource=resource), LoggerProvider(resource=resource)
spans.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
reader = PeriodicExportingMetricReader(OTLPMetricExporter())
meters = MeterProvider(resource=resource, metric_readers=[reader])
counter = meters.get_meter("plain").create_counter("plain.done")
for number in range(20):
    with spans.get_tracer("plain").start_as_current_span("work"):
        logs.get_logger("plain").emit(body=f"said {number}", severity_number=None)
        counter.add(1)
spans.shutdown(); logs.shutdown(); meters.shutdown()
"""
