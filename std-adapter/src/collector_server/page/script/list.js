// A list that has only the rows in the document that can be seen: at most 300, however long it is.
const MOST_ROWS = 120;

// What a row costs until it is painted, in milliseconds of the clock, as the last frames took. On a busy machine fewer rows
// fit into a frame than on an idle one.
const FRAME_MS = 14;
const FEWEST_ROWS = 4;
let rowCost = 1;

function noteRowCost(cost) {
  rowCost += (Math.min(cost, FRAME_MS) - rowCost) * (cost > rowCost ? 0.5 : 0.2);
}

const rowsOfFrame = () => Math.max(FEWEST_ROWS, Math.floor(FRAME_MS / rowCost));

class RowList {
  // `options`: role, rowHeight, label, columns; render(item, index) returns a row; key(item); open(item, index).
  constructor(options) {
    this.options = options;
    this.items = [];
    this.active = -1;
    this.rows = new Map();
    this.inner = el("div", { class: "rows-inner", role: "rowgroup" });
    options.head?.setAttribute("aria-rowindex", 1);
    this.root = el("div", {
      class: `rows ${options.class ?? ""}`, role: options.role ?? "grid", tabindex: 0, "aria-label": options.label,
      onscroll: () => this.soon(), onkeydown: (event) => this.key(event), onclick: (event) => this.click(event),
      onfocus: () => this.active < 0 && this.items.length && this.activate(this.firstShown(), false),
    }, options.head, this.inner);
    this.resized = new ResizeObserver(() => this.soon());
    this.resized.observe(this.root);
  }

  get rowHeight() {
    return typeof this.options.rowHeight === "function" ? this.options.rowHeight() : this.options.rowHeight;
  }

  get headRows() {
    return this.options.head ? 1 : 0;
  }

  firstShown() {
    return Math.min(this.items.length - 1, Math.ceil(this.root.scrollTop / this.rowHeight));
  }

  // Shows other items; the active one stays active by its key.
  set(items) {
    const key = this.active >= 0 && this.items[this.active] !== undefined ? this.options.key(this.items[this.active]) : null;
    this.items = items;
    this.active = key === null ? -1 : items.findIndex((item) => this.options.key(item) === key);
    this.root.setAttribute("aria-rowcount", items.length + this.headRows);
    this.refresh();
  }

  // Draws the shown rows anew. Each old row stays until its new one takes its place.
  refresh() {
    for (const row of this.rows.values()) row.stale = true;
    this.draw();
  }

  soon() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = undefined;
      const begun = performance.now(), drawn = this.draw();
      // The next task begins when these rows are painted.
      if (drawn) setTimeout(() => noteRowCost((performance.now() - begun) / drawn));
    });
  }

  // Returns the indexes of the first row to draw and of the row behind the last.
  range(height) {
    const shown = Math.ceil((this.root.clientHeight || 600) / height);
    const spare = Math.min(4, Math.max(0, MOST_ROWS - shown));
    const from = Math.max(0, Math.floor(this.root.scrollTop / height) - spare);
    return [from, Math.min(this.items.length, from + Math.min(MOST_ROWS, shown + 2 * spare))];
  }

  // Draws as many rows as fit into a frame, the active one first, and the others in the next frames. Returns how many it drew.
  draw() {
    const height = this.rowHeight;
    this.inner.style.height = `${this.items.length * height}px`;
    const [from, to] = this.range(height);
    const missing = [];
    for (let index = from; index < to; index++) if (this.rows.get(index)?.stale !== false) missing.push(index);
    const active = missing.indexOf(this.active);
    if (active > 0) missing.unshift(...missing.splice(active, 1));
    const now = missing.slice(0, rowsOfFrame());
    keepingFocus(this.inner, () => this.place(from, to, now, height), this.root);
    this.mark();
    const more = now.length < missing.length;
    this.root.setAttribute("aria-busy", more);
    if (more) this.soon();
    return now.length;
  }

  // Takes away the rows that are out of sight, and puts those of `indexes` in their places.
  place(from, to, indexes, height) {
    for (const [index, row] of this.rows) if (index < from || index >= to) row.remove(), this.rows.delete(index);
    const fresh = document.createDocumentFragment();
    for (const index of indexes) {
      const old = this.rows.get(index), row = this.row(index, height);
      if (old) old.replaceWith(row);
      else fresh.append(row);
    }
    this.inner.append(fresh);
  }

  row(index, height) {
    const row = this.options.render(this.items[index], index);
    row.dataset.index = index;
    row.dataset.key = this.options.key(this.items[index]);
    row.id = `${this.options.id}-${index}`;
    row.setAttribute("role", "row");
    row.setAttribute("aria-rowindex", index + 1 + this.headRows);
    row.style.top = `${index * height}px`;
    row.style.height = `${height}px`;
    row.stale = false;
    this.rows.set(index, row);
    return row;
  }

  mark() {
    for (const [index, row] of this.rows) {
      row.classList.toggle("active", index === this.active);
      row.setAttribute("aria-selected", index === this.active);
    }
    const current = this.rows.get(this.active);
    if (current) this.root.setAttribute("aria-activedescendant", current.id);
    else this.root.removeAttribute("aria-activedescendant");
  }

  // Makes a row the active one and scrolls it into view.
  activate(index, centre = false) {
    if (!this.items.length) return;
    this.active = Math.max(0, Math.min(this.items.length - 1, index));
    const height = this.rowHeight, top = this.active * height;
    const room = this.root.clientHeight - (this.options.head?.offsetHeight ?? 0);
    if (centre && (top < this.root.scrollTop || top + height > this.root.scrollTop + room)) {
      this.root.scrollTop = top - room / 2;
    } else if (top < this.root.scrollTop) this.root.scrollTop = top;
    else if (top + height > this.root.scrollTop + room) this.root.scrollTop = top + height - room;
    this.draw();
    this.options.moved?.(this.items[this.active], this.active);
  }

  step(by) {
    const next = this.active < 0 ? this.firstShown() : this.active + by;
    this.root.focus({ preventScroll: true });
    this.activate(next);
  }

  openActive() {
    if (this.active >= 0) this.options.open?.(this.items[this.active], this.active);
  }

  key(event) {
    if (event.target !== this.root || event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(this.root.clientHeight / this.rowHeight) - 1);
    const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -1e9, End: 1e9 };
    if (event.key in moves) this.activate(Math.max(0, this.active) + moves[event.key]);
    else if (event.key === "Enter" || event.key === " ") this.openActive();
    else if (!this.options.otherKey?.(event)) return;
    event.preventDefault();
  }

  click(event) {
    const row = event.target.closest("[data-index]");
    if (!row || event.target.closest("a, button, input, label, [data-at]")) return;
    this.active = Number(row.dataset.index);
    this.mark();
    this.openActive();
  }

  stop() {
    this.resized.disconnect();
    cancelAnimationFrame(this.frame);
  }
}
