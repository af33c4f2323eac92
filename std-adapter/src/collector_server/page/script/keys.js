// Keys that work anywhere but in a field.
const typing = (target) => target.matches?.("input:not([type=checkbox]), textarea, select");

function escapeKey(event) {
  const target = event.target;
  if (byId("help").open) return; // The dialog closes itself.
  event.preventDefault();
  if (typing(target) && target.id !== "find") return target.blur();
  view?.escape?.();
}

const keyActions = {
  "/": () => (view?.focusFirst ?? (() => byId("go-id").focus())).call(view),
  "?": () => byId("help").showModal(),
  j: () => view?.list?.step(1),
  k: () => view?.list?.step(-1),
  n: () => view?.find?.step(1),
  N: () => view?.find?.step(-1),
  Enter: () => view?.list?.openActive(),
};

function startKeys() {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") return escapeKey(event);
    if (typing(event.target) || byId("help").open) return;
    if (event.key === "Enter" && event.target !== document.body && event.target.id !== "view") return;
    const action = keyActions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });
  byId("help-open").addEventListener("click", keyActions["?"]);
  byId("help").querySelector("form").addEventListener("submit", (event) => {
    event.preventDefault();
    byId("help").close();
  });
}
