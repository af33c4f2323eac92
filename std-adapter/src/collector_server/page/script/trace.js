// One trace: its summary, the minimap, the waterfall, the statistics, and the details of a span.
// A trace of more spans is fetched again only by hand.
const MOST_SPANS_LIVE = 2000;
const MOST_SUMMARY_CHIPS = 40;

class TraceView {
  constructor(main, { id, span }) {
    this.id = id;
    this.main = main;
    this.wanted = span;
    this.abort = new AbortController();
    this.ready = this.load();
  }

  async load() {
    const loading = el("p", { class: "none" }, "Loading…");
    this.main.append(hiddenHeading("Trace"), loading);
    let trace;
    try {
      trace = new TraceModel(await getTrace(this.id, this.abort.signal, (spans) => (loading.textContent = `Loading… ${plural(spans, "span")}`)));
    } catch (error) {
      if (!this.stopped) {
        this.main.replaceChildren(hiddenHeading("Trace"),
          el("p", { class: "none problem", role: "alert" }, error.message, " ", el("a", { href: lastSearch.hash }, "Back to the search")));
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
    announce(`Trace of ${document.title}: ${plural(trace.spans.length, "span")}, ${plural(trace.errors, "error")}`);
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
    } catch (error) {
      if (!this.stopped) this.setGone(error.status === 404);
      return; // What was read stays.
    }
    if (this.stopped) return;
    this.setGone(false);
    if (fresh.mark() === this.model.mark()) return;
    this.model = fresh;
    this.drawSummary();
    this.waterfall.setModel(fresh);
    this.minimap.setModel(fresh);
    if (this.details.span) this.details.show(fresh, fresh.index.get(this.details.span.id));
    if (!this.statistics.root.hidden) this.statistics.show(fresh);
  }

  // The collector no longer has the trace: it was evicted, or the collector started anew.
  setGone(gone) {
    if (this.gone === gone) return;
    this.gone = gone;
    this.drawSummary();
  }

  drawSummary() {
    keepingFocus(this.summary, () => this.summary.replaceChildren(...this.summaryParts()));
  }

  build() {
    const model = this.model;
    this.details = new Details((id) => this.showSpan(id));
    this.waterfall = new Waterfall(model, {
      open: (span) => this.openSpan(span, true), moved: (span) => !this.details.root.hidden && this.openSpan(span),
    });
    this.minimap = new Minimap(model, (from, to) => this.waterfall.zoom(from, to));
    this.find = new Find(() => this.model, this.waterfall, () => this.statistics.root.hidden || this.setStatistics(false));
    this.summary = el("header", { class: "summary" }, this.summaryParts());
    this.statistics = new Statistics((text) => {
      this.find.look(text);
    });
    this.list = this.waterfall.list;
    this.details.closed = () => {
      this.waterfall.list.root.focus();
      this.setFragment(`#/trace/${this.id}`);
    };
    document.title = short(`${model.title().service}: ${model.title().operation}`, 80);
    this.main.setAttribute("aria-label", `Trace of ${document.title}`);
    const body = el("div", { class: "trace-body" }, this.statistics.root, this.details.root);
    this.main.replaceChildren(el("div", { class: "trace" }, this.summary, this.makeToolbar(), this.minimap.root, body));
    return body;
  }

  summaryParts() {
    const model = this.model, { service, operation } = model.title();
    const warnings = model.warnings.slice(0, 5);
    return [
      el("h1", null, dot(model.hue(service)), el("b", null, plain(short(service, 100))), " ", plain(short(operation))),
      el("div", { class: "facts" },
        el("span", null, el("b", null, duration(model.duration))), el("span", null, when(model.start)),
        el("span", null, plural(model.spans.length, "span")), el("span", null, plural(model.services.length, "service")),
        el("span", { class: "badges" }, badges(model),
          this.gone && el("span", { class: "badge warning", title: "It was evicted, or the collector was started again" }, "no longer held")),
        el("code", { class: "id" }, model.id)),
      el("div", { class: "chips" }, model.services.slice(0, MOST_SUMMARY_CHIPS).map((entry) => serviceChip(entry, model.hue, () => this.find.look(entry.name))),
        model.services.length > MOST_SUMMARY_CHIPS && el("span", { class: "chip" }, `+${number(model.services.length - MOST_SUMMARY_CHIPS)}`)),
      warnings.length > 0 && el("details", { class: "warnings" }, el("summary", null, plural(model.warnings.length, "warning")),
        el("ul", null, warnings.map((text) => el("li", null, plain(short(text, 300)))),
          model.warnings.length > warnings.length && el("li", null, `${number(model.warnings.length - warnings.length)} more`))),
    ].filter(Boolean);
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
    menu.addEventListener("click", (event) => event.target.closest("button, a") && closeMenu());
    this.statisticsButton = button("Statistics", () => this.setStatistics(this.statistics.root.hidden), { "aria-pressed": "false", title: "Times by service and operation (s)" });
    this.zoomButtons = el("span", { class: "zoom" }, button("−", () => this.zoom(1.5), { class: "quiet", "aria-label": "Zoom out", title: "Zoom out (-)" }),
      button("+", () => this.zoom(1 / 1.5), { class: "quiet", "aria-label": "Zoom in", title: "Zoom in (+)" }));
    return el("div", { class: "toolbar" }, this.find.root, el("span", { class: "spring" }), this.zoomButtons, this.statisticsButton, menu);
  }

  keys = {
    n: () => this.find?.step(1), N: () => this.find?.step(-1), "+": () => this.zoom(1 / 1.5), "-": () => this.zoom(1.5),
    0: () => this.minimap?.whole(), h: () => this.minimap?.pan(-0.25), l: () => this.minimap?.pan(0.25), z: () => this.zoomToSpan(),
    s: () => this.statistics && this.setStatistics(this.statistics.root.hidden),
  };

  // Where a span stands in the trace, as parts of it.
  partsOf(span) {
    const { start, duration: whole } = this.model;
    return [(span.start - start) / whole, (span.start + span.duration - start) / whole];
  }

  // Zooms around the active span, where it is shown.
  zoom(factor) {
    const at = this.list?.items[this.list.active];
    const [from, to] = at === undefined ? [NaN, NaN] : this.partsOf(this.model.spans[at]);
    const around = Math.max(from, this.minimap?.from) / 2 + Math.min(to, this.minimap?.to) / 2;
    this.minimap?.zoomBy(factor, Number.isNaN(around) ? undefined : around);
  }

  zoomToSpan() {
    const at = this.list?.items[this.list.active];
    if (at === undefined) return say("Choose a span first: j and k");
    const [from, to] = this.partsOf(this.model.spans[at]), margin = (to - from) * 0.05;
    this.minimap.show(Math.max(0, from - margin), Math.min(1, to + margin));
  }

  setStatistics(shown) {
    const { root } = this.statistics, { list } = this.waterfall;
    if (shown) this.statistics.show(this.model);
    const hadFocus = root.contains(document.activeElement) || list.root === document.activeElement;
    root.hidden = !shown;
    list.root.hidden = this.minimap.root.hidden = this.zoomButtons.hidden = shown;
    this.statisticsButton.setAttribute("aria-pressed", shown);
    if (hadFocus) (shown ? this.statistics.table.root : list.root).focus({ preventScroll: true });
    if (shown) this.details.close();
    else list.draw();
  }

  openSpan(span, byUser = false) {
    this.details.show(this.model, this.model.index.get(span.id) ?? -1, span);
    // On a narrow screen they cover the rows.
    if (byUser && getComputedStyle(this.details.root).position === "absolute") this.details.root.focus({ preventScroll: true });
    this.setFragment(`#/trace/${this.id}/${span.id}`);
  }

  // At most a few times a second, as browsers demand.
  setFragment(fragment) {
    clearTimeout(this.fragmentTimer);
    this.fragmentTimer = setTimeout(() => this.stopped || history.replaceState(null, "", fragment), 200);
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
    if (this.details?.close() || this.find?.clear()) return;
    if (this.statistics && !this.statistics.root.hidden) this.setStatistics(false);
    else backToSearch();
  }

  stop() {
    this.stopped = true;
    this.abort.abort();
    this.unlive?.();
    this.ask?.stop();
    this.minimap?.stop();
    this.list?.stop();
    this.find?.stop();
  }
}
