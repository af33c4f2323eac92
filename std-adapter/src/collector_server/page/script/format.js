// Numbers and times as text.
const number = (n) => Number(n).toLocaleString("en-US");
const plural = (n, one, many = `${one}s`) => `${number(n)} ${n === 1 ? one : many}`;

const digits = (n) => (n >= 100 ? n.toFixed(0) : n >= 10 ? n.toFixed(1) : n.toFixed(2)).replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "");

// Writes microseconds with the unit that fits.
function duration(us) {
  if (!Number.isFinite(us)) return "–";
  const size = Math.abs(us);
  if (size < 1000) return `${us} µs`;
  if (size < 1e6) return `${digits(us / 1e3)} ms`;
  if (size < 60e6) return `${digits(us / 1e6)} s`;
  if (size < 3600e6) return `${Math.floor(us / 60e6)} min ${Math.round((us % 60e6) / 1e6)} s`;
  return `${Math.floor(us / 3600e6)} h ${Math.round((us % 3600e6) / 60e6)} min`;
}

function age(us) {
  const seconds = Math.max(0, Date.now() / 1e3 - us / 1e6);
  if (seconds < 2) return "now";
  if (seconds < 60) return `${Math.floor(seconds)} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86400)} d ago`;
}

function when(us) {
  const date = new Date(us / 1000);
  if (Number.isNaN(date.getTime())) return "no time";
  const fraction = String(Math.floor(us / 1000) % 1000).padStart(3, "0");
  return `${date.toLocaleDateString("sv-SE")} ${date.toLocaleTimeString("sv-SE")}.${fraction}`;
}

function bytes(n) {
  if (n < 1024) return `${n} B`;
  if (n < 1024 ** 2) return `${digits(n / 1024)} KiB`;
  if (n < 1024 ** 3) return `${digits(n / 1024 ** 2)} MiB`;
  return `${digits(n / 1024 ** 3)} GiB`;
}

// Cuts text for a row. CSS cuts what does not fit; this keeps a name of 100 KB out of the layout.
const short = (text, most = 200) => (text.length > most ? `${text.slice(0, most)}…` : text);

// Reads "1.5s", "200 ms", "3us"; a bare number is milliseconds. Returns microseconds, null for nothing, NaN for an error.
function parseDuration(text) {
  const trimmed = text.trim().toLowerCase();
  if (!trimmed) return null;
  const match = /^(\d+(?:\.\d+)?)\s*(us|µs|ms|s|m|min|h)?$/.exec(trimmed);
  if (!match) return NaN;
  const unit = { us: 1, µs: 1, ms: 1e3, s: 1e6, m: 60e6, min: 60e6, h: 3600e6 }[match[2] ?? "ms"];
  return Math.round(Number(match[1]) * unit);
}

// Splits `a=1 b="two words"` into its pairs.
function parseTags(text) {
  const tags = [];
  for (const match of text.matchAll(/([^\s="]+)=(?:"((?:[^"\\]|\\.)*)"|(\S*))/g)) {
    tags.push(`${match[1]}=${match[2] === undefined ? match[3] : match[2].replace(/\\(.)/g, "$1")}`);
  }
  return tags;
}

const tagText = ([key, value]) => `${key}=${/[\s"]/.test(value) ? JSON.stringify(value) : value}`;
