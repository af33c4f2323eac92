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

const lostSum = ({ lost }) => lost.reduce((sum, { spans }) => sum + spans, 0);

const clientTable = () => new SortedTable({
  label: "Clients", most: MOST_EVENTS, sort: 3, caption: (total) => (total > MOST_EVENTS ? `${MOST_EVENTS} of ${number(total)} clients` : "Clients"),
  columns: [
    { title: "Service", value: ({ service }) => service, cell: ({ service }, hue) => serviceCell(service, hue) },
    { title: "Client", value: ({ client }) => client ?? "", cell: ({ client }) => el("code", { class: "id" }, client ? short(client, 8) : "–") },
    { title: "Batches", num: true, value: ({ batches }) => batches, cell: ({ batches }) => number(batches) },
    { title: "Lost", num: true, value: lostSum, cell: ({ lost }) => (lost.length ? lost.map(({ cause, spans }) =>
      el("span", { class: "badge error", title: CAUSES[cause]?.[1] }, `${causeName(cause)}: ${amount(cause, spans)}`)) : "nothing") },
    { title: "Last", num: true, value: ({ last }) => last, cell: ({ last }) => age(last) },
  ],
});

const eventTable = () => new SortedTable({
  label: "Events", most: MOST_EVENTS, sort: 0, caption: (total) => (total > MOST_EVENTS ? `${MOST_EVENTS} of ${number(total)} events` : "Events"),
  columns: [
    { title: "Time", num: true, value: ({ time }) => time, cell: ({ time }) => when(time) },
    { title: "Service", value: ({ service }) => service, cell: ({ service }, hue) => serviceCell(service, hue) },
    { title: "Cause", value: ({ cause }) => causeName(cause), cell: ({ cause }) => causeName(cause) },
    { title: "Lost", num: true, value: ({ spans }) => spans, cell: ({ cause, spans }) => amount(cause, spans) },
  ],
});

class LossesView extends LiveView {
  constructor(main) {
    super();
    this.title = el("h1", null, "Losses");
    this.chart = el("div", null);
    this.clients = clientTable();
    this.events = eventTable();
    this.body = el("div", { class: "losses", tabindex: 0, role: "region", "aria-label": "Losses" }, this.title,
      el("p", { class: "note" }, "Clients count what they could not send and report it with their next batch."),
      this.chart, this.clients.root, this.events.root);
    this.problem = el("p", { class: "problem", hidden: true });
    this.body.append(this.problem);
    this.clients.root.hidden = this.events.root.hidden = true;
    main.append(this.body);
    this.follow(1000);
  }

  async load() {
    this.revision = live.revision;
    let losses;
    try {
      losses = await getJson("api/losses");
    } catch (error) {
      this.problem.textContent = error.message;
      this.problem.hidden = false;
      return;
    }
    this.problem.hidden = true;
    const text = JSON.stringify(losses);
    if (this.stopped || text === this.text) return;
    this.text = text;
    this.show(losses);
  }

  show({ clients, events }) {
    const causes = [...new Set(events.map(({ cause }) => cause))].filter((cause) => cause in CAUSES);
    this.title.textContent = events.length ? "Losses" : "No client reports a loss";
    this.chart.hidden = events.length === 0;
    if (events.length) {
      this.chart.replaceChildren(lossChart(events), el("dl", { class: "causes" }, causes.map((cause) => [el("dt", null, CAUSES[cause][0]), el("dd", null, CAUSES[cause][1])])));
    }
    this.clients.root.hidden = clients.length === 0;
    this.events.root.hidden = events.length === 0;
    const hue = huesOf([...clients, ...events].map(({ service }) => service));
    this.clients.set(clients, hue);
    this.events.set(events, hue);
  }

  escape() {
    backToSearch();
  }
}
