// The whole trace in small. A drag over it zooms the waterfall; a double click shows all again.
class Minimap {
  constructor(model, zoomed) {
    this.model = model;
    this.zoomed = zoomed;
    this.canvas = el("canvas", { class: "minimap-canvas" });
    this.window = el("div", { class: "minimap-window", hidden: true });
    this.reset = button("Whole trace", () => this.show(0, 1), { hidden: true });
    this.root = el("div", { class: "minimap", "aria-hidden": "true", title: "Drag to zoom", ondblclick: () => this.show(0, 1),
      onpointerdown: (event) => this.down(event), onpointermove: (event) => this.move(event), onpointerup: (event) => this.up(event) },
    this.canvas, this.window);
    this.redraw = () => this.draw();
    document.addEventListener("theme", this.redraw);
    this.resized = new ResizeObserver(this.redraw);
    this.resized.observe(this.root);
  }

  setModel(model) {
    this.model = model;
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
      if (!colours.has(service)) colours.set(service, serviceColour(service));
      context.fillStyle = span.error ? (isDark() ? "#ff8a80" : "#c62828") : span.placeholder ? "#8888" : colours.get(service);
      context.fillRect(((span.start - start) / whole) * width, i * step, Math.max(scale, (span.duration / whole) * width), thick);
    }, () => turn === this.turn);
  }

  part(event) {
    const box = this.root.getBoundingClientRect();
    return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
  }

  down(event) {
    this.from = this.part(event);
    this.root.setPointerCapture(event.pointerId);
  }

  move(event) {
    if (this.from === undefined) return;
    const to = this.part(event);
    this.place(Math.min(this.from, to), Math.max(this.from, to));
  }

  up(event) {
    if (this.from === undefined) return;
    const to = this.part(event), from = this.from;
    this.from = undefined;
    if (Math.abs(to - from) > 0.004) this.show(Math.min(from, to), Math.max(from, to));
  }

  place(from, to) {
    this.window.hidden = from === 0 && to === 1;
    this.window.style.setProperty("--x", from);
    this.window.style.setProperty("--w", to - from);
  }

  show(from, to) {
    this.place(from, to);
    this.reset.hidden = this.window.hidden;
    this.zoomed(from * this.model.duration, to * this.model.duration);
  }

  stop() {
    this.turn = -1;
    this.resized.disconnect();
    document.removeEventListener("theme", this.redraw);
  }
}
