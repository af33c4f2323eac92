// Jaeger's Java client as a peer: a JSON request a line, a JSON answer a line; see ../protocol.rs.

import com.google.gson.Gson;
import io.jaegertracing.internal.JaegerSpanContext;
import io.jaegertracing.internal.propagation.B3TextMapCodec;
import io.jaegertracing.internal.propagation.BinaryCodec;
import io.jaegertracing.internal.propagation.TextMapCodec;
import io.jaegertracing.internal.propagation.TraceContextCodec;
import io.jaegertracing.spi.Codec;
import io.opentracing.propagation.Binary;
import io.opentracing.propagation.TextMap;
import io.opentracing.propagation.TextMapAdapter;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;

public final class Peer {
  static final class Request {
    String format;
    String context;
    Map<String, String> baggage;
    Map<String, String> headers;
    String bytes;
  }

  static final class Answer {
    Map<String, String> headers;
    String bytes;
    String context;
    Map<String, String> baggage;
    String error;
  }

  static final class Bytes implements Binary {
    ByteBuffer buffer;

    @Override
    public ByteBuffer injectionBuffer(int length) {
      buffer = ByteBuffer.allocate(length);
      return buffer;
    }

    @Override
    public ByteBuffer extractionBuffer() {
      return buffer;
    }
  }

  static final Map<String, Codec<TextMap>> CODECS = Map.of(
      "text", new TextMapCodec(false),
      "http", new TextMapCodec(true),
      "b3", new B3TextMapCodec(),
      "w3c", new TraceContextCodec.Builder().build());
  static final BinaryCodec BINARY = new BinaryCodec();

  static JaegerSpanContext parse(Request request) {
    String[] parts = request.context.split(":");
    BigInteger trace = new BigInteger(parts[0], 16);
    return new JaegerSpanContext(
            trace.shiftRight(64).longValue(),
            trace.longValue(),
            Long.parseUnsignedLong(parts[1], 16),
            Long.parseUnsignedLong(parts[2], 16),
            Byte.parseByte(parts[3], 16))
        .withBaggage(request.baggage);
  }

  static Answer write(Request request) {
    Answer answer = new Answer();
    JaegerSpanContext context = parse(request);
    if (request.format.equals("binary")) {
      Bytes carrier = new Bytes();
      BINARY.inject(context, carrier);
      ByteBuffer written = carrier.buffer;
      answer.bytes = HexFormat.of().formatHex(written.array(), 0, written.position());
      return answer;
    }
    answer.headers = new HashMap<>();
    CODECS.get(request.format).inject(context, new TextMapAdapter(answer.headers));
    return answer;
  }

  static Answer read(Request request) {
    JaegerSpanContext context;
    if (request.format.equals("binary")) {
      Bytes carrier = new Bytes();
      carrier.buffer = ByteBuffer.wrap(HexFormat.of().parseHex(request.bytes));
      context = BINARY.extract(carrier);
    } else {
      context = CODECS.get(request.format).extract(new TextMapAdapter(request.headers));
    }
    Answer answer = new Answer();
    if (context == null || context.getTraceId().isEmpty()) {
      answer.error = "no context";
      return answer;
    }
    answer.context = context.toString();
    answer.baggage = new HashMap<>();
    context.baggageItems().forEach(item -> answer.baggage.put(item.getKey(), item.getValue()));
    return answer;
  }

  public static void main(String[] args) throws Exception {
    Gson gson = new Gson();
    PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    BufferedReader in =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      Answer answer;
      try {
        Request request = gson.fromJson(line, Request.class);
        answer = request.context == null ? read(request) : write(request);
      } catch (RuntimeException error) { // whatever the client throws is its answer
        answer = new Answer();
        answer.error = error.toString();
      }
      out.println(gson.toJson(answer));
    }
  }
}
