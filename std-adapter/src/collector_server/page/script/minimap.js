// The whole trace in small. A drag over it zooms the waterfall, a double click shows all again; its two edges move by drag and by keys.
const SMALLEST_WINDOW = 1e-6;
const EDGE_KEYS = { ArrowLeft: -0.01, ArrowDown: -0.01, ArrowRight: 0.01, ArrowUp: 0.01, PageDown: -0.1, PageUp: 0.1, Home: -1, End: 1 };

class Minimap {
  constructor(model, zoomed) {
    this.model = model;
    this.zoomed = zoomed;
    this.from = 0;
    this.to = 1;
    this.canvas = el("canvas", { class: "minimap-canvas", "aria-hidden": "true" });
    this.window = el("div", { class: "minimap-window", hidden: true });
    this.edges = { from: this.edge("from", "Start of the time that is shown"), to: this.edge("to", "End of the time that is shown") };
    this.reset = button("Whole trace", () => this.whole(), { class: "minimap-reset", hidden: true, title: "Show the whole trace (0)" });
    this.root = el("div", { class: "minimap", role: "group", "aria-label": "Time that is shown", title: "Drag to zoom", ondblclick: () => this.whole(),
      onpointerdown: (event) => this.down(event), onpointermove: (event) => this.move(event), onpointerup: (event) => this.up(event),
      onpointercancel: () => this.up() },
    this.canvas, this.window, this.edges.from, this.edges.to, this.reset);
    this.redraw = () => this.draw();
    document.addEventListener("theme", this.redraw);
    this.resized = new ResizeObserver(this.redraw);
    this.resized.observe(this.root);
    this.place();
  }

  edge(side, label) {
    return el("div", { class: `minimap-edge ${side}`, role: "slider", tabindex: 0, "aria-label": label, "aria-valuemin": 0, "aria-valuemax": 100,
      "data-side": side, onkeydown: (event) => this.key(event, side) });
  }

  // Keeps the window where the trace has grown.
  setModel(model) {
    const grown = model.duration / this.model.duration;
    if (this.to - this.from < 1) [this.from, this.to] = [Math.min(1, this.from / grown), Math.min(1, this.to / grown)];
    this.model = model;
    this.place();
    this.draw();
  }

  async draw() {
    const turn = (this.turn = (this.turn ?? 0) + 1);
    const scale = Math.min(2, devicePixelRatio || 1), { clientWidth, clientHeight } = this.root;
    if (!clientWidth) return;
    const width = (this.canvas.width = Math.round(clientWidth * scale)), height = (this.canvas.height = Math.round(clientHeight * scale));
    const context = this.canvas.getContext("2d"), { spans, start, duration: whole } = this.model;
    const step = height / Math.max(8, spans.length), thick = Math.max(scale, step * 0.7);
    const colours = new Map();
    await inPieces(spans, (span, i) => {
      const service = this.model.service(span);
      if (!colours.has(service)) colours.set(service, hueColour(this.model.hue(service)));
      context.fillStyle = span.error ? (isDark() ? "#ff8a80" : "#c62828") : span.placeholder ? "#8888" : colours.get(service);
      context.fillRect(((span.start - start) / whole) * width, i * step, Math.max(scale, (span.duration / whole) * width), thick);
    }, () => turn === this.turn);
  }

  part(event) {
    const box = this.root.getBoundingClientRect();
    return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
  }

  // A drag of an edge keeps the other edge, any other drag begins a new window.
  down(event) {
    if (event.target === this.reset) return;
    const side = event.target.dataset?.side;
    this.drag = { fixed: side ? this[side === "from" ? "to" : "from"] : this.part(event), edge: Boolean(side), moved: Boolean(side), before: [this.from, this.to] };
    this.root.setPointerCapture(event.pointerId);
  }

  move(event) {
    if (!this.drag) return;
    const to = this.part(event), { fixed } = this.drag;
    this.drag.moved ||= Math.abs(to - fixed) > 0.004;
    if (!this.drag.moved) return;
    [this.from, this.to] = [Math.min(fixed, to), Math.max(fixed, to)];
    this.place();
  }

  up() {
    const { drag } = this;
    this.drag = undefined;
    if (drag?.moved) this.show(this.from, this.to);
  }

  key(event, side) {
    const by = EDGE_KEYS[event.key];
    if (by === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    const at = this[side] + by;
    if (side === "from") this.show(Math.max(0, Math.min(at, this.to - 0.01)), this.to);
    else this.show(this.from, Math.min(1, Math.max(at, this.from + 0.01)));
  }

  place() {
    const { from, to } = this, whole = from === 0 && to === 1;
    this.window.hidden = whole;
    this.reset.hidden = whole;
    // Away from the window's edges.
    this.reset.classList.toggle("at-start", from + to > 1);
    this.root.style.setProperty("--x", from);
    this.root.style.setProperty("--w", to - from);
    for (const [side, edge] of Object.entries(this.edges)) {
      edge.setAttribute("aria-valuenow", Math.round(this[side] * 100));
      edge.setAttribute("aria-valuetext", duration(Math.round(this[side] * this.model.duration)));
    }
  }

  // Shows a part of the trace, at least a small one, within its bounds.
  show(from, to) {
    const width = Math.min(1, Math.max(SMALLEST_WINDOW, 1 / this.model.duration, to - from));
    this.from = Math.max(0, Math.min(from, 1 - width));
    this.to = width === 1 ? 1 : this.from + width;
    const hadFocus = document.activeElement === this.reset;
    this.place();
    if (hadFocus && this.reset.hidden) this.edges.from.focus();
    this.zoomed(this.from * this.model.duration, this.to * this.model.duration);
  }

  whole() {
    this.show(0, 1);
  }

  // Zooms by a factor around a part of the trace that stays where it is.
  zoomBy(factor, around = (this.from + this.to) / 2) {
    const kept = Math.min(this.to, Math.max(this.from, around));
    this.show(Math.max(0, kept - (kept - this.from) * factor), Math.min(1, kept + (this.to - kept) * factor));
  }

  // Moves the window by a part of its width.
  pan(by) {
    const width = this.to - this.from;
    this.show(this.from + by * width, this.to + by * width);
  }

  stop() {
    this.turn = -1;
    this.resized.disconnect();
    document.removeEventListener("theme", this.redraw);
  }
}
