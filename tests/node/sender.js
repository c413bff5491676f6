// A program with plain OpenTelemetry: `node sender.js`. Where it sends, and how it
// packs, the standard variables say. Spans go twice: as JSON and as protobuf.
"use strict";

const { SpanKind, SpanStatusCode } = require("@opentelemetry/api");
const { SeverityNumber } = require("@opentelemetry/api-logs");
const { OTLPLogExporter } = require("@opentelemetry/exporter-logs-otlp-http");
const { OTLPMetricExporter } = require("@opentelemetry/exporter-metrics-otlp-http");
const { OTLPTraceExporter: JsonSpans } = require("@opentelemetry/exporter-trace-otlp-http");
const { OTLPTraceExporter: ProtoSpans } = require("@opentelemetry/exporter-trace-otlp-proto");
const { resourceFromAttributes } = require("@opentelemetry/resources");
const { BatchLogRecordProcessor, LoggerProvider } = require("@opentelemetry/sdk-logs");
const { MeterProvider, PeriodicExportingMetricReader } = require("@opentelemetry/sdk-metrics");
const { BasicTracerProvider, BatchSpanProcessor } = require("@opentelemetry/sdk-trace-base");

const RECORDS = 500;
const resource = resourceFromAttributes({ "service.name": "plain-node" });

async function main() {
  const spanProvider = new BasicTracerProvider({
    resource,
    spanProcessors: [
      new BatchSpanProcessor(new JsonSpans()),
      new BatchSpanProcessor(new ProtoSpans()),
    ],
  });
  const logProvider = new LoggerProvider({
    resource,
    processors: [new BatchLogRecordProcessor({ exporter: new OTLPLogExporter() })],
  });
  const meterProvider = new MeterProvider({
    resource,
    readers: [
      new PeriodicExportingMetricReader({
        exporter: new OTLPMetricExporter(),
        exportIntervalMillis: 3600000,
      }),
    ],
  });

  const span = spanProvider.getTracer("node.tracer").startSpan("GET /cart", {
    kind: SpanKind.SERVER,
    attributes: { "http.status": 500, tags: ["a", "b"], ratio: 0.5 },
  });
  span.addEvent("thought", { deep: true });
  span.setStatus({ code: SpanStatusCode.ERROR, message: "no" });
  span.end();

  const logger = logProvider.getLogger("node.logger");
  for (let number = 0; number < RECORDS; number++) {
    logger.emit({
      body: `line ${number}`,
      severityNumber: SeverityNumber.ERROR,
      attributes: { number, "input.id": "in-node" },
    });
  }

  const meter = meterProvider.getMeter("node.meter");
  meter.createCounter("cart.orders").add(3, { shop: "north" });
  meter.createHistogram("answer.time", { unit: "s" }).record(0.5);

  await spanProvider.shutdown();
  await logProvider.shutdown();
  await meterProvider.shutdown();
}

// A timer of the SDK would keep the process for another half a minute.
main().then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
