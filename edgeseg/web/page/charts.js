// A line of ten minutes in SVG: gaps where nothing is known, a dashed line for the limit, a cross-hair for hand and keys.

import { KEPT_S } from "/board.js";
import { UNKNOWN, clock, h, say, show, svg } from "/dom.js";

const WIDTH = 300;
const HEIGHT = 84;
const SPANS_S = [60, 120, 300, KEPT_S]; // the shortest that holds all that is known is drawn
const GAP_S = 3.5; // without a value for so long the line is broken

export class Chart {
  // words: of a value, such as "61.0 °C". floor: the scale begins at 0, for amounts. least: the smallest span of the scale.
  constructor({ column, title, words, floor = false, least = 1, absent }) {
    Object.assign(this, { column, title, words, floor, least, absent });
    this.area = svg("path", { class: "area" });
    this.line = svg("path", { class: "line" });
    this.limit = svg("line", { class: "limit", x1: 0, x2: WIDTH });
    this.cross = svg("line", { class: "cross", y1: 0, y2: HEIGHT });
    this.dot = h("span", { class: "knob", hidden: true });
    this.picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" },
      ...[0.5, HEIGHT / 2, HEIGHT - 0.5].map((y) => svg("line", { class: "grid", x1: 0, x2: WIDTH, y1: y, y2: y })), this.area, this.line, this.limit, this.cross);
    this.top = h("span", { class: "scale top" });
    this.bottom = h("span", { class: "scale bottom" });
    this.ago = h("span", { class: "scale span" });
    this.none = h("p", { class: "absent soft" }, absent);
    this.plot = h("div", { class: "plot", tabindex: "0", role: "slider", "aria-label": `${title}, the last ten minutes`, "aria-valuemin": -KEPT_S, "aria-valuemax": 0, "aria-valuenow": 0, "aria-orientation": "horizontal",
      onpointermove: (event) => this.#point(event), onpointerleave: () => this.#pick(null), onblur: () => this.#pick(null), onkeydown: (event) => this.#key(event) },
      this.picture, this.top, this.bottom, this.ago, this.dot, this.none);
    this.value = h("p", { class: "value" });
    this.sub = h("p", { class: "sub soft" });
    this.element = h("article", { class: `card chart ${column}` }, h("h3", {}, title), this.value, this.sub, this.plot);
    this.picked = null; // seconds ago
    this.points = [];
  }

  // limit: {value, words} or null. note: of the line below the value.
  draw(history, now, limit, note) {
    const at = history.at ?? [];
    const values = history[this.column] ?? [];
    this.now = now;
    this.note = note;
    this.points = [];
    for (let i = 0; i < at.length; i++) if (values[i] !== null && values[i] !== undefined) this.points.push([at[i], values[i]]);
    const has = this.points.length > 0;
    this.span = SPANS_S.find((one) => one >= now - (at[0] ?? now)) ?? KEPT_S;
    say(this.ago, has ? `${this.span / 60} min` : "");
    show(this.none, !has);
    this.picture.classList.toggle("empty", !has);
    const all = this.points.map(([, value]) => value);
    const [low, high] = this.#scale(all, limit);
    this.x = (time) => Math.max(0, WIDTH - ((now - time) / this.span) * WIDTH);
    this.y = (value) => HEIGHT - 3 - ((value - low) / (high - low)) * (HEIGHT - 6);
    this.#trace();
    say(this.top, has ? this.words(high, true) : "");
    say(this.bottom, has ? this.words(low, true) : "");
    const isLimited = has && limit !== null && limit >= low && limit <= high;
    this.limit.style.display = isLimited ? "" : "none";
    if (isLimited) for (const name of ["y1", "y2"]) this.limit.setAttribute(name, this.y(limit));
    this.#read();
  }

  #scale(all, limit) {
    let low = Math.min(...all);
    let high = Math.max(...all);
    if (!all.length) [low, high] = [0, 1];
    if (limit !== null && limit > low - 2 * (high - low) - this.least * 4 && limit < high + 2 * (high - low) + this.least * 4) {
      low = Math.min(low, limit);
      high = Math.max(high, limit + 0.08 * (limit - low));
    }
    if (this.floor) low = 0;
    const missing = this.least - (high - low);
    if (missing > 0) {
      high += this.floor ? missing : missing / 2;
      if (!this.floor) low -= missing / 2;
    }
    high += 0.1 * (high - low); // the scale's words are there
    const step = 10 ** Math.floor(Math.log10(high - low)) / 2;
    return [Math.floor(low / step) * step, Math.ceil(high / step) * step];
  }

  #trace() {
    let line = "";
    let area = "";
    let begun = null;
    let last = null;
    const close = () => begun !== null && (area += `L${this.x(last).toFixed(1)} ${HEIGHT}L${begun} ${HEIGHT}Z`);
    for (const [time, value] of this.points) {
      const x = this.x(time).toFixed(1);
      const y = this.y(value).toFixed(1);
      if (last === null || time - last > GAP_S) {
        close();
        begun = x;
        line += `M${x} ${y}`;
        area += `M${x} ${HEIGHT}L${x} ${y}`;
      } else {
        line += `L${x} ${y}`;
        area += `L${x} ${y}`;
      }
      last = time;
    }
    close();
    this.line.setAttribute("d", line);
    this.area.setAttribute("d", area);
  }

  #point(event) {
    const box = this.plot.getBoundingClientRect();
    this.#pick(this.span * (1 - (event.clientX - box.left) / box.width));
  }

  #key(event) {
    const from = this.picked ?? 0;
    const to = { ArrowLeft: from + 10, ArrowDown: from + 10, ArrowRight: from - 10, ArrowUp: from - 10, PageDown: from + 60, PageUp: from - 60, Home: this.span, End: 0 }[event.key];
    if (event.key === "Escape") this.#pick(null);
    if (to === undefined) return;
    event.preventDefault();
    this.#pick(to);
  }

  #pick(ago) {
    this.picked = ago === null ? null : Math.min(this.span, Math.max(0, ago));
    this.#read();
  }

  // The value that is picked, else the newest one: in words, and as the slider's value for a screen reader.
  #read() {
    if (this.now === undefined) return;
    const newest = this.points.at(-1);
    const isKnown = newest && this.now - newest[0] < GAP_S;
    let found = null;
    if (this.picked !== null) {
      const time = this.now - this.picked;
      for (const point of this.points) if (!found || Math.abs(point[0] - time) < Math.abs(found[0] - time)) found = point;
      if (found && Math.abs(found[0] - time) > 10) found = null;
    }
    say(this.value, this.picked !== null ? (found ? this.words(found[1]) : UNKNOWN) : isKnown ? this.words(newest[1]) : UNKNOWN);
    say(this.sub, this.picked !== null ? `at ${clock(found ? found[0] : this.now - this.picked)}` : this.note || "\u00a0");
    this.cross.style.display = found ? "" : "none";
    show(this.dot, Boolean(found));
    if (found) {
      const x = this.x(found[0]);
      for (const name of ["x1", "x2"]) this.cross.setAttribute(name, x);
      this.dot.style.left = `${(x / WIDTH) * 100}%`;
      this.dot.style.top = `${(this.y(found[1]) / HEIGHT) * 100}%`;
    }
    const ago = Math.round(this.picked ?? 0);
    this.plot.setAttribute("aria-valuemin", -this.span);
    this.plot.setAttribute("aria-valuenow", -ago);
    if (document.activeElement === this.plot || !this.plot.hasAttribute("aria-valuetext")) {
      const value = this.value.textContent === UNKNOWN ? "not known" : this.value.textContent;
      this.plot.setAttribute("aria-valuetext", this.picked === null ? `now ${value}` : `${ago} seconds ago ${value}`);
    }
  }
}
