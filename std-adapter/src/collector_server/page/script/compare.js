// Two traces beside each other: spans of the same path of services and operations are one row.
async function addTrace(rows, model, side, alive) {
  const paths = [];
  return inPieces(model.spans, (span) => {
    const service = model.service(span), parent = span.depth > 0 ? paths[span.depth - 1] : null;
    const siblings = parent ? parent.children : rows;
    const key = `${service}\u0000${span.operation}`;
    let row = siblings.get(key);
    if (!row) {
      row = { service, operation: span.operation, depth: span.depth, spans: [0, 0], time: [0, 0], errors: [0, 0], children: new Map() };
      siblings.set(key, row);
    }
    row.spans[side]++;
    row.time[side] += span.duration;
    row.errors[side] += span.error ? 1 : 0;
    paths[span.depth] = row;
    paths.length = span.depth + 1;
  }, alive);
}

// Lists the rows depth first, without recursion: a chain can be as deep as the trace is long.
function flatRows(rows) {
  const flat = [], stack = [...rows.values()].reverse();
  while (stack.length) {
    const row = stack.pop();
    row.key = flat.length;
    flat.push(row);
    stack.push(...[...row.children.values()].reverse());
  }
  return flat;
}

function compareRow(row, largest, hue) {
  const [a, b] = row.spans, delta = row.time[1] - row.time[0];
  const state = a === 0 ? "only-b" : b === 0 ? "only-a" : delta > 0 ? "slower" : delta < 0 ? "faster" : "";
  const cell = (side) => row.spans[side] === 0 ? el("span", { class: "num none", role: "gridcell" }, "–")
    : el("span", { class: "num", role: "gridcell" }, row.errors[side] > 0 && el("span", { class: "sign error", role: "img", "aria-label": plural(row.errors[side], "error"), title: plural(row.errors[side], "error") }, "!"),
      `${duration(row.time[side])}`, el("small", null, ` ×${number(row.spans[side])}`));
  return el("div", { class: `compare-row ${state}`, "--hue": hue(row.service), "--indent": Math.min(row.depth, MOST_INDENT), "aria-level": row.depth + 1 },
    el("span", { class: "span-name", role: "gridcell" }, el("span", { class: "stripe" }),
      el("span", { class: "label" }, el("b", null, plain(short(row.service, 60))), " ", plain(short(row.operation) || "missing span"))),
    cell(0), cell(1),
    el("span", { class: "num delta", role: "gridcell" },
      a === 0 ? "only in B" : b === 0 ? "only in A" : delta === 0 ? "same" : `${delta > 0 ? "+" : "−"}${duration(Math.abs(delta))}`,
      el("span", { class: "delta-bar", "--w": Math.min(1, Math.abs(delta) / largest), "aria-hidden": "true" })));
}

class CompareView {
  constructor(main, { a, b }) {
    this.main = main;
    this.abort = new AbortController();
    main.append(hiddenHeading("Two traces compared"), el("p", { class: "none" }, "Loading…"));
    this.ready = this.load(a, b);
  }

  async load(a, b) {
    let models;
    try {
      models = [new TraceModel(await getTrace(a, this.abort.signal)), new TraceModel(await getTrace(b, this.abort.signal))];
    } catch (error) {
      if (!this.stopped) this.main.replaceChildren(hiddenHeading("Two traces compared"), el("p", { class: "none problem", role: "alert" }, error.message));
      return;
    }
    const rows = new Map(), alive = () => !this.stopped;
    for (const [side, model] of models.entries()) if (!(await addTrace(rows, model, side, alive))) return;
    this.build(a, b, models, flatRows(rows));
  }

  build(a, b, models, rows) {
    const largest = rows.reduce((most, row) => Math.max(most, Math.abs(row.time[1] - row.time[0])), 1);
    const hue = huesOf(models.flatMap(({ processes }) => processes.map(({ service }) => service)));
    this.list = new RowList({
      id: "pair", role: "treegrid", class: "compare", label: "Paths in both traces", rowHeight: 28, key: (row) => row.key,
      head: el("div", { class: "compare-row head", role: "row" }, ["Service and operation", "A", "B", "B against A"].map((title, i) =>
        el("span", { role: "columnheader", class: i ? "num" : "" }, title))),
      render: (row) => compareRow(row, largest, hue),
    });
    const [first, second] = models;
    const side = (letter, id, model) => el("a", { class: "compare-side", href: `#/trace/${id}` }, el("span", { class: "letter" }, letter),
      el("span", { class: "compare-title" }, el("b", null, plain(short(model.title().service, 60))), " ", plain(short(model.title().operation))),
      el("span", { class: "facts" }, el("b", null, duration(model.duration)), el("span", null, plural(model.spans.length, "span")),
        el("span", { class: "badges" }, badges(model)), el("code", { class: "id" }, id.slice(-8))));
    const delta = second.duration - first.duration;
    this.main.replaceChildren(hiddenHeading("Two traces compared"), el("div", { class: "fill" }, el("header", { class: "compare-heads" }, side("A", a, first), side("B", b, second)),
      el("div", { class: "toolbar" }, el("span", { class: "count" }, `B takes ${duration(Math.abs(delta))} ${delta < 0 ? "less" : "more"} than A`),
        el("span", { class: "spring" }), el("a", { class: "button", href: `#/compare/${b}/${a}` }, "Swap")), this.list.root));
    this.list.set(rows);
    announce(this.main.querySelector(".count").textContent);
  }

  escape() {
    backToSearch();
  }

  stop() {
    this.stopped = true;
    this.abort.abort();
    this.list?.stop();
  }
}
