// What to write so that the first trace arrives, with the addresses that this collector has.
function addressOf(name, fallback) {
  const found = live.status?.listeners?.find((listener) => listener.name === name);
  const [, host, port] = /^(.*):(\d+)$/.exec(found?.address ?? fallback) ?? [];
  return { host: ["0.0.0.0", "[::]", "127.0.0.1"].includes(host) ? location.hostname || "127.0.0.1" : host, port };
}

const recipe = (title, note, lines) => el("section", { class: "recipe" }, el("h3", null, title), note && el("p", null, note),
  el("div", { class: "lines" }, el("pre", { tabindex: 0 }, lines), copyButton(lines, "lines")));

function recipes() {
  const udp = addressOf("udp_compact", "127.0.0.1:6831"), thrift = addressOf("thrift", "127.0.0.1:14268");
  const otlp = addressOf("otlp", "127.0.0.1:4318"), sampling = addressOf("sampling", "127.0.0.1:5778");
  const relay = addressOf("relay", "127.0.0.1:6833");
  return [
    recipe("Rust", "In main, with picojaeger-std in Cargo.toml. Keep the value until the end.", 'let tracer = picojaeger_std::init("shop")?;'),
    recipe("JAEGER_… variables", "For picojaeger and Jaeger's own clients.",
      `export JAEGER_SERVICE_NAME=shop\nexport JAEGER_AGENT_HOST=${udp.host} JAEGER_AGENT_PORT=${udp.port}\nexport JAEGER_SAMPLER_TYPE=const JAEGER_SAMPLER_PARAM=1\n` +
      `# or over HTTP: export JAEGER_ENDPOINT=http://${thrift.host}:${thrift.port}/api/traces\n` +
      `# or sampled as this collector says:\n# export JAEGER_SAMPLING_ENDPOINT=http://${sampling.host}:${sampling.port}/sampling`),
    recipe("OTEL_… variables", "For any OpenTelemetry SDK with OTLP over HTTP, of any language.",
      `export OTEL_SERVICE_NAME=shop\nexport OTEL_EXPORTER_OTLP_ENDPOINT=http://${otlp.host}:${otlp.port}\nexport OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf`),
    recipe("OpenTelemetry, Python", "The SDK with opentelemetry-exporter-otlp-proto-http.",
      `exporter = OTLPSpanExporter(endpoint="http://${otlp.host}:${otlp.port}/v1/traces")\nprovider.add_span_processor(BatchSpanProcessor(exporter))`),
    recipe("A device on a serial line", "The relay dates the spans of a firmware and sends them here.",
      `picojaeger-relay /dev/ttyACM0@115200 --agent ${udp.host}:${udp.port}\n# raw frames, without the relay: TCP ${relay.host}:${relay.port}`),
  ];
}

// Shows the recipes, and again when the addresses are known.
function showEmpty(place) {
  const ports = JSON.stringify(live.status?.listeners ?? null);
  if (place.dataset.ports === ports) return;
  place.dataset.ports = ports;
  place.replaceChildren(el("div", { class: "welcome" }, el("h2", null, "Waiting for the first trace"),
    el("p", null, "Send one; it shows here by itself. ", "Or open a file: ", el("b", null, "Import"), " takes Jaeger JSON and OTLP JSON."), recipes()));
}
