// The spans of a trace by service and operation: how many, how long, and how long without their children.
const MOST_STATISTICS = 200;

// Returns the time of each span that no child of it covers. Siblings come in the order of their start.
function selfTimes({ spans, parents }) {
  const own = new Float64Array(spans.length), covered = new Float64Array(spans.length);
  for (let at = 0; at < spans.length; at++) {
    const { start, duration: time } = spans[at], parent = parents[at];
    own[at] = time;
    covered[at] = start;
    if (parent < 0) continue;
    const end = Math.min(start + time, spans[parent].start + spans[parent].duration), from = Math.max(start, covered[parent]);
    if (end <= from) continue;
    own[parent] -= end - from;
    covered[parent] = end;
  }
  return own;
}

function statisticsOf(model) {
  const groups = new Map(), own = selfTimes(model);
  model.spans.forEach((span, at) => {
    if (span.placeholder) return;
    const service = model.service(span), key = `${service}\u0000${span.operation}`;
    let group = groups.get(key);
    if (!group) groups.set(key, (group = { service, operation: span.operation, spans: 0, total: 0, own: 0, longest: 0, errors: 0 }));
    group.spans++;
    group.total += span.duration;
    group.own += own[at];
    group.longest = Math.max(group.longest, span.duration);
    if (span.error) group.errors++;
  });
  return [...groups.values()];
}

class Statistics {
  // `find(text)` shows the spans of an operation in the waterfall.
  constructor(find) {
    const time = (title, value) => ({ title, num: true, value, cell: (row) => duration(Math.round(value(row))) });
    this.table = new SortedTable({
      label: "Statistics", most: MOST_STATISTICS, sort: 4,
      caption: (total) => (total > MOST_STATISTICS ? `${MOST_STATISTICS} of ${number(total)} operations` : plural(total, "operation")),
      columns: [
        { title: "Service", value: (row) => row.service, cell: (row, hue) => serviceCell(row.service, hue) },
        { title: "Operation", value: (row) => row.operation, cell: (row) =>
          button(plain(short(row.operation) || "(no name)"), () => find(row.operation), { class: "as-link", title: "Find these spans in the waterfall" }) },
        { title: "Spans", num: true, value: (row) => row.spans, cell: (row) => number(row.spans) },
        time("Total", (row) => row.total), time("Self", (row) => row.own), time("Mean", (row) => row.total / row.spans), time("Longest", (row) => row.longest),
        { title: "Errors", num: true, bad: (row) => row.errors > 0, value: (row) => row.errors, cell: (row) => number(row.errors) },
      ],
    });
    this.root = el("div", { class: "statistics", hidden: true }, el("p", { class: "note" }, "Self is the time in which none of a span's children runs."), this.table.root);
  }

  show(model) {
    this.table.set(statisticsOf(model), model.hue);
  }
}
