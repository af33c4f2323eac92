// The service map, and the same calls as a table.
const MOST_SERVICES = 80;
const MOST_CALLS = 200;

function mapNode(service, { x, y }, hue, select) {
  const { name, spans, errors } = service;
  const label = name.length > 17 ? `${name.slice(0, 16)}…` : name;
  return svg("g", { class: "map-node", transform: `translate(${x} ${y})`, "--hue": hue(name), "data-key": name, tabindex: 0, role: "button", "aria-pressed": "false", "aria-label": `${short(name)}, ${plural(spans, "span")}, ${plural(errors, "error")}`,
    onclick: () => select(name), onkeydown: (event) => (event.key === "Enter" || event.key === " ") && (event.preventDefault(), select(name)) },
  svg("title", null, short(name)),
  svg("rect", { width: NODE_WIDTH, height: NODE_HEIGHT, rx: 7 }), svg("rect", { class: "map-stripe", width: 4, height: NODE_HEIGHT - 12, x: 6, y: 6, rx: 2 }),
  // Clips what is wider than the node.
  svg("svg", { x: 18, y: 0, width: NODE_WIDTH - 22, height: NODE_HEIGHT }, svg("text", { x: 0, y: 17 }, label)),
  svg("text", { class: errors ? "map-note bad" : "map-note", x: 18, y: 31 }, errors ? `${number(spans)} · ${plural(errors, "error")}` : plural(spans, "span")));
}

function mapEdge({ edge, points, turned }, most) {
  const width = 1 + 3 * (Math.log1p(edge.calls) / Math.log1p(most));
  const path = svg("path", { class: `map-edge ${edge.errors ? "bad" : ""}`, d: curve(points, turned), "stroke-width": width.toFixed(2),
    "marker-end": edge.errors ? "url(#arrow-bad)" : "url(#arrow)" },
  svg("title", null, `${short(edge.from)} → ${short(edge.to)}: ${plural(edge.calls, "call")}, ${plural(edge.errors, "error")}, median ${duration(edge.median)}`));
  path.ends = [edge.from, edge.to];
  return path;
}

const arrow = (id) => svg("marker", { id, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 9, markerHeight: 9, markerUnits: "userSpaceOnUse", orient: "auto" },
  svg("path", { d: "M0 0.5L8 4L0 7.5z" }));

// The place of an edge's label on its curve: at the end where fewer edges meet, as parts of the way.
const NEAR_END = [0.68, 0.81], NEAR_START = [0.32, 0.19], HALF_WAY = [0.5, 0.5];

function labelPlace({ edge, points }, calls) {
  const outgoing = calls.filter(({ from }) => from === edge.from).length, incoming = calls.filter(({ to }) => to === edge.to).length;
  const [along, across] = outgoing > incoming ? NEAR_END : outgoing < incoming ? NEAR_START : HALF_WAY;
  const middle = Math.floor((points.length - 1) / 2), a = points[middle], b = points[middle + 1] ?? a;
  const left = Math.min(a.x, b.x) + NODE_WIDTH, gap = Math.max(0, Math.abs(b.x - a.x) - NODE_WIDTH);
  return { x: left + gap * (a.x <= b.x ? along : 1 - along), y: a.y + (b.y - a.y) * across + NODE_HEIGHT / 2 };
}

function drawMap(services, calls, hue, select) {
  const { nodes, edges, width, height } = layout(services.map(({ name }) => name), calls);
  const most = calls.reduce((largest, call) => Math.max(largest, call.calls), 1);
  const labels = edges.map((drawn) => {
    const { edge } = drawn, { x, y } = labelPlace(drawn, calls);
    const label = svg("text", { class: "map-label", x, y: y - 4 }, `${number(edge.calls)} × ${duration(edge.median)}`);
    label.ends = [edge.from, edge.to];
    return label;
  });
  // Many labels would cover each other: then only a chosen service shows those of its calls.
  const crowded = edges.length > 14 ? "crowded" : "";
  return svg("svg", { class: `map-picture ${crowded}`, "--wide": `${width + 24}px`, role: "group", "aria-label": "Service map", viewBox: `-12 -12 ${width + 24} ${height + 24}` },
    svg("defs", null, arrow("arrow"), arrow("arrow-bad")), edges.map((edge) => mapEdge(edge, most)),
    labels, services.map((service) => mapNode(service, nodes.get(service.name), hue, select)));
}

const callTable = () => new SortedTable({
  label: "Calls", most: MOST_CALLS, sort: 2, caption: (total) => (total > MOST_CALLS ? `${MOST_CALLS} of ${number(total)} calls` : "Calls"),
  columns: [
    { title: "From", value: (call) => call.from, cell: (call, hue) => serviceCell(call.from, hue) },
    { title: "To", value: (call) => call.to, cell: (call, hue) => serviceCell(call.to, hue) },
    { title: "Calls", num: true, value: (call) => call.calls, cell: (call) => number(call.calls) },
    { title: "Errors", num: true, bad: (call) => call.errors > 0, value: (call) => call.errors, cell: (call) => number(call.errors) },
    { title: "Median", num: true, value: (call) => call.median, cell: (call) => duration(call.median) },
  ],
});

class MapView extends LiveView {
  constructor(main) {
    super();
    this.count = el("span", { class: "count" });
    this.picture = el("div", { class: "map-scroll", tabindex: 0, role: "region", "aria-label": "Map" });
    this.table = callTable();
    this.none = el("p", { class: "none" }, "No services yet. The map shows who calls whom once traces arrive.");
    this.body = el("div", { class: "map-body" }, this.none, this.picture, this.table.root);
    this.picture.hidden = this.table.root.hidden = true;
    this.search = el("a", { class: "button", hidden: true });
    main.append(el("div", { class: "fill" }, hiddenHeading("Service map"), el("div", { class: "toolbar" }, this.count, el("span", { class: "spring" }), this.search), this.body));
    this.follow(2000);
  }

  async load() {
    this.revision = live.revision;
    let map;
    try {
      map = await getJson("api/map");
    } catch (error) {
      this.count.textContent = error.message;
      return;
    }
    const text = JSON.stringify(map);
    if (this.stopped || text === this.text) return;
    this.text = text;
    this.show(map);
  }

  show({ services, calls }) {
    const shown = [...services].sort((a, b) => b.spans - a.spans || compareValues(a.name, b.name)).slice(0, MOST_SERVICES).sort((a, b) => (a.name < b.name ? -1 : 1));
    const names = new Set(shown.map(({ name }) => name));
    const between = calls.filter(({ from, to }) => names.has(from) && names.has(to));
    this.count.textContent = services.length > MOST_SERVICES ? `The ${MOST_SERVICES} busiest of ${plural(services.length, "service")}`
      : `${plural(services.length, "service")}, ${plural(calls.length, "link")}`;
    this.none.hidden = services.length > 0;
    this.picture.hidden = services.length === 0;
    this.table.root.hidden = calls.length === 0;
    if (!services.length) return;
    const hue = huesOf(services.map(({ name }) => name));
    keepingFocus(this.picture, () => this.picture.replaceChildren(drawMap(shown, between, hue, (name) => this.select(name))));
    this.table.set(calls, hue);
    this.mark(names.has(this.selected) ? this.selected : null);
  }

  select(name) {
    this.mark(this.selected === name ? null : name);
  }

  // Dims what is no neighbour of the service.
  mark(name) {
    this.selected = name;
    const picture = this.picture.querySelector("svg");
    for (const node of picture.querySelectorAll(".map-node")) node.setAttribute("aria-pressed", node.dataset.key === name);
    picture.classList.toggle("dimmed", name !== null);
    for (const part of picture.querySelectorAll(".map-edge, .map-label")) part.classList.toggle("near", part.ends.includes(name));
    this.search.hidden = name === null;
    if (name === null) return;
    this.search.setAttribute("href", `#/search?${new URLSearchParams({ service: name })}`);
    this.search.textContent = `Traces of ${short(name, 40)}`;
  }

  escape() {
    if (this.selected) this.mark(null);
    else backToSearch();
    return true;
  }
}
