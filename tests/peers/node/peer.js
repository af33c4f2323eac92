// Jaeger's Node client as a peer: a JSON request a line, a JSON answer a line; see ../protocol.rs.
"use strict";

const readline = require("readline");
const { SpanContext } = require("jaeger-client");
const TextMapCodec = require("jaeger-client/dist/src/propagators/text_map_codec").default;
const B3Codec = require("jaeger-client/dist/src/propagators/zipkin_b3_text_map_codec").default;

const CODECS = {
  text: new TextMapCodec({ urlEncoding: false }),
  http: new TextMapCodec({ urlEncoding: true }),
  b3: new B3Codec({ urlEncoding: true }),
};

function write(codec, request) {
  let context = SpanContext.fromString(request.context);
  for (const [key, value] of Object.entries(request.baggage)) {
    context = context.withBaggageItem(key, value);
  }
  const headers = {};
  codec.inject(context, headers);
  return { headers };
}

function read(codec, request) {
  const context = codec.extract(request.headers);
  if (!context.isValid) {
    return { error: "no context" };
  }
  return { context: context.toString(), baggage: context.baggage };
}

function answer(request) {
  const codec = CODECS[request.format];
  return "context" in request ? write(codec, request) : read(codec, request);
}

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  let result;
  try {
    result = answer(JSON.parse(line));
  } catch (error) {
    result = { error: String(error) }; // whatever the client throws is its answer
  }
  process.stdout.write(JSON.stringify(result) + "\n");
});
