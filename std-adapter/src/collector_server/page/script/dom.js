// Building blocks of the document. Data enters it only here, as text nodes and attribute values.
const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name.startsWith("--")) node.style.setProperty(name, value);
    else if (name === "class") node.setAttribute("class", value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

// Creates an element: attributes, `on…` listeners and `--…` style properties; strings become text nodes.
const el = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
const svg = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);
const byId = (id) => document.getElementById(id);
const button = (label, onclick, attributes) => el("button", { type: "button", onclick, ...attributes }, label);

// The heading of a view whose place in the page tells those who see it what it is.
const hiddenHeading = (text) => el("h1", { class: "unseen" }, text);

// Isolates text of either direction, so that marks inside it cannot reorder what stands beside it.
const plain = (text, attributes) => el("bdi", attributes, text);

let toastTimer = 0;

// Shows a short message, which screen readers say.
function say(text) {
  const said = byId("said");
  said.textContent = text;
  said.classList.add("shown");
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => said.classList.remove("shown"), 3000);
}

// Tells screen readers alone. Only what the user asked for is told: live updates would never end.
function announce(text) {
  byId("heard").textContent = text;
}

const CAN_HAVE_FOCUS = "a[href], button, input, select, summary, [tabindex]";

// Draws `place` anew by `draw`. What had the focus in it gives it to what stands for it: the same place among what can have
// the focus, within the same `data-key`. Otherwise it goes to `fallback`, not to the document's start.
function keepingFocus(place, draw, fallback = place) {
  const had = document.activeElement;
  if (had === place || !place.contains(had)) return draw();
  const key = had.closest("[data-key]")?.dataset.key;
  const group = () => (key === undefined ? place : place.querySelector(`[data-key="${CSS.escape(key)}"]`));
  const order = (root) => (root ? [root, ...root.querySelectorAll(CAN_HAVE_FOCUS)] : []);
  const at = order(group()).indexOf(had);
  draw();
  if (had.isConnected) return;
  (order(group())[at] ?? fallback).focus({ preventScroll: true });
}

async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without the permission, or where the page came over plain HTTP from another machine.
    const area = el("textarea", { class: "off-screen", readonly: true });
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  say(`${what} copied`);
}

const copyButton = (text, what, label) =>
  button(label ?? "Copy", () => copy(text, what), { class: "quiet", title: `Copy ${what}`, "aria-label": `Copy ${what}` });

// Lets the browser paint and answer input between two pieces of work.
const pause = () => (globalThis.scheduler?.yield ? scheduler.yield() : new Promise((resolve) => setTimeout(resolve)));

// Waits until the browser has painted, or for a moment where it does not paint: in a tab that is hidden.
const painted = () => new Promise((resolve) => {
  const timer = setTimeout(resolve, 100);
  requestAnimationFrame(() => setTimeout(() => (clearTimeout(timer), resolve())));
});

// Runs `step` for each item, in pieces of a few milliseconds. Ends early, with false, when `alive` says so.
async function inPieces(items, step, alive = () => true) {
  let until = performance.now() + 8;
  for (let i = 0; i < items.length; i++) {
    step(items[i], i);
    if (performance.now() > until) {
      await pause();
      if (!alive()) return false;
      until = performance.now() + 8;
    }
  }
  return true;
}

function remembered(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function remember(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Without storage the choice lasts as long as the page.
  }
}
