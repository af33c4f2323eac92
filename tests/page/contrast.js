// Returns what has too little contrast: text below 4.5 (3 where it is large), and shapes below 3, as WCAG 2.2 computes it. The
// background of a point is that of all elements below it, as the browser stacks them.
const [TEXT, LARGE_TEXT, SHAPE] = [4.5, 3, 3];
const SHAPES = ".span-row:not(.is-missing) .span-bar, .bar-fill, .dot, .stripe, .critical, .log-tick, .delta-bar, .gauge i, .map-edge, .map-stripe, .loss-chart rect, .swatch, .brand rect";
const FIELDS = "input:not([type=file]), select";

const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
const known = new Map();

// Any colour of CSS as red, green, blue from 0 to 255 and alpha from 0 to 1.
function rgba(colour) {
  if (!known.has(colour)) {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    known.set(colour, [r, g, b, a / 255]);
  }
  return known.get(colour);
}

const over = ([r, g, b, a], below) => [r, g, b].map((channel, i) => channel * a + below[i] * (1 - a));

function luminance(colour) {
  const [r, g, b] = colour.map((channel) => (channel / 255 <= 0.04045 ? channel / 255 / 12.92 : ((channel / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a, b) {
  const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (light + 0.05) / (dark + 0.05);
}

function opacity(node) {
  let product = 1;
  for (let at = node; at; at = at.parentElement) product *= Number(getComputedStyle(at).opacity);
  return product;
}

const paint = (node) => (node instanceof SVGElement && node.localName !== "svg" ? (node.localName === "path" ? "transparent" : getComputedStyle(node).fill) : getComputedStyle(node).backgroundColor);

// The colour below a point of `node`: without what lies above it, with its own background if `own`. Null: it is covered.
function below(node, x, y, own) {
  const stack = document.elementsFromPoint(x, y), at = stack.indexOf(node);
  if (at < 0) return null;
  let colour = rgba(getComputedStyle(document.body).backgroundColor).slice(0, 3);
  for (const one of stack.slice(own ? at : at + 1).reverse()) {
    if (one.localName === "text" || one.localName === "g") continue;
    const [r, g, b, a] = rgba(paint(one));
    colour = over([r, g, b, a * opacity(one)], colour);
  }
  return colour;
}

const describe = (node) => `${node.localName}.${node.getAttribute("class") ?? ""}#${node.id} ${JSON.stringify(node.textContent.trim().slice(0, 30))}`;
const found = [];
let texts = 0, shapes = 0;

function judge(node, colour, ground, least, kind) {
  const [r, g, b, a] = rgba(colour), ratio = contrast(over([r, g, b, a * opacity(node)], ground), ground);
  if (ratio < least) found.push(`${kind} ${ratio.toFixed(2)} < ${least}: ${describe(node)} ${colour} on ${ground.map(Math.round)}`);
}

const inside = (x, y) => x >= 0 && y >= 0 && x < innerWidth && y < innerHeight;

function judgeText(text) {
  const node = text.parentElement, style = getComputedStyle(node);
  if (!text.data.trim() || !node.checkVisibility({ opacityProperty: true, visibilityProperty: true }) || node.closest("option, .unseen, script, style")) return;
  const range = document.createRange();
  range.selectNodeContents(text);
  const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
  for (const box of [...range.getClientRects()].slice(0, 3)) {
    for (const part of [0.1, 0.5, 0.9]) {
      const x = box.x + box.width * part, y = box.y + box.height / 2;
      const ground = inside(x, y) && below(node, x, y, true);
      if (!ground) continue;
      texts++;
      judge(node, node instanceof SVGElement ? style.fill : style.color, ground, large ? LARGE_TEXT : TEXT, "text");
    }
  }
}

for (const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT); walker.nextNode();) judgeText(walker.currentNode);

for (const node of document.querySelectorAll(SHAPES)) {
  const box = node.getBoundingClientRect(), x = box.x + box.width / 2, y = box.y + box.height / 2;
  if (!node.checkVisibility() || !inside(x, y)) continue;
  // An edge of the map is no rectangle: it is judged against the map's ground.
  const edge = node.classList.contains("map-edge");
  const ground = edge ? rgba(getComputedStyle(node.closest(".map-scroll")).backgroundColor).slice(0, 3) : below(node, x, y, false);
  if (!ground) continue;
  shapes++;
  judge(node, edge ? getComputedStyle(node).stroke : paint(node), ground, SHAPE, "shape");
}

// A field is known by its border or by its ground.
for (const node of document.querySelectorAll(FIELDS)) {
  const box = node.getBoundingClientRect(), style = getComputedStyle(node), x = box.x + box.width / 2, y = box.y + box.height / 2;
  if (!node.checkVisibility() || !inside(x, y) || (node.type === "checkbox" && style.appearance === "auto")) continue;
  const ground = below(node, x, y, false);
  if (!ground) continue;
  shapes++;
  judge(node, style.borderTopColor, ground, SHAPE, "border");
  if (style.opacity !== "1") found.push(`faint field: ${describe(node)}`);
}
for (const node of document.querySelectorAll("input[placeholder]")) {
  const box = node.getBoundingClientRect(), ground = below(node, box.x + 5, box.y + box.height / 2, true);
  if (ground && node.checkVisibility()) judge(node, getComputedStyle(node, "::placeholder").color, ground, TEXT, "placeholder");
}
return { found, texts, shapes };
