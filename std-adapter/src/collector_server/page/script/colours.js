// Colours of services, and the choice of dark or light.
// Hues apart enough to tell, without the red of errors; those between them are for more services than that. Lightness and
// chroma come from the style, for its contrast.
const HUES = [250, 150, 300, 75, 200, 345, 120, 48];
const MORE_HUES = [275, 175, 322, 98, 225, 135];
const hues = new Map();

// Returns the hue of a service: by its name, so that a reload keeps it, and not one that another service has.
function hue(service) {
  let found = hues.get(service);
  if (found !== undefined) return found;
  let hash = 2166136261;
  for (let i = 0; i < Math.min(service.length, 256); i++) hash = Math.imul(hash ^ service.charCodeAt(i), 16777619);
  hash >>>= 0;
  const taken = new Set(hues.values());
  const free = [HUES, MORE_HUES].find((some) => some.some((one) => !taken.has(one))) ?? HUES;
  let at = hash % free.length;
  for (let tries = 0; tries < free.length && taken.has(free[at]); tries++) at = (at + 1) % free.length;
  found = free[at];
  if (hues.size < 10000) hues.set(service, found);
  return found;
}

const systemDark = matchMedia("(prefers-color-scheme: dark)");
const THEMES = ["system", "light", "dark"];
const THEME_SIGNS = { system: "◐", light: "☀", dark: "☾" };
let theme = THEMES.includes(remembered("theme")) ? remembered("theme") : "system";

const isDark = () => (theme === "system" ? systemDark.matches : theme === "dark");

// The colour as a text, for canvas; elements take `--hue` and the style.
const serviceColour = (service) => `oklch(${isDark() ? "0.74 0.12" : "0.55 0.13"} ${hue(service)})`;

function applyTheme() {
  document.documentElement.dataset.theme = theme;
  const control = byId("theme");
  control.textContent = THEME_SIGNS[theme];
  control.title = `Colours: ${theme === "system" ? "as the system" : theme}`;
  control.setAttribute("aria-label", control.title);
  document.dispatchEvent(new Event("theme"));
}

function startTheme() {
  byId("theme").addEventListener("click", () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
    remember("theme", theme);
    applyTheme();
  });
  systemDark.addEventListener("change", applyTheme);
  applyTheme();
}

const dot = (service) => el("span", { class: "dot", "--hue": hue(service), "aria-hidden": "true" });
