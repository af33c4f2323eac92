// The search: its form, and the rows, which stay where they are while one reads.
const picked = new Set(); // Ids of the traces to compare, at most two.
const lastSearch = { hash: "#/search", opened: null }; // Where Esc in a trace leads back to.

function backToSearch() {
  location.hash = lastSearch.hash;
}

const sorters = {
  recent: (a, b) => b.start - a.start, longest: (a, b) => b.duration - a.duration, shortest: (a, b) => a.duration - b.duration,
  spans: (a, b) => b.spans - a.spans, errors: (a, b) => b.errors - a.errors || b.start - a.start,
};

class SearchView extends LiveView {
  constructor(main, { params }) {
    super();
    this.params = params;
    if (location.hash.startsWith("#/search")) lastSearch.hash = location.hash;
    this.sort = Object.hasOwn(sorters, params.get("sort")) ? params.get("sort") : "recent";
    this.paused = false;
    this.shown = [];
    this.fresh = [];
    this.build(main);
    this.follow(400, () => this.ages());
  }

  build(main) {
    const { form, setServices } = searchForm(this.params, (fresh) => {
      if (this.sort !== "recent") fresh.set("sort", this.sort);
      const target = `#/search${fresh.size ? `?${fresh}` : ""}`;
      if (location.hash === target) this.ask(), this.release();
      else location.hash = target;
    });
    this.setServices = setServices;
    this.list = new RowList({
      id: "trace", class: "traces", label: "Traces", rowHeight: () => (innerWidth < 640 ? 84 : 62), key: (trace) => trace.id,
      render: (trace) => traceRow(trace, this.longest, this.hue, () => this.pickedChanged()), open: (trace) => {
        lastSearch.opened = trace.id;
        location.hash = `#/trace/${trace.id}`;
      },
    });
    this.count = el("span", { class: "count" });
    this.newer = button("", () => this.release(), { class: "newer", hidden: true });
    this.pause = button("Pause", () => this.setPaused(!this.paused), { "aria-pressed": "false", title: "Keep the rows as they are" });
    this.compare = el("a", { class: "button primary", hidden: true });
    const sort = el("select", { "aria-label": "Order of the traces", onchange: () => {
      this.sort = sort.value;
      this.show(this.shown, true);
    } }, SORTS.map((entry) => option(entry, this.sort)));
    const file = el("input", { type: "file", accept: ".json,application/json", hidden: true, onchange: () => importFile(file) });
    this.empty = el("div", { class: "empty-place" });
    const side = el("details", { class: "side", open: innerWidth >= 900 }, el("summary", null, "Search"), form);
    main.append(hiddenHeading("Search for traces"), el("div", { class: "search" }, side, el("section", { class: "results", "aria-label": "Results" },
      el("div", { class: "toolbar" }, this.count, this.newer, el("span", { class: "spring" }), this.compare,
        sort, this.pause, button("Import", () => file.click(), { title: "A file of traces: Jaeger JSON or OTLP JSON" }), file),
      this.empty, this.list.root)));
    this.focusFirst = () => {
      side.open = true;
      byId("service").focus();
    };
    this.pickedChanged();
  }

  setPaused(paused) {
    this.paused = paused;
    this.pause.setAttribute("aria-pressed", paused);
    this.pause.textContent = paused ? "Resume" : "Pause";
    if (!paused) this.release();
  }

  // Whether somebody reads the rows: then none may move.
  reading() {
    const root = this.list.root;
    return this.paused || root.scrollTop > 0 || this.list.active >= 0 || root.matches(":hover") || root.contains(document.activeElement);
  }

  async load() {
    this.revision = live.revision;
    let answer;
    try {
      const query = apiQuery(this.params);
      const [found, services] = await Promise.all([getJson(`api/search?${query}`), getJson("api/services")]);
      answer = found;
      this.setServices(services.services);
    } catch (error) {
      this.count.textContent = error.message;
      this.count.classList.add("problem");
      return;
    }
    if (this.stopped) return;
    this.count.classList.remove("problem");
    this.matched = answer.matched;
    this.take(answer.traces);
    if (!this.announced) this.firstShown();
  }

  // Tells how many were found, and goes back to the row that was opened.
  firstShown() {
    this.announced = true;
    announce(this.count.textContent);
    const at = this.shown.findIndex(({ id }) => id === lastSearch.opened);
    lastSearch.opened = null;
    if (at < 0) return;
    this.list.activate(at, true);
    this.list.root.focus({ preventScroll: true });
  }

  // Updates the rows that are shown in their place; others wait while somebody reads.
  take(traces) {
    const known = new Set(this.shown.map((trace) => trace.id));
    const added = traces.filter((trace) => !known.has(trace.id)).length;
    if (this.shown.length && this.reading()) {
      const byKey = new Map(traces.map((trace) => [trace.id, trace]));
      this.fresh = traces;
      this.shown = this.shown.map((trace) => byKey.get(trace.id) ?? trace);
      this.newer.hidden = added === 0;
      this.newer.textContent = `${number(added)} new`;
      if (!this.paused) this.show(this.shown, false);
    } else {
      this.fresh = [];
      this.newer.hidden = true;
      this.show(traces, true);
    }
  }

  show(traces, sorted) {
    this.shown = sorted ? [...traces].sort(sorters[this.sort]) : traces;
    this.longest = this.shown.reduce((most, trace) => Math.max(most, trace.duration), 1);
    // A service has one colour in all rows.
    this.hue = huesOf(this.shown.flatMap(({ service, services }) => [service, ...services.map(({ name }) => name)]));
    this.list.set(this.shown);
    const total = this.matched ?? this.shown.length;
    this.count.textContent = total > this.shown.length ? `${number(this.shown.length)} of ${plural(total, "trace")}` : plural(total, "trace");
    const held = live.status?.held?.traces ?? this.shown.length;
    const nothing = this.shown.length === 0;
    this.list.root.hidden = nothing;
    this.empty.hidden = !nothing;
    if (nothing && (this.params.size === 0 || held === 0)) showEmpty(this.empty);
    else if (nothing) this.empty.replaceChildren(el("p", { class: "none" }, "No trace matches. Fewer fields match more."));
  }

  // Shows what waits.
  release() {
    const waiting = this.fresh.length ? this.fresh : this.shown;
    this.fresh = [];
    const hadFocus = document.activeElement === this.newer;
    this.newer.hidden = true;
    this.list.active = -1;
    this.list.root.scrollTop = 0;
    this.show(waiting, true);
    if (hadFocus) this.list.root.focus({ preventScroll: true });
  }

  ages() {
    for (const node of this.list.root.querySelectorAll("[data-start]")) node.textContent = age(Number(node.dataset.start));
  }

  pickedChanged() {
    const [a, b] = picked;
    this.compare.hidden = !a;
    if (b) this.compare.setAttribute("href", `#/compare/${a}/${b}`);
    else this.compare.removeAttribute("href");
    this.compare.textContent = b ? "Compare the two" : "Choose a second trace";
    this.list.refresh();
  }

  keys = { c: () => this.compareActive() };

  compareActive() {
    const trace = this.list.items[this.list.active];
    if (!trace) return say("Choose a trace first: j and k");
    pick(trace.id);
    this.pickedChanged();
    announce(picked.has(trace.id) ? `Chosen to compare, ${picked.size} of 2` : "No longer chosen");
  }

  escape() {
    this.list.active = -1;
    this.list.mark();
    if (document.activeElement === this.list.root) byId("view").focus({ preventScroll: true });
  }
}

async function importFile(input) {
  const [file] = input.files;
  if (!file) return;
  try {
    const answer = await request("api/import", { method: "POST", headers: { "content-type": "application/json" }, body: file });
    say(`${plural((await answer.json()).spans, "span")} imported`);
  } catch (error) {
    say(error.message);
  }
  input.value = "";
}
