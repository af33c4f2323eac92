// The waterfall: a tree grid of the spans that no fold hides.
const MOST_INDENT = 12;

class Waterfall {
  // `open(span)` is asked for by the user; `moved(span)` follows the active row.
  constructor(model, { open, moved }) {
    this.folded = new Set();
    this.from = 0;
    this.matches = new Set();
    this.scale = el("div", { class: "ticks", "aria-hidden": "true" });
    this.list = new RowList({
      id: "span", role: "treegrid", class: "spans", label: "Spans", rowHeight: 26, key: (at) => this.model.spans[at]?.id,
      head: el("div", { class: "spans-head", role: "row" }, el("span", { role: "columnheader" }, "Service and operation"),
        el("span", { role: "columnheader", "aria-label": "Time" }, this.scale)),
      render: (at) => this.row(at), open: (at) => open(this.model.spans[at]), moved: (at) => moved(this.model.spans[at]), otherKey: (event) => this.key(event),
    });
    this.root = this.list.root;
    this.root.addEventListener("click", (event) => {
      const twist = event.target.closest("[data-at]");
      if (twist) this.toggle(Number(twist.dataset.at));
    });
    this.setModel(model);
  }

  setModel(model) {
    const whole = this.model === undefined || (this.from === 0 && this.to === this.model.duration);
    this.model = model;
    if (whole) this.to = model.duration;
    this.update();
  }

  // Lists what is shown. A folded span's descendants are the rows behind it.
  update() {
    const { spans } = this.model, shown = [];
    for (let at = 0; at < spans.length; at++) {
      shown.push(at);
      if (this.folded.has(spans[at].id)) at += spans[at].descendants;
    }
    this.ticks();
    this.list.set(shown);
  }

  ticks() {
    const labels = [0, 0.25, 0.5, 0.75].map((part) => el("span", { "--x": part }, duration(Math.round(this.from + (this.to - this.from) * part))));
    this.scale.replaceChildren(...labels);
  }

  zoom(from, to) {
    this.from = from;
    this.to = to;
    this.ticks();
    this.list.refresh();
  }

  toggle(at) {
    const span = this.model.spans[at];
    if (!span.descendants) return;
    if (!this.folded.delete(span.id)) this.folded.add(span.id);
    this.update();
  }

  foldAll() {
    for (const span of this.model.spans) if (span.descendants && span.depth > 0) this.folded.add(span.id);
    this.update();
  }

  unfoldAll() {
    this.folded.clear();
    this.update();
  }

  // Unfolds the ancestors of a span and makes its row the active one.
  reveal(at) {
    const { spans, parents } = this.model;
    let changed = false;
    for (let above = parents[at]; above >= 0; above = parents[above]) changed = this.folded.delete(spans[above].id) || changed;
    if (changed) this.update();
    this.list.activate(this.list.items.indexOf(at), true);
  }

  key(event) {
    const at = this.list.items[this.list.active];
    if (at === undefined) return false;
    const span = this.model.spans[at], folded = this.folded.has(span.id);
    if (event.key === "ArrowRight" && span.descendants && folded) this.toggle(at);
    else if (event.key === "ArrowRight" && span.descendants) this.list.activate(this.list.active + 1);
    else if (event.key === "ArrowLeft" && span.descendants && !folded) this.toggle(at);
    else if (event.key === "ArrowLeft") this.toParent(at);
    else return false;
    return true;
  }

  toParent(at) {
    const parent = this.model.parents[at];
    if (parent >= 0) this.list.activate(this.list.items.indexOf(parent));
  }

  row(at) {
    const span = this.model.spans[at], service = this.model.service(span), folded = this.folded.has(span.id);
    const state = [span.error && "is-error", span.placeholder && "is-missing", span.open && "is-open", this.matches.has(at) && "is-match"];
    const indent = Math.min(span.depth, MOST_INDENT);
    const twist = span.descendants > 0
      ? el("span", { class: "twist", "data-at": at, title: folded ? "Unfold" : "Fold", "aria-hidden": "true" }, folded ? "▸" : "▾")
      : el("span", { class: "twist" });
    const signs = [
      span.depth > MOST_INDENT && el("small", { title: "Depth" }, `↳${span.depth}`),
      span.error && el("span", { class: "sign error", role: "img", title: "Error", "aria-label": "error" }, "!"),
      span.warnings.length > 0 && el("span", { class: "sign warning", role: "img", title: short(span.warnings.join("\n")), "aria-label": "warning" }, "▲"),
      span.open && el("span", { class: "sign open", title: "Not finished" }, "open"),
    ];
    const name = span.placeholder
      ? el("i", null, `missing span ${span.id}`)
      : [el("b", { dir: "auto" }, short(service, 60)), " ", plain(short(span.operation))];
    return el("div", {
      class: `span-row ${state.filter(Boolean).join(" ")}`, "--hue": this.model.hue(service), "--indent": indent,
      "aria-level": span.depth + 1, "aria-expanded": span.descendants > 0 ? String(!folded) : null,
      "aria-posinset": this.model.places[at], "aria-setsize": this.model.siblings[this.model.parents[at] + 1],
    }, el("div", { class: "span-name", role: "gridcell" }, twist, el("span", { class: "stripe" }), el("span", { class: "label" }, name),
      folded && el("small", { class: "hidden-count" }, `+${number(span.descendants)}`), signs),
    el("div", { class: "span-time", role: "gridcell" }, this.bar(span)));
  }

  bar(span) {
    const width = Math.max(1, this.to - this.from);
    const x = (time) => Math.min(1, Math.max(0, (time - this.from) / width));
    const start = span.start - this.model.start, end = start + span.duration;
    const left = x(start), right = x(end);
    const outside = end < this.from || start > this.to;
    // Behind the bar, before it where there is more room, or inside where the bar fills the row.
    const place = right < 0.8 ? "" : left > 0.2 ? "before" : "inside";
    const label = el("span", { class: `length ${place}`, "--x": place === "before" ? left : right }, span.placeholder ? "" : duration(span.duration));
    if (outside) return [label];
    return [
      el("div", { class: "span-bar", "--x": left, "--w": right - left }),
      span.critical.slice(0, 50).map(([from, to]) => el("div", { class: "critical", "--x": x(from), "--w": x(to) - x(from) })),
      span.logs.slice(0, 30).map(({ time }) => el("div", { class: "log-tick", "--x": x(time - this.model.start) })),
      label,
    ];
  }
}
