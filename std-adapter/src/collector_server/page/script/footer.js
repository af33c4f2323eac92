// The state of the collector, in one line.
function startFooter() {
  const fact = (label, title) => {
    const value = el("b", null, "–");
    return { value, node: el("span", { title }, value, ` ${label}`) };
  };
  const state = el("span", { class: "connection" });
  const received = fact("received", "Spans received since the start"), held = fact("held"), memory = fact("memory");
  const evicted = fact("evicted", "Spans of the oldest traces, dropped to keep within the memory limit");
  const rejected = fact("rejected", "Packets and requests that could not be read");
  const gauge = el("span", { class: "gauge", "aria-hidden": "true" }, el("i", null));
  byId("footer").append(state, received.node, held.node, evicted.node, rejected.node, el("span", { class: "memory" }, gauge, memory.node));

  let connected = null;
  onLive(() => {
    if (connected !== live.connected) {
      connected = live.connected;
      state.textContent = connected ? "live" : "not connected";
      state.classList.toggle("lost", !connected);
    }
    const status = live.status;
    if (!status) return;
    received.value.textContent = number(status.received.spans);
    held.value.textContent = `${plural(status.held.spans, "span")} in ${plural(status.held.traces, "trace")}`;
    evicted.value.textContent = number(status.evicted.spans);
    evicted.node.classList.toggle("warn", status.evicted.spans > 0);
    rejected.value.textContent = number(status.rejected);
    rejected.node.classList.toggle("warn", status.rejected > 0);
    if (status.rejection) rejected.node.title = short(`Last: ${status.rejection}`, 300);
    memory.value.textContent = `${bytes(status.held.bytes)} of ${bytes(status.held.limit)}`;
    gauge.style.setProperty("--part", status.held.limit ? Math.min(1, status.held.bytes / status.held.limit) : 0);
  });
}

// Says that the connection is lost, once that has lasted a moment.
const LOST_MS = 1200;

function startBanner() {
  let timer = 0;
  const lost = () => {
    byId("lost").textContent = "The collector does not answer. What is shown stays; the page connects again by itself.";
    byId("lost").hidden = false;
  };
  const changed = () => {
    if (!live.connected) return void (timer ||= setTimeout(lost, LOST_MS));
    clearTimeout(timer);
    timer = 0;
    if (byId("lost").hidden) return;
    byId("lost").hidden = true;
    announce("Connected again");
  };
  onLive(changed);
  changed();
}
