// A trace as a row of the search.
const MOST_CHIPS = 6;

function serviceChip({ name, spans, errors }) {
  return el("span", { class: "chip", "--hue": hue(name), title: short(`${name}: ${plural(spans, "span")}, ${plural(errors, "error")}`) },
    plain(short(name, 60)), el("b", null, number(spans)), errors > 0 && el("span", { class: "bad", "aria-label": "with errors" }, "!"));
}

function badges({ errors, open, warnings, rooted }) {
  const warned = Array.isArray(warnings) ? warnings.length : warnings;
  return [
    errors > 0 && el("span", { class: "badge error" }, plural(errors, "error")),
    open > 0 && el("span", { class: "badge open" }, `${number(open)} open`),
    warned > 0 && el("span", { class: "badge warning" }, plural(warned, "warning")),
    rooted === false && el("span", { class: "badge warning", title: "The first span has not arrived" }, "no root"),
  ];
}

function pickBox(trace, changed) {
  const box = el("input", { type: "checkbox", tabindex: -1, "aria-label": "Compare this trace", title: "Compare", onchange: () => {
    if (box.checked) {
      // A third choice takes the place of the first.
      if (picked.size === 2) picked.delete(picked.values().next().value);
      picked.add(trace.id);
    } else {
      picked.delete(trace.id);
    }
    changed();
  } });
  box.checked = picked.has(trace.id);
  return box;
}

function traceRow(trace, longest, changed) {
  const more = trace.services.length - MOST_CHIPS;
  return el("div", { class: `trace-row ${trace.errors ? "has-errors" : ""}`, "--hue": hue(trace.service) },
    el("div", { class: "line", role: "gridcell" },
      pickBox(trace, changed), dot(trace.service),
      el("a", { class: "name", href: `#/trace/${trace.id}`, tabindex: -1 },
        el("b", null, plain(short(trace.service, 100))), " ", plain(short(trace.operation) || "(no root yet)")),
      el("span", { class: "badges" }, badges(trace)), el("span", { class: "time" }, duration(trace.duration))),
    el("div", { class: "line second", role: "gridcell" },
      el("span", { class: "chips" }, trace.services.slice(0, MOST_CHIPS).map(serviceChip), more > 0 && el("span", { class: "chip" }, `+${more}`)),
      el("span", { class: "note" }, plural(trace.spans, "span")), el("code", { class: "id" }, trace.id.slice(-8)),
      el("time", { class: "age", "data-start": trace.start, title: when(trace.start) }, age(trace.start))),
    el("div", { class: "bar-track", "aria-hidden": "true" }, el("div", { class: "bar-fill", "--part": trace.duration / longest })));
}
