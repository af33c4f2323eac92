// A layered layout of a directed graph: callers left of the called, few crossings, long edges through places of their own.

// Returns the edges with those turned around that close a cycle.
function withoutCycles(names, edges) {
  const outgoing = new Map(names.map((name) => [name, []]));
  for (const edge of edges) outgoing.get(edge.from).push(edge);
  const state = new Map(), turned = new Set();
  for (const root of names) {
    const stack = state.has(root) ? [] : [[root, 0]];
    if (stack.length) state.set(root, 1);
    while (stack.length) {
      const top = stack[stack.length - 1], edge = outgoing.get(top[0])[top[1]++];
      if (!edge) state.set(top[0], 2), stack.pop();
      else if (state.get(edge.to) === 1) turned.add(edge);
      else if (!state.has(edge.to)) state.set(edge.to, 1), stack.push([edge.to, 0]);
    }
  }
  return edges.filter(({ from, to }) => from !== to).map((edge) => (turned.has(edge) ? { from: edge.to, to: edge.from, edge, turned: true } : { from: edge.from, to: edge.to, edge, turned: false }));
}

// Puts each name in the layer behind its last caller.
function layerOf(names, edges) {
  const layers = new Map(names.map((name) => [name, 0])), waiting = new Map(names.map((name) => [name, 0]));
  for (const { to } of edges) waiting.set(to, waiting.get(to) + 1);
  const outgoing = new Map(names.map((name) => [name, []]));
  for (const edge of edges) outgoing.get(edge.from).push(edge);
  const ready = names.filter((name) => waiting.get(name) === 0);
  while (ready.length) {
    const name = ready.shift();
    for (const { to } of outgoing.get(name)) {
      layers.set(to, Math.max(layers.get(to), layers.get(name) + 1));
      waiting.set(to, waiting.get(to) - 1);
      if (waiting.get(to) === 0) ready.push(to);
    }
  }
  return layers;
}

// Orders the layers so that each place stands near the mean of its neighbours, in sweeps to and fro.
function order(layers, links) {
  const position = new Map();
  const index = (layer) => layer.forEach((place, i) => position.set(place, i));
  layers.forEach(index);
  for (let sweep = 0; sweep < 8; sweep++) {
    const down = sweep % 2 === 0;
    for (const layer of down ? layers.slice(1) : layers.slice(0, -1).reverse()) {
      const weight = new Map(layer.map((place) => {
        const near = links.get(place)[down ? "before" : "after"].map((other) => position.get(other));
        return [place, near.length ? near.reduce((sum, at) => sum + at, 0) / near.length : position.get(place)];
      }));
      layer.sort((a, b) => weight.get(a) - weight.get(b) || position.get(a) - position.get(b));
      index(layer);
    }
  }
}

const STEP_X = 270, STEP_Y = 62, NODE_WIDTH = 148, NODE_HEIGHT = 40;

// Moves the places of a layer towards their neighbours, keeping order and distance.
function settle(layers, links, y) {
  for (let sweep = 0; sweep < 6; sweep++) {
    for (const layer of sweep % 2 === 0 ? layers : [...layers].reverse()) {
      const wish = layer.map((place) => {
        const near = [...links.get(place).before, ...links.get(place).after].map((other) => y.get(other));
        return near.length ? near.reduce((sum, at) => sum + at, 0) / near.length : y.get(place);
      });
      // Each place gets its wish, or the first free spot below the one before it; then all move back by what that added.
      const got = [];
      wish.forEach((at, i) => got.push(i === 0 ? at : Math.max(at, got[i - 1] + STEP_Y)));
      const added = got.reduce((sum, at, i) => sum + at - wish[i], 0) / layer.length;
      layer.forEach((place, i) => y.set(place, got[i] - added));
    }
  }
}

// Returns the places of the nodes and the points of each edge, and the size of all.
function layout(names, calls) {
  const edges = withoutCycles(names, calls), layerByName = layerOf(names, edges);
  const depth = Math.max(0, ...layerByName.values());
  const layers = Array.from({ length: depth + 1 }, () => []);
  const links = new Map();
  const add = (place, layer) => {
    layers[layer].push(place);
    links.set(place, { before: [], after: [] });
  };
  const nodes = new Map(names.map((name) => [name, { name }]));
  for (const [name, node] of nodes) add(node, layerByName.get(name));
  const routes = edges.map(({ from, to, edge, turned }) => {
    const route = [nodes.get(from)];
    for (let layer = layerByName.get(from) + 1; layer < layerByName.get(to); layer++) {
      const bend = {};
      add(bend, layer);
      route.push(bend);
    }
    route.push(nodes.get(to));
    for (let i = 1; i < route.length; i++) {
      links.get(route[i - 1]).after.push(route[i]);
      links.get(route[i]).before.push(route[i - 1]);
    }
    return { edge, turned, route };
  });
  order(layers, links);
  const y = new Map();
  for (const layer of layers) layer.forEach((place, i) => y.set(place, (i - (layer.length - 1) / 2) * STEP_Y));
  settle(layers, links, y);
  const top = Math.min(0, ...y.values());
  const x = new Map();
  layers.forEach((layer, i) => layer.forEach((place) => x.set(place, i * STEP_X)));
  const point = (place) => ({ x: x.get(place), y: y.get(place) - top, node: place.name !== undefined });
  return {
    nodes: new Map([...nodes].map(([name, node]) => [name, point(node)])),
    edges: routes.map(({ edge, turned, route }) => ({ edge, points: (turned ? [...route].reverse() : route).map(point), turned })),
    width: depth * STEP_X + NODE_WIDTH, height: Math.max(0, ...y.values()) - top + NODE_HEIGHT,
  };
}

// Draws an edge as a curve from the side of one node to the side of the other, through the bends.
function curve(points, turned) {
  const middle = NODE_HEIGHT / 2, last = points.length - 1;
  const at = points.map(({ x, y, node }, i) => ({
    x: node ? x + (turned === (i === 0) ? 0 : NODE_WIDTH) : x + NODE_WIDTH / 2,
    y: y + middle + (turned && (i === 0 || i === last) ? 10 : 0),
  }));
  let path = `M${at[0].x} ${at[0].y}`;
  for (let i = 1; i < at.length; i++) {
    const half = (at[i].x - at[i - 1].x) / 2;
    path += `C${at[i - 1].x + half} ${at[i - 1].y} ${at[i].x - half} ${at[i].y} ${at[i].x} ${at[i].y}`;
  }
  return path;
}
