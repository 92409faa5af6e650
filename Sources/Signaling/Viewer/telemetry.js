// Sensor values as they tick: SenML (RFC 8428) packs, one a second.

/** Readable names, in the order in which they are shown; what is not here comes last, as the device names it. */
const names = new Map([
  ["temperature", "Temperatures"], ["cpu/temperature", "Temperature"], ["cpu/use", "Processor"],
  ["load", "Load"], ["load/1min", "Load, 1 min"], ["load/5min", "Load, 5 min"], ["load/15min", "Load, 15 min"],
  ["memory/used", "Memory"], ["memory/total", "Memory"], ["disk/free", "Disk free"], ["disk/used", "Disk used"], ["disk/total", "Disk"],
  ["uptime", "Running for"], ["viewers", "Viewers"], ["net", "Network"],
  ["encoder", "Encoder"], ["encoder/bitrate_target", "Target bitrate"], ["encoder/time_mean", "Time for a frame"],
  ["viewer", "This viewer"], ["viewer/round_trip", "Round trip"], ["viewer/fraction_lost", "Loss"], ["viewer/packets_retransmitted", "Packets sent again"],
]);
const ranks = new Map([...names.keys()].map((name, index) => [name, index]));
const rank = (name) => ranks.get(name) ?? ranks.size;

/** Groups that are too small to stand alone. */
const systemGroups = new Set(["cpu", "load", "memory", "disk", "uptime"]);
/** What few people look at, folded away on a small screen. */
const inner = new Set(["net", "encoder", "camera", "viewer"]);

/** Puts base names, times and units into the records, as RFC 8428 §4.6 says; what is not a record is left out. */
export function resolve(pack) {
  const base = { bn: "", bt: 0, bu: undefined, bv: 0 };
  const records = [];
  for (const entry of Array.isArray(pack) ? pack : []) {
    if (!entry || typeof entry !== "object") continue;
    for (const key of Object.keys(base)) if (key in entry) base[key] = entry[key];
    const value = "v" in entry ? base.bv + entry.v : (entry.vs ?? entry.vb);
    if (value === undefined) continue;
    const name = String(entry.n ?? "");
    records.push({ name, fullName: base.bn + name, unit: entry.u ?? base.bu, value, time: base.bt + (entry.t ?? 0) });
  }
  return records;
}

const traceLength = 60; // seconds of the little curve
const staleAfter = 4000; // ms without a pack

/** The list of values, grouped by the first part of their names. */
export class TelemetryView {
  #root;
  #inner = document.createElement("details");
  #empty;
  #groups = new Map();
  #readings = new Map();
  #staleTimer = 0;

  constructor(root, empty) {
    this.#root = root;
    this.#empty = empty;
    const summary = document.createElement("summary");
    summary.textContent = "Network and stream";
    this.#inner.className = "inner";
    this.#inner.append(summary);
    this.#inner.open = matchMedia("(min-width: 640px)").matches;
  }

  show(records) {
    this.#empty.hidden = records.length > 0 || this.#readings.size > 0;
    this.#root.classList.remove("stale");
    clearTimeout(this.#staleTimer);
    this.#staleTimer = setTimeout(() => this.#root.classList.add("stale"), staleAfter);
    const values = new Map(records.map((record) => [record.name, record]));
    for (const record of combine(records, values)) this.#reading(record).show(record);
  }

  #reading(record) {
    let reading = this.#readings.get(record.name);
    if (!reading) {
      reading = new Reading(record.name, record.of);
      insert(this.#group(record.name), reading.element, rank(record.name));
      this.#readings.set(record.name, reading);
    }
    return reading;
  }

  #group(reading) {
    const name = group(reading);
    let list = this.#groups.get(name);
    if (!list) {
      const group = document.createElement("div");
      const heading = document.createElement("h3");
      group.className = "group";
      heading.className = "group-name";
      heading.textContent = name;
      list = document.createElement("dl");
      list.className = "readings";
      group.append(heading, list);
      const isInner = inner.has(reading.split("/")[0]);
      if (isInner && !this.#inner.isConnected) this.#root.append(this.#inner);
      if (isInner) this.#inner.append(group);
      else this.#root.insertBefore(group, this.#inner.isConnected ? this.#inner : null);
      this.#groups.set(name, list);
    }
    return list;
  }
}

/** Keeps the order of the names, whichever is known first. */
function insert(list, element, rank) {
  element.dataset.rank = rank;
  list.insertBefore(element, [...list.children].find((other) => Number(other.dataset.rank) > rank) ?? null);
}

function group(name) {
  const parts = name.split("/");
  if (parts.length === 1 || systemGroups.has(parts[0])) return "System";
  return parts[0] === "net" && parts.length > 2 ? `${title("net")}, ${parts[1]}` : title(parts[0]);
}

/** Used and total become one line, a total alone stays one; networks that never carried anything are left out. */
function* combine(records, values) {
  for (const record of records) {
    const stem = record.name.replace(/\/[^/]*$/, "");
    if (stem.startsWith("net/") && !values.get(`${stem}/received`)?.value && !values.get(`${stem}/sent`)?.value) continue;
    const total = values.get(`${stem}/total`);
    const isPart = record.name === `${stem}/used` || record.name === `${stem}/free`;
    if (total && record === total && (values.has(`${stem}/used`) || values.has(`${stem}/free`))) continue;
    yield total && isPart ? { ...record, of: total.value } : record;
  }
}

class Reading {
  element = document.createElement("div");
  #value = document.createElement("span");
  #unit = document.createElement("span");
  #trace;
  #history = [];
  #before = null;
  #isTotal;

  /** @param {number} of how many bytes there are in all, when that is known */
  constructor(fullName, of) {
    const name = title(fullName);
    const term = document.createElement("dt");
    this.#isTotal = /(^|[/_])(frames|keyframes|packets)(_|$)/.test(fullName); // only ever grows: a curve says nothing
    const value = document.createElement("dd");
    this.element.className = "reading";
    term.textContent = name;
    term.title = name;
    if (of) {
      const part = document.createElement("span");
      part.className = "of";
      part.textContent = `of ${bytes(of).join(" ")}`;
      term.append(part);
    }
    this.#unit.className = "unit";
    value.append(this.#value, this.#unit);
    this.element.append(term, value);
  }

  show(record) {
    const rate = this.#rate(record);
    const [text, unit] = rate === undefined ? format(record) : rate;
    this.#value.textContent = text;
    this.element.lastChild.classList.toggle("long", !this.#trace && text.length + unit.length > 11);
    this.#unit.textContent = unit;
  }

  /** Counters of bytes only ever grow: shown as what they grow by. */
  #rate(record) {
    const isCounter = /\/(received|sent)$/.test(record.name) && record.unit === "B";
    if (!isCounter) {
      if (typeof record.value === "number" && record.unit !== "s" && !this.#isTotal) this.#draw(record.value);
      return undefined;
    }
    const before = this.#before;
    this.#before = { value: record.value, at: performance.now() };
    if (!before || record.value < before.value) return ["–", ""];
    const perSecond = (1000 * (record.value - before.value)) / Math.max(1, this.#before.at - before.at);
    this.#draw(perSecond);
    const [text, unit] = bytes(perSecond);
    return [text, `${unit}/s`];
  }

  #draw(value) {
    this.#history.push(value);
    if (this.#history.length > traceLength) this.#history.shift();
    if (this.#history.length < 3) return;
    if (!this.#trace) {
      const picture = document.createElementNS("http://www.w3.org/2000/svg", "svg");
      picture.setAttribute("class", "trace");
      picture.setAttribute("viewBox", "0 0 48 20");
      picture.setAttribute("aria-hidden", "true");
      this.#trace = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
      picture.append(this.#trace);
      this.element.firstChild.after(picture);
    }
    const low = Math.min(...this.#history);
    const high = Math.max(...this.#history);
    // Noise in the last digit must not look like a mountain range.
    const span = Math.max(high - low, Math.abs(high) * 0.08, 1e-9);
    const middle = (high + low) / 2;
    const step = 46 / (traceLength - 1);
    const start = 47 - step * (this.#history.length - 1);
    this.#trace.setAttribute(
      "points",
      this.#history.map((each, index) => `${(start + step * index).toFixed(1)},${(10 - (15 * (each - middle)) / span).toFixed(1)}`).join(" "),
    );
  }
}

const units = new Map([["Cel", "°C"], ["%RH", "%"], ["1/s", "/s"], ["count", ""], ["lx", "lx"], ["deg", "°"], ["degF", "°F"], ["EL", "%"]]);

function format({ name, value, unit }) {
  if (typeof value === "boolean") return [value ? "yes" : "no", ""];
  if (typeof value !== "number") return [String(value), ""];
  switch (unit) {
    case "B": return bytes(value);
    case "bit/s": return value < 1e6 ? [`${Math.round(value / 1e3)}`, "kbit/s"] : [(value / 1e6).toFixed(2), "Mbit/s"];
    case "s": return [duration(value), ""];
    case "/": return name.startsWith("load/") ? [value.toFixed(2), ""] : [(100 * value).toFixed(1), "%"];
    case "count": return [String(value), ""];
    default: return [Number.isInteger(value) && Math.abs(value) >= 100 ? String(value) : value.toFixed(Math.abs(value) < 100 ? 1 : 0), units.get(unit) ?? unit ?? ""];
  }
}

function bytes(value) {
  const names = ["B", "kB", "MB", "GB", "TB"];
  let index = 0;
  while (value >= 1000 && index < names.length - 1) {
    value /= 1000;
    index += 1;
  }
  return [value.toFixed(index === 0 || value >= 100 ? 0 : 1), names[index]];
}

function duration(seconds) {
  const minutes = Math.floor(seconds / 60);
  if (minutes < 1) return `${Math.floor(seconds)} s`;
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} days ${hours % 24} h`;
}

function title(name) {
  const known = names.get(name);
  if (known) return known;
  const words = name.replace(/^.*\//, "").replace(/[-_.]/g, " ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
