// Keys that work anywhere but in a field.
const typing = (target) => target.matches?.("input:not([type=checkbox]), textarea, select");

function closeMenu() {
  const menu = document.querySelector(".menu[open]");
  if (!menu) return false;
  const hadFocus = menu.contains(document.activeElement);
  menu.open = false;
  if (hadFocus) menu.querySelector("summary").focus();
  return true;
}

function escapeKey(event) {
  const { target } = event;
  if (byId("help").open) return; // The dialog closes itself.
  event.preventDefault();
  if (closeMenu()) return;
  if (typing(target)) return leaveField(target);
  view?.escape?.();
}

// Esc in a field leaves it for the rows, where `j` and `k` go on; the field of a find is cleared first.
function leaveField(target) {
  if (target.id === "find" && view?.find?.clear()) return;
  target.blur();
  const rows = view?.list?.root;
  (rows?.checkVisibility() ? rows : byId("view")).focus({ preventScroll: true });
}

const keyActions = {
  "/": () => (view?.focusFirst ?? (() => byId("go-id").focus())).call(view),
  "?": () => byId("help").showModal(),
  j: () => view?.list?.step(1),
  k: () => view?.list?.step(-1),
  Enter: () => view?.list?.openActive(),
};

function startKeys() {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") return escapeKey(event);
    if (typing(event.target) || byId("help").open) return;
    if (event.key === "Enter" && event.target !== document.body && event.target.id !== "view") return;
    const action = keyActions[event.key] ?? view?.keys?.[event.key];
    if (!action) return;
    event.preventDefault();
    action.call(view);
  });
  document.addEventListener("pointerdown", (event) => event.target.closest?.(".menu") || closeMenu());
  byId("help-open").addEventListener("click", keyActions["?"]);
  byId("help").querySelector("form").addEventListener("submit", (event) => {
    event.preventDefault();
    byId("help").close();
  });
}
