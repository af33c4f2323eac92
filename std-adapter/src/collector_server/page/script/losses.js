// Spans that clients lost before they sent them, as they report it: by cause and by time.
const CAUSES = {
  full: ["Queue full", "The client's memory for spans was full: more memory, or a lower sampling rate."],
  too_large: ["Too large", "A span did not fit a packet: fewer or shorter tags, or OTLP over HTTP."],
  failed: ["Sending failed", "The packet could not be sent: a wrong address, or no network."],
  batches: ["Batches missing", "Numbers of batches are missing: the network, or a full receive buffer, dropped whole packets."],
};
const MOST_EVENTS = 100;
const SLOTS = 60;

const causeName = (cause) => CAUSES[cause]?.[0] ?? short(cause, 40);
const amount = (cause, n) => (cause === "batches" ? plural(n, "batch", "batches") : plural(n, "span"));

// Bars of the lost, over the time from the first event to the last.
function lossChart(events) {
  const first = events[events.length - 1].time, last = events[0].time, slot = Math.max(1e6, Math.ceil((last - first + 1) / SLOTS));
  const slots = Array.from({ length: SLOTS }, () => ({}));
  for (const { time, cause, spans } of events) {
    const at = slots[Math.min(SLOTS - 1, Math.max(0, Math.floor((time - first) / slot)))];
    at[cause] = (at[cause] ?? 0) + spans;
  }
  const sums = slots.map((causes) => Object.values(causes).reduce((sum, n) => sum + n, 0)), most = Math.max(1, ...sums);
  const bars = slots.flatMap((causes, i) => {
    let y = 60;
    return Object.entries(causes).map(([cause, n]) => {
      const height = Math.max(1, (n / most) * 56);
      y -= height;
      return svg("rect", { class: `cause-${cause in CAUSES ? cause : "other"}`, x: i * 10 + 1, y, width: 8, height }, svg("title", null, `${when(first + i * slot)}: ${causeName(cause)}, ${amount(cause, n)}`));
    });
  });
  return el("figure", { class: "loss-chart" },
    svg("svg", { viewBox: "0 0 600 60", preserveAspectRatio: "none", role: "img", "aria-label": `Losses from ${when(first)} to ${when(last)}` }, bars),
    el("figcaption", null, el("span", null, when(first)), el("span", { class: "legend" }, [...new Set(events.map(({ cause }) => cause))].map((cause) =>
      el("span", null, el("i", { class: `swatch cause-${cause in CAUSES ? cause : "other"}` }), causeName(cause)))), el("span", null, when(last))));
}

const clientRow = ({ service, client, batches, last, lost }) => el("tr", { class: lost.length ? "lossy" : null },
  el("td", null, dot(service), plain(short(service, 80))), el("td", null, el("code", { class: "id" }, client ? short(client, 8) : "–")),
  el("td", { class: "num" }, number(batches)), el("td", null, lost.length ? lost.map(({ cause, spans }) =>
    el("span", { class: "badge error", title: CAUSES[cause]?.[1] }, `${causeName(cause)}: ${amount(cause, spans)}`)) : "nothing"),
  el("td", { class: "num" }, age(last)));

const eventRow = ({ time, service, cause, spans }) => el("tr", null, el("td", null, when(time)), el("td", null, dot(service), plain(short(service, 80))),
  el("td", null, causeName(cause)), el("td", { class: "num" }, amount(cause, spans)));

const table = (caption, titles, rows) => el("table", { class: "calls" }, el("caption", null, caption),
  el("thead", null, el("tr", null, titles.map((title) => el("th", { scope: "col", class: /^(Batches|Last|Lost)$/.test(title) ? "num" : null }, title)))), el("tbody", null, rows));

class LossesView extends LiveView {
  constructor(main) {
    super();
    this.body = el("div", { class: "losses" });
    main.append(this.body);
    this.follow(1000);
  }

  async load() {
    this.revision = live.revision;
    let losses;
    try {
      losses = await getJson("api/losses");
    } catch (error) {
      this.body.replaceChildren(el("p", { class: "none problem" }, error.message));
      return;
    }
    const text = JSON.stringify(losses);
    if (this.stopped || text === this.text) return;
    this.text = text;
    this.show(losses);
  }

  show({ clients, events }) {
    const lossy = [...clients].sort((a, b) => b.lost.length - a.lost.length || b.last - a.last);
    const causes = [...new Set(events.map(({ cause }) => cause))].filter((cause) => cause in CAUSES);
    this.body.replaceChildren(...[
      el("h1", null, events.length ? "Losses" : "No client reports a loss"),
      el("p", { class: "note" }, "Clients count what they could not send and report it with their next batch."),
      events.length > 0 && lossChart(events),
      causes.length > 0 && el("dl", { class: "causes" }, causes.map((cause) => [el("dt", null, CAUSES[cause][0]), el("dd", null, CAUSES[cause][1])])),
      clients.length > 0 && table("Clients", ["Service", "Client", "Batches", "What was lost", "Last"], lossy.slice(0, MOST_EVENTS).map(clientRow)),
      events.length > 0 && table(events.length > MOST_EVENTS ? `The last ${MOST_EVENTS} of ${number(events.length)} events` : "Events",
        ["Time", "Service", "Cause", "Lost"], events.slice(0, MOST_EVENTS).map(eventRow)),
    ].filter(Boolean));
  }

  escape() {
    location.hash = "#/search";
    return true;
  }
}
