// Shows the view that the fragment names.
let view = null;

const HEX = /^[0-9a-f]{1,32}$/;

function route() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?", 2);
  const [name, ...ids] = path.toLowerCase().split("/");
  const hex = ids.every((id) => HEX.test(id));
  if (name === "trace" && hex && (ids.length === 1 || ids.length === 2)) return { name, id: ids[0], span: ids[1]?.padStart(16, "0") };
  if (name === "compare" && hex && ids.length === 2) return { name, a: ids[0], b: ids[1] };
  if (name === "open" || name === "map" || name === "losses") return { name };
  return { name: "search", params: new URLSearchParams(query) };
}

const VIEWS = { search: SearchView, trace: TraceView, compare: CompareView, open: OpenView, map: MapView, losses: LossesView };
const TITLES = { search: "Search", trace: "Trace", compare: "Compare", open: "Open spans", map: "Service map", losses: "Losses" };

function navigate() {
  const next = route();
  // A link to a span of the trace that is shown keeps what is folded.
  if (next.name === "trace" && view instanceof TraceView && view.id === next.id && view.model) {
    if (next.span) view.showSpan(next.span);
    return;
  }
  view?.stop();
  const main = byId("view"), hadFocus = main.contains(document.activeElement);
  main.replaceChildren();
  main.dataset.view = next.name;
  main.setAttribute("aria-label", TITLES[next.name]);
  document.title = `${TITLES[next.name]} · picojaeger`;
  // What had the focus is gone: without this the next Tab would begin at the document's start.
  if (hadFocus) main.focus({ preventScroll: true });
  for (const link of document.querySelectorAll("[data-view]")) {
    if (link === main) continue;
    if (link.dataset.view === next.name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  view = new VIEWS[next.name](main, next);
}

function startGo() {
  byId("go").addEventListener("submit", (event) => {
    event.preventDefault();
    const id = byId("go-id").value.trim().toLowerCase();
    if (!HEX.test(id)) return say("A trace id has up to 32 hexadecimal digits");
    byId("go-id").value = "";
    location.hash = `#/trace/${id}`;
  });
  byId("skip").addEventListener("click", (event) => {
    event.preventDefault();
    byId("view").focus();
  });
}

startTheme();
startFooter();
startBanner();
startKeys();
startGo();
addEventListener("hashchange", navigate);
navigate();
startLive();
