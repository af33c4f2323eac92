// One trace: its summary, the minimap, the waterfall, and the details of a span.
class TraceModel {
  constructor(trace) {
    Object.assign(this, trace);
    this.duration = Math.max(1, trace.duration);
    this.index = new Map();
    for (let i = 0; i < this.spans.length; i++) if (!this.index.has(this.spans[i].id)) this.index.set(this.spans[i].id, i);
  }

  service(span) {
    return this.processes[span.process]?.service ?? "";
  }

  title() {
    const root = this.spans.find((span) => !span.placeholder);
    return root ? { service: this.service(root), operation: root.operation } : { service: "", operation: "" };
  }

  // What tells whether a fetched trace differs from this one.
  mark() {
    return [this.spans.length, this.errors, this.open, this.start, this.duration, this.warnings.length].join();
  }
}

// A trace of more spans is fetched again only by hand.
const MOST_SPANS_LIVE = 2000;

class TraceView {
  constructor(main, { id, span }) {
    this.id = id;
    this.main = main;
    this.wanted = span;
    this.abort = new AbortController();
    main.append(el("p", { class: "none", role: "status" }, "Loading…"));
    this.ready = this.load();
  }

  async load() {
    let trace;
    try {
      trace = new TraceModel(await getTrace(this.id, this.abort.signal));
    } catch (error) {
      if (!this.stopped) {
        this.main.replaceChildren(el("p", { class: "none problem", role: "alert" }, error.message, " ", el("a", { href: "#/search" }, "Back to the search")));
      }
      return;
    }
    if (this.stopped) return;
    this.model = trace;
    // In several tasks: the browser lays out what each added.
    await pause();
    const body = this.build();
    await painted();
    if (this.stopped) return;
    body.prepend(this.waterfall.root);
    this.waterfall.list.draw();
    await painted();
    if (this.stopped) return;
    this.minimap.draw();
    if (this.wanted) this.showSpan(this.wanted);
    this.revision = live.revision;
    const gap = trace.spans.length > 500 ? 4000 : 1000;
    this.ask = throttled(() => this.reload(), gap);
    this.unlive = onLive(() => {
      if (live.revision === this.revision) return;
      this.revision = live.revision;
      if (this.model.spans.length <= MOST_SPANS_LIVE) this.ask();
    });
  }

  // Fetches the trace again; the folds, the place and the details stay.
  async reload() {
    let fresh;
    try {
      fresh = new TraceModel(await getTrace(this.id, this.abort.signal));
    } catch {
      return; // It was evicted, or the collector is gone: what was read stays.
    }
    if (this.stopped || fresh.mark() === this.model.mark()) return;
    this.model = fresh;
    this.summary.replaceWith((this.summary = this.makeSummary()));
    this.waterfall.setModel(fresh);
    this.minimap.setModel(fresh);
    if (this.details.span) this.details.show(fresh, fresh.index.get(this.details.span.id));
    say("The trace was updated");
  }

  build() {
    const model = this.model;
    this.details = new Details((id) => this.showSpan(id));
    this.waterfall = new Waterfall(model, (span) => this.openSpan(span));
    this.minimap = new Minimap(model, (from, to) => this.waterfall.zoom(from, to));
    this.find = new Find(() => this.model, this.waterfall);
    this.summary = this.makeSummary();
    this.list = this.waterfall.list;
    this.details.closed = () => {
      this.waterfall.list.root.focus();
      history.replaceState(null, "", `#/trace/${this.id}`);
    };
    document.title = short(`${model.title().service}: ${model.title().operation}`, 80);
    const body = el("div", { class: "trace-body" }, this.details.root);
    this.main.replaceChildren(el("div", { class: "trace" }, this.summary, this.makeToolbar(), this.minimap.root, body));
    return body;
  }

  makeSummary() {
    const model = this.model, { service, operation } = model.title();
    const warnings = model.warnings.slice(0, 5);
    return el("header", { class: "summary" },
      el("h1", null, dot(service), el("b", null, plain(short(service, 100))), " ", plain(short(operation))),
      el("div", { class: "facts" },
        el("span", null, el("b", null, duration(model.duration))), el("span", null, when(model.start)),
        el("span", null, plural(model.spans.length, "span")), el("span", null, plural(model.services.length, "service")),
        el("span", { class: "badges" }, badges(model)),
        el("code", { class: "id" }, model.id)),
      el("div", { class: "chips" }, model.services.slice(0, 40).map(serviceChip)),
      warnings.length > 0 && el("details", { class: "warnings" }, el("summary", null, plural(model.warnings.length, "warning")),
        el("ul", null, warnings.map((text) => el("li", null, plain(short(text, 300)))))));
  }

  makeToolbar() {
    const fold = button("Fold all", () => this.waterfall.foldAll()), unfold = button("Unfold all", () => this.waterfall.unfoldAll());
    const menu = el("details", { class: "menu" }, el("summary", { class: "button" }, "More"), el("div", { class: "menu-items" },
      button("Copy id", () => copy(this.id, "Trace id")), button("Copy link", () => copy(location.href, "Link")),
      button("Compare with another", () => {
        picked.clear();
        picked.add(this.id);
        location.hash = "#/search";
      }),
      el("a", { class: "button", href: `api/traces/${this.id}?download=1`, download: `${this.id}.json` }, "Export Jaeger JSON"),
      el("a", { class: "button", href: `api/traces/${this.id}?format=otlp&download=1`, download: `${this.id}.otlp.json` }, "Export OTLP JSON"),
      button("Load again", () => this.reload()), fold, unfold));
    menu.addEventListener("click", (event) => event.target.closest("button, a") && (menu.open = false));
    return el("div", { class: "toolbar" }, this.find.root, el("span", { class: "spring" }), this.minimap.reset, menu);
  }

  openSpan(span) {
    this.details.show(this.model, this.model.index.get(span.id) ?? -1, span);
    history.replaceState(null, "", `#/trace/${this.id}/${span.id}`);
  }

  // Unfolds what hides the span, scrolls to it and opens its details.
  showSpan(id) {
    const at = this.model.index.get(id);
    if (at === undefined) return say("The span is not in this trace");
    this.waterfall.reveal(at);
    this.openSpan(this.model.spans[at]);
  }

  focusFirst() {
    this.find?.input.focus();
    this.find?.input.select();
  }

  escape() {
    return this.details?.close() || this.find?.clear() || (location.hash = "#/search");
  }

  stop() {
    this.stopped = true;
    this.abort.abort();
    this.unlive?.();
    this.ask?.stop();
    this.minimap?.stop();
    this.list?.stop();
    this.find?.stop();
    document.title = "picojaeger";
  }
}
