// Spans that arrived unfinished. The finished span of the same id takes their place.
function openRow({ trace, span, service, operation, start, since }, hue) {
  return el("div", { class: "open-row", "--hue": hue(service) },
    el("span", { class: "span-name", role: "gridcell" }, dot(hue(service)),
      el("a", { class: "label", tabindex: -1, href: `#/trace/${trace}/${span}` }, el("b", null, plain(short(service, 60))), " ", plain(short(operation)))),
    el("span", { class: "num running", role: "gridcell", "data-begun": start, title: `Started ${when(start)}` }, running(start)),
    el("span", { class: "num", role: "gridcell", title: `Arrived ${when(since)}` }, age(since)));
}

const running = (start) => `${duration(Math.max(0, Math.round((Date.now() * 1000 - start) / 1e5) * 1e5))}`;

class OpenView extends LiveView {
  constructor(main) {
    super();
    this.count = el("span", { class: "count" });
    this.list = new RowList({
      id: "open", class: "open", label: "Open spans", rowHeight: 32, key: ({ trace, span }) => trace + span,
      head: el("div", { class: "open-row head", role: "row" }, el("span", { role: "columnheader" }, "Span"),
        el("span", { class: "num", role: "columnheader" }, "Running for"), el("span", { class: "num", role: "columnheader" }, "Arrived")),
      render: (span) => openRow(span, this.hue), open: ({ trace, span }) => (location.hash = `#/trace/${trace}/${span}`),
    });
    this.none = el("div", { class: "none" }, el("p", null, "No open spans."),
      el("p", null, "A program shows the spans that it is in the middle of when it calls ", el("code", null, "flush_open"),
        ", or ends with ", el("code", null, "unfinished_at_close"), "."));
    main.append(hiddenHeading("Open spans"), el("div", { class: "fill" }, el("div", { class: "toolbar" }, this.count), this.none, this.list.root));
    this.follow(400, () => this.tick());
  }

  async load() {
    this.revision = live.revision;
    try {
      const { spans, total } = await getJson("api/open");
      if (this.stopped) return;
      this.count.textContent = plural(total, "open span");
      this.none.hidden = spans.length > 0;
      this.list.root.hidden = spans.length === 0;
      this.hue = huesOf(spans.map(({ service }) => service));
      this.list.set(spans);
    } catch (error) {
      this.count.textContent = error.message;
    }
  }

  escape() {
    backToSearch();
  }

  tick() {
    for (const node of this.list.root.querySelectorAll("[data-begun]")) node.textContent = running(Number(node.dataset.begun));
  }
}
