// Find in a trace: in names, ids, tags, logs and processes.
const inTags = (tags, wanted) => tags.some(([key, , content]) => `${key}=${content}`.toLowerCase().includes(wanted));

function spanMatches(model, span, wanted, processes) {
  return span.operation.toLowerCase().includes(wanted) || span.id.includes(wanted) || processes[span.process] ||
    inTags(span.tags, wanted) || span.logs.some(({ fields }) => inTags(fields, wanted));
}

class Find {
  // `found()` is called before the first match is shown.
  constructor(model, waterfall, found) {
    this.show = found;
    this.model = model;
    this.waterfall = waterfall;
    this.found = [];
    this.at = -1;
    this.count = el("span", { class: "count", role: "status" });
    this.input = el("input", { type: "search", id: "find", placeholder: "Find (/)", "aria-label": "Find in the trace", spellcheck: "false",
      autocomplete: "off", oninput: () => this.later(), onkeydown: (event) => this.key(event) });
    this.root = el("div", { class: "find" }, this.input, this.count,
      button("↑", () => this.step(-1), { class: "quiet", "aria-label": "Previous match", title: "Previous match (N)" }),
      button("↓", () => this.step(1), { class: "quiet", "aria-label": "Next match", title: "Next match (n)" }));
  }

  later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.search(), 120);
  }

  async key(event) {
    if (event.key !== "Enter") return;
    event.preventDefault();
    clearTimeout(this.timer);
    if (this.input.value !== this.searched) await this.search();
    else this.step(event.shiftKey ? -1 : 1);
    this.waterfall.list.root.focus({ preventScroll: true });
  }

  // Finds a text that was chosen elsewhere on the page.
  async look(text) {
    this.input.value = text;
    await this.search();
    this.waterfall.list.root.focus({ preventScroll: true });
  }

  async search() {
    const text = (this.searched = this.input.value), wanted = text.trim().toLowerCase(), model = this.model();
    const found = [];
    if (wanted) {
      const processes = model.processes.map(({ service, tags }) => service.toLowerCase().includes(wanted) || inTags(tags, wanted));
      const whole = await inPieces(model.spans, (span, at) => spanMatches(model, span, wanted, processes) && found.push(at),
        () => this.searched === text);
      if (!whole) return;
    }
    this.found = found;
    this.waterfall.matches = new Set(found);
    this.at = -1;
    this.waterfall.list.refresh();
    if (found.length) this.show(), this.step(1);
    else this.tell();
  }

  step(by) {
    if (!this.found.length) return this.tell();
    this.at = (this.at + by + this.found.length) % this.found.length;
    if (by < 0 && this.at < 0) this.at = this.found.length - 1;
    this.waterfall.reveal(this.found[this.at]);
    this.tell();
  }

  tell() {
    this.count.textContent = this.input.value.trim() ? `${number(this.at + 1)}/${number(this.found.length)}` : "";
  }

  // Returns whether there was something to clear.
  clear() {
    if (!this.input.value) return false;
    this.input.value = "";
    this.search();
    this.waterfall.list.root.focus({ preventScroll: true });
    return true;
  }

  stop() {
    clearTimeout(this.timer);
    this.searched = null;
  }
}
