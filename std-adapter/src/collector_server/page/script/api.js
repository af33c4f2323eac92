// Requests, and the stream of changes.
async function request(path, options) {
  let response;
  try {
    response = await fetch(path, { cache: "no-store", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The collector does not answer. Is it still running?");
  }
  if (response.ok) return response;
  let message = `The collector answered ${response.status}.`;
  try {
    message = (await response.json()).error ?? message;
  } catch {
    // The status has to do.
  }
  throw Object.assign(new Error(message), { status: response.status });
}

const getJson = async (path, options) => (await request(path, options)).json();

const QUOTE = 34, BACKSLASH = 92, OPEN_BRACE = 123, CLOSE_BRACE = 125, OPEN_BRACKET = 91, CLOSE_BRACKET = 93;
const SPANS_KEY = new TextEncoder().encode('"spans":[');

// Cuts the spans out of a trace's JSON while it arrives. One call of JSON.parse for 10,000 spans would hold up the page.
class SpanCutter {
  constructor() {
    this.spans = [];
    this.frame = [];
    this.piece = [];
    this.depth = 0;
    this.inSpans = this.inString = this.escaped = false;
    this.matched = 0;
    this.decoder = new TextDecoder();
  }

  // Takes the next bytes. `piece` holds the bytes of a span that a chunk's end cut.
  push(chunk) {
    let from = 0;
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i];
      this.matched = byte === SPANS_KEY[this.matched] ? this.matched + 1 : byte === SPANS_KEY[0] ? 1 : 0;
      if (this.inString) {
        if (this.escaped) this.escaped = false;
        else if (byte === BACKSLASH) this.escaped = true;
        else if (byte === QUOTE) this.inString = false;
      } else if (byte === QUOTE) {
        this.inString = true;
      } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
        this.depth++;
        if (this.inSpans && this.depth === 3) from = i;
        else if (this.depth === 2 && this.matched === SPANS_KEY.length) {
          this.frame.push(chunk.slice(from, i + 1));
          this.inSpans = true;
        }
      } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
        this.depth--;
        if (this.inSpans && this.depth === 2) {
          this.piece.push(chunk.subarray(from, i + 1));
          this.spans.push(JSON.parse(this.text(this.piece)));
          this.piece = [];
        } else if (this.inSpans && this.depth === 1) {
          this.inSpans = false;
          from = i;
        }
      }
    }
    if (!this.inSpans) this.frame.push(chunk.slice(from));
    else if (this.depth > 2) this.piece.push(chunk.slice(from));
  }

  text(parts) {
    return parts.map((part, i) => this.decoder.decode(part, { stream: i < parts.length - 1 })).join("");
  }

  // Returns the trace without its spans, then with them.
  end() {
    return Object.assign(JSON.parse(this.text(this.frame)), { spans: this.spans });
  }
}

// `progress(spans)` is called while they arrive.
async function getTrace(id, signal, progress) {
  const reader = (await request(`api/trace/${encodeURIComponent(id)}`, { signal })).body.getReader();
  const cutter = new SpanCutter();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return cutter.end();
    for (let at = 0; at < value.length; at += 32768) {
      cutter.push(value.subarray(at, at + 32768));
      await pause();
    }
    progress?.(cutter.spans.length);
  }
}

// `revision` names the connection too: a collector that started anew counts from the beginning.
const live = { connected: false, connections: 0, revision: "", status: null, listeners: new Set() };

// Calls back on each change and change of the connection, until the returned function is called.
function onLive(callback) {
  live.listeners.add(callback);
  return () => live.listeners.delete(callback);
}

function tell() {
  for (const callback of live.listeners) callback();
}

// Without a stream while the page is hidden: browsers open only a few connections to one address, for all tabs together.
const HIDDEN_MS = 5000;
const RETRY_MS = 1000;

function startLive() {
  let timer = 0, close = openLive();
  document.addEventListener("visibilitychange", () => {
    clearTimeout(timer);
    if (!document.hidden) close ??= openLive();
    else timer = setTimeout(() => (close?.(), (close = null)), HIDDEN_MS);
  });
}

// Opens the stream, and again a moment after each end. Returns what closes it.
function openLive() {
  let timer = 0, source = null;
  const open = () => {
    source = new EventSource("api/live");
    source.addEventListener("open", () => live.connections++);
    source.addEventListener("change", (event) => {
      const change = JSON.parse(event.data);
      live.revision = `${live.connections}/${change.revision}`;
      live.status = change.status;
      live.connected = true;
      tell();
    });
    source.addEventListener("error", () => {
      source.close();
      live.connected = false;
      timer = setTimeout(open, RETRY_MS);
      tell();
    });
  };
  open();
  return () => (clearTimeout(timer), source.close());
}

// Runs `work` at once and again when asked during it, at most once per `gap` milliseconds.
function throttled(work, gap) {
  let running = false, again = false, last = 0, timer = 0;
  const run = async () => {
    timer = 0;
    if (running) return void (again = true);
    running = true;
    last = performance.now();
    try {
      await work();
    } finally {
      running = false;
      if (again) (again = false), ask();
    }
  };
  const ask = () => {
    if (!timer) timer = setTimeout(run, Math.max(0, last + gap - performance.now()));
  };
  ask.stop = () => (clearTimeout(timer), (timer = -1));
  return ask;
}

// A view that loads what it shows again whenever the store has changed. Its `load` sets `revision`; `list`, if it has one, ends with it.
class LiveView {
  revision = "";

  // Loads at once, then at most once per `gap` milliseconds; `eachSecond` runs whether or not anything changes.
  follow(gap, eachSecond) {
    this.ask = throttled(() => this.load(), gap);
    this.unlive = onLive(() => live.revision !== this.revision && this.ask());
    this.clock = eachSecond && setInterval(eachSecond, 1000);
    this.ready = this.load();
  }

  stop() {
    this.stopped = true;
    this.unlive();
    this.ask.stop();
    clearInterval(this.clock);
    this.list?.stop();
  }
}
