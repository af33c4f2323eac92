// The details of a span: beside the waterfall, or over it on a narrow screen.
const MOST_FIELDS = 100;
const MOST_TEXT = 2000;

// Shows the first items, and a button for the next ones: a span can have thousands of tags.
function some(container, items, render, from = 0) {
  container.append(...items.slice(from, from + MOST_FIELDS).map(render));
  const left = items.length - from - MOST_FIELDS;
  if (left <= 0) return container;
  const more = button(`${number(left)} more`, () => {
    more.remove();
    some(container, items, render, from + MOST_FIELDS);
  });
  container.append(more);
  return container;
}

function value(text) {
  const whole = String(text), node = el("span", { class: "value" }, plain(short(whole, MOST_TEXT)));
  if (whole.length > MOST_TEXT) {
    node.append(" ", button(`Show all ${number(whole.length)} characters`, () => node.replaceChildren(plain(whole)), { class: "quiet" }));
  }
  return node;
}

const copySign = () => svg("svg", { viewBox: "0 0 14 14", width: 13, height: 13, class: "copy-sign", "aria-hidden": "true" },
  svg("rect", { x: 1.5, y: 1.5, width: 8, height: 8, rx: 1.5 }), svg("rect", { x: 4.5, y: 4.5, width: 8, height: 8, rx: 1.5 }));

const tagRow = ([key, type, content]) =>
  el("div", { class: `tag ${key === "error" && String(content) === "true" ? "bad" : ""}`, role: "row" },
    el("span", { class: "key", role: "rowheader", title: short(key) }, plain(short(key, 500))),
    el("span", { class: `cell type-${type}`, role: "cell", title: type }, value(content)),
    copyButton(String(content), "value", copySign()));

const tagTable = (tags, label) => some(el("div", { class: "tags", role: "table", "aria-label": label }), tags, tagRow);

// Titles of the sections that the user has closed: they are closed in each span.
const closedSections = new Set();

const section = (title, count, ...content) =>
  el("details", { class: "part", open: !closedSections.has(title), ontoggle: (event) => {
    if (event.target.open) closedSections.delete(title);
    else closedSections.add(title);
  } }, el("summary", null, title, count !== null && el("small", null, ` ${number(count)}`)), content);

// A log's time counts from the start of its span.
const logTime = (time, model, span) => el("div", { class: "log-time", title: when(time) },
  time >= span.start ? `+${duration(time - span.start)}` : `−${duration(span.start - time)}`, el("small", null, ` at ${duration(time - model.start)} of the trace`));

class Details {
  constructor(goTo) {
    this.goTo = goTo;
    this.root = el("aside", { class: "details", "aria-label": "Span", hidden: true, tabindex: -1 });
  }

  show(model, at, given) {
    const span = at >= 0 ? model.spans[at] : given;
    if (!span) return this.close();
    const top = this.span?.id === span.id ? this.root.scrollTop : 0;
    this.span = span;
    const parts = span.placeholder ? [this.missing(span)] : this.parts(model, span);
    keepingFocus(this.root, () => this.root.replaceChildren(this.head(model, span), ...parts.filter(Boolean)));
    this.root.hidden = false;
    this.root.scrollTop = top;
  }

  missing(span) {
    return el("p", null, `The span ${span.id} is named as a parent and has not arrived: it was lost, it was not sampled, or it is still open.`);
  }

  head(model, span) {
    const service = model.service(span);
    const link = () => copy(`${location.href.split("#")[0]}#/trace/${model.id}/${span.id}`, "Link");
    return el("div", { class: "details-head" },
      el("div", { class: "details-buttons" }, button("Copy id", () => copy(span.id, "Span id"), { class: "quiet" }),
        button("Copy link", link, { class: "quiet" }), button("✕", () => this.close(), { class: "quiet", "aria-label": "Close the details" })),
      el("h2", null, dot(model.hue(service)), el("b", null, plain(short(service, 100))), " ", plain(short(span.operation, 500))),
      el("div", { class: "facts" }, el("span", null, el("b", null, duration(span.duration))),
        el("span", null, `starts at ${duration(span.start - model.start)}`),
        span.duration > 0 && model.duration > 1 && el("span", null, `${digits((span.duration / model.duration) * 100)} % of the trace`),
        span.error && el("span", { class: "badge error" }, "error"), span.open && el("span", { class: "badge open" }, "not finished"),
        el("code", { class: "id" }, span.id)));
  }

  parts(model, span) {
    const process = model.processes[span.process];
    const refs = [...span.refs];
    // A client can name the parent without a reference to it.
    if (span.parent && !refs.some((ref) => ref.span === span.parent)) refs.unshift({ kind: "child_of", trace: model.id, span: span.parent, here: true });
    return [
      span.warnings.length > 0 && el("ul", { class: "span-warnings" }, span.warnings.slice(0, 20).map((text) => el("li", null, plain(short(text, 500))))),
      section("Tags", span.tags.length, tagTable(span.tags, "Tags")),
      span.logs.length > 0 && section("Logs", span.logs.length, some(el("div", { class: "logs" }), span.logs, ({ time, fields }) =>
        el("div", { class: "log" }, logTime(time, model, span), tagTable(fields, "Fields")))),
      refs.length > 0 && section("References", refs.length, some(el("div", { class: "refs" }), refs, (ref) => this.reference(model, ref))),
      process && section("Process", process.tags.length, tagTable(process.tags, "Process")),
      section("Span", null, tagTable([["span id", "string", span.id], ["parent", "string", span.parent ?? "none"],
        ["start", "string", when(span.start)], ["flags", "int64", span.flags], ["descendants", "int64", span.descendants]], "Span")),
    ];
  }

  reference(model, { kind, trace, span, here }) {
    const at = here ? model.index.get(span) : undefined;
    const target = at === undefined ? null : model.spans[at];
    const name = target && !target.placeholder ? `${model.service(target)} ${target.operation}` : here ? span : `trace ${trace}`;
    const link = el("a", { href: `#/trace/${trace}/${span}`, onclick: (event) => {
      if (!target || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      this.goTo(span);
    } }, plain(short(name)));
    return el("div", { class: "ref" }, el("span", { class: "key" }, kind === "follows_from" ? "follows from" : "child of"), link);
  }

  // Returns whether there was something to close.
  close() {
    if (this.root.hidden) return false;
    this.root.hidden = true;
    this.span = null;
    this.closed?.();
    return true;
  }
}
