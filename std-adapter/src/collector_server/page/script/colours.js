// Colours of services, and the choice of dark or light.
// Hues apart enough to tell, without the red of errors; those between them are for more services than that. Lightness and
// chroma come from the style, for its contrast.
const HUES = [250, 150, 300, 75, 200, 345, 120, 48];
const MORE_HUES = [275, 175, 322, 98, 225, 135];
const ALL_HUES = [...HUES, ...MORE_HUES];

function hashOf(service) {
  let hash = 2166136261;
  for (let i = 0; i < Math.min(service.length, 256); i++) hash = Math.imul(hash ^ service.charCodeAt(i), 16777619);
  return hash >>> 0;
}

// Returns the place among all hues for each of the services, which depends on nothing but these names: so a trace has the
// same colours after a reload and in a terminal.
function coloursOf(names) {
  const places = new Map(), taken = new Set(), first = HUES.length;
  for (const service of [...new Set(names)].sort()) {
    const hash = hashOf(service), rest = MORE_HUES.length;
    const free = (from, count) => {
      for (let tries = 0; tries < count; tries++) {
        const place = from + ((hash + tries) % count);
        if (!taken.has(place)) return place;
      }
    };
    const place = free(0, first) ?? free(first, rest) ?? hash % first;
    taken.add(place);
    places.set(service, place);
  }
  return places;
}

// Returns a function from a service to its hue among these services.
function huesOf(names) {
  const places = coloursOf(names);
  return (service) => ALL_HUES[places.get(service) ?? hashOf(service) % HUES.length];
}

const systemDark = matchMedia("(prefers-color-scheme: dark)");
const THEMES = ["system", "light", "dark"];
const THEME_SIGNS = { system: "◐", light: "☀", dark: "☾" };
let theme = THEMES.includes(remembered("theme")) ? remembered("theme") : "system";

const isDark = () => (theme === "system" ? systemDark.matches : theme === "dark");

// The colour as a text, for canvas; elements take `--hue` and the style.
const hueColour = (hue) => `oklch(${isDark() ? "0.74 0.12" : "0.55 0.13"} ${hue})`;

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

const dot = (hue) => el("span", { class: "dot", "--hue": hue, "aria-hidden": "true" });
