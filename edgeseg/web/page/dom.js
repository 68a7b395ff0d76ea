// Elements and words: the few helpers that everything else is made of. No HTML is parsed anywhere (trusted types).

export const byId = (id) => document.getElementById(id);

// h("p", {class: "soft", onclick: f, hidden: true}, "words", child): an element with attributes, listeners, children.
export function h(name, attributes = {}, ...children) {
  return dressed(document.createElement(name), attributes, children);
}

export function svg(name, attributes = {}, ...children) {
  return dressed(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function dressed(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((one) => one !== null && one !== undefined));
  return element;
}

// Only what differs is written, so that nothing is laid out or read out anew without need.
export function say(element, words) {
  if (element.textContent !== words) element.textContent = words;
}

export function show(element, visible) {
  if (element.hidden === visible) element.hidden = !visible;
}

export const UNKNOWN = "–";

// A number with its unit, or a dash: what is not known is never shown as 0.
export function figure(value, unit = "", digits = 0) {
  if (value === null || value === undefined || Number.isNaN(value)) return UNKNOWN;
  const number = value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return unit ? `${number} ${unit}` : number;
}

export const ms = (value) => figure(value, "ms", value < 10 ? 1 : 0);

export const clock = (at) => new Date(at * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });

export function lasting(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${whole % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export function bytes(count) {
  return count < 1e6 ? `${Math.max(1, Math.round(count / 1e3))} kB` : `${figure(count / 1e6, "MB", 1)}`;
}
