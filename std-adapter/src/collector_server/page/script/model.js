// A trace as the page uses it.
class TraceModel {
  constructor(trace) {
    Object.assign(this, trace);
    this.duration = Math.max(1, trace.duration);
    this.index = new Map();
    for (let i = 0; i < this.spans.length; i++) if (!this.index.has(this.spans[i].id)) this.index.set(this.spans[i].id, i);
    this.hue = huesOf(this.processes.map(({ service }) => service));
    this.relate();
  }

  // Notes each span's parent (its index, or -1), its place among its siblings, and how many those are.
  relate() {
    const count = this.spans.length, above = [], siblings = new Int32Array(count + 1);
    this.parents = new Int32Array(count);
    this.places = new Int32Array(count);
    for (let at = 0; at < count; at++) {
      const { depth } = this.spans[at], parent = depth > 0 ? above[depth - 1] ?? -1 : -1;
      above[depth] = at;
      this.parents[at] = parent;
      this.places[at] = ++siblings[parent + 1];
    }
    this.siblings = siblings;
  }

  service(span) {
    return this.processes[span.process]?.service ?? "";
  }

  title() {
    const root = this.spans.find((span) => !span.placeholder);
    return root ? { service: this.service(root), operation: root.operation } : { service: "", operation: "" };
  }

  // What tells whether a fetched trace differs from this one.
  mark() {
    return [this.spans.length, this.errors, this.open, this.start, this.duration, this.warnings.length].join();
  }
}
