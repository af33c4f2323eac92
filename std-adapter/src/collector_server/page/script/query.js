// The form of the search: its fields are the parameters of the fragment `#/search?…`.
const LOOKBACKS = [["", "any time"], ["5m", "last 5 minutes"], ["15m", "last 15 minutes"], ["1h", "last hour"], ["6h", "last 6 hours"], ["24h", "last day"], ["custom", "from … to …"]];
const SORTS = [["recent", "Newest first"], ["longest", "Longest first"], ["shortest", "Shortest first"], ["spans", "Most spans"], ["errors", "Most errors"]];

const option = ([value, label], chosen) => el("option", { value, selected: value === chosen }, label);

// Turns the parameters of the fragment into the query of the API. Throws what is wrong with a field.
function apiQuery(params) {
  const query = new URLSearchParams();
  for (const name of ["service", "operation", "debug_id"]) if (params.get(name)) query.set(name, params.get(name));
  const tags = params.get("tags") ?? "";
  const pairs = parseTags(tags);
  if (tags.trim() && !pairs.length) throw new Error("Tags are written key=value, with quotes around values that have spaces.");
  for (const tag of pairs) query.append("tag", tag);
  for (const name of ["min", "max"]) {
    const value = parseDuration(params.get(name) ?? "");
    if (Number.isNaN(value)) throw new Error(`The ${name}. duration is a number with a unit: 1.5s, 200ms, 50us.`);
    if (value !== null) query.set(name, value);
  }
  const lookback = params.get("lookback");
  if (lookback === "custom") {
    for (const name of ["start", "end"]) {
      const time = Date.parse(params.get(name) ?? "");
      if (!Number.isNaN(time)) query.set(name, time * 1000);
    }
  } else if (lookback) {
    query.set("start", Date.now() * 1000 - parseDuration(lookback));
  }
  query.set("limit", Math.min(1000, Math.max(1, Math.trunc(Number(params.get("limit"))) || 20)));
  return query;
}

const field = (label, control, hint) => el("label", { class: "field" }, el("span", null, label), control, hint && el("small", null, hint));

// Returns the form and what updates its choices of services.
function searchForm(params, submit) {
  const text = (name, attributes) =>
    el("input", { name, value: params.get(name) ?? "", spellcheck: "false", autocomplete: "off", ...attributes });
  const service = el("select", { name: "service", id: "service" });
  const operation = el("select", { name: "operation" });
  const lookback = el("select", { name: "lookback" }, LOOKBACKS.map((entry) => option(entry, params.get("lookback") ?? "")));
  const custom = el("div", { class: "pair" },
    field("From", text("start", { type: "datetime-local", step: 1 })), field("To", text("end", { type: "datetime-local", step: 1 })));
  const showCustom = () => (custom.hidden = lookback.value !== "custom");
  lookback.addEventListener("change", showCustom);
  showCustom();
  let services = [];

  const choices = (select, names, all, chosen) => {
    if (chosen && !names.includes(chosen)) names = [chosen, ...names];
    select.replaceChildren(option(["", all], chosen), ...names.map((name) => option([name, short(name, 80)], chosen)));
    select.value = chosen;
  };
  const operations = (chosen) => {
    const of = services.filter(({ name }) => !service.value || name === service.value);
    const names = [...new Set(of.flatMap((entry) => entry.operations))].sort().slice(0, 2000);
    choices(operation, names, "all operations", chosen);
  };
  const setServices = (fresh) => {
    const same = JSON.stringify(fresh) === JSON.stringify(services);
    if (same && service.options.length) return;
    services = fresh;
    choices(service, fresh.map(({ name }) => name), "all services", service.options.length ? service.value : params.get("service") ?? "");
    operations(operation.options.length ? operation.value : params.get("operation") ?? "");
  };
  service.addEventListener("change", () => operations(""));

  const form = el("form", { class: "search-form", "aria-label": "Search", onsubmit: (event) => {
    event.preventDefault();
    const fresh = new URLSearchParams();
    for (const [name, value] of new FormData(form)) if (value.trim()) fresh.set(name, value.trim());
    if (fresh.get("limit") === "20") fresh.delete("limit");
    submit(fresh);
  } },
  field("Service", service), field("Operation", operation),
  field("Tags", text("tags", { id: "tags", placeholder: 'error=true http.status_code=500' }), "all in one span"),
  el("div", { class: "pair" },
    field("Min. duration", text("min", { placeholder: "1.2s, 100ms" })), field("Max. duration", text("max", { placeholder: "500us" }))),
  field("Time", lookback), custom,
  el("div", { class: "pair" },
    field("Limit", text("limit", { type: "number", min: 1, max: 1000, placeholder: "20" })), field("jaeger-debug-id", text("debug_id"))),
  el("div", { class: "actions" }, el("button", { class: "primary" }, "Search"), button("Clear", () => submit(new URLSearchParams()), { class: "quiet" })));
  return { form, setServices };
}
