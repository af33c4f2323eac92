// A trace as a row of the search.
const MOST_CHIPS = 6;

// The service with the number of its spans; a button where a click does something.
function serviceChip({ name, spans, errors }, hue, onclick) {
  const title = short(`${name}: ${plural(spans, "span")}, ${plural(errors, "error")}`);
  return el(onclick ? "button" : "span", { class: "chip", type: onclick ? "button" : null, onclick, "--hue": hue(name), title, "data-key": onclick && short(name) },
    plain(short(name, 60)), el("b", null, number(spans)), errors > 0 && el("span", { class: "bad", role: "img", "aria-label": "with errors" }, "!"));
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

// Chooses a trace to compare, or no longer. A third choice takes the place of the first.
function pick(id) {
  if (picked.delete(id)) return;
  if (picked.size === 2) picked.delete(picked.values().next().value);
  picked.add(id);
}

function pickBox(trace, changed) {
  const box = el("input", { type: "checkbox", tabindex: -1, "aria-label": "Compare this trace", title: "Compare (c)", onchange: () => {
    pick(trace.id);
    changed();
  } });
  box.checked = picked.has(trace.id);
  return box;
}

function traceRow(trace, longest, hue, changed) {
  const more = trace.services.length - MOST_CHIPS;
  return el("div", { class: `trace-row ${trace.errors ? "has-errors" : ""}`, "--hue": hue(trace.service) },
    el("div", { class: "line", role: "gridcell" },
      pickBox(trace, changed), dot(hue(trace.service)),
      el("a", { class: "name", href: `#/trace/${trace.id}`, tabindex: -1 },
        el("b", null, plain(short(trace.service, 100))), " ", plain(short(trace.operation) || "(no root yet)")),
      el("span", { class: "badges" }, badges(trace)), el("span", { class: "time" }, duration(trace.duration))),
    el("div", { class: "line second", role: "gridcell" },
      el("span", { class: "chips" }, trace.services.slice(0, MOST_CHIPS).map((service) => serviceChip(service, hue)), more > 0 && el("span", { class: "chip" }, `+${number(more)}`)),
      el("span", { class: "note" }, plural(trace.spans, "span")), el("code", { class: "id" }, trace.id.slice(-8)),
      el("time", { class: "age", "data-start": trace.start, title: when(trace.start) }, age(trace.start))),
    el("div", { class: "bar-track", "aria-hidden": "true" }, el("div", { class: "bar-fill", "--part": trace.duration / longest })));
}
