// The figures: charts of the last ten minutes, the same as a table, and where a frame's time goes.

import { board, on } from "/board.js";
import { UNKNOWN, byId, clock, figure, h, ms, say } from "/dom.js";
import { Chart } from "/charts.js";

const CHARTS = [
  { column: "fps", title: "Frames a second", unit: "", digits: 1, floor: true, least: 10, absent: "No frame yet" },
  { column: "latency_ms", title: "Latency", unit: "ms", digits: 1, floor: true, least: 20, absent: "No frame yet" },
  { column: "temp_c", title: "Temperature", unit: "°C", digits: 1, least: 10, absent: "Not known: no sensor here" },
  { column: "power_w", title: "Power", unit: "W", digits: 2, floor: true, least: 2, absent: "Not known: no sensor here" },
  { column: "memory_mb", title: "Memory", unit: "MB", digits: 0, floor: true, least: 100, absent: "Not known yet" },
];
// A frame's way, in its order, and what each step is.
const STAGES = [
  ["preprocess", "Preprocess", "shrink the frame to the model's size"],
  ["infer", "Infer", "the model finds the person"],
  ["postprocess", "Postprocess", "the model's output becomes a mask"],
  ["refine", "Refine", "the mask follows the picture's edges"],
  ["carry", "Carry", "an older mask follows the motion"],
  ["background", "Background", "what stands behind the person"],
  ["composite", "Composite", "person and background become one picture"],
  ["write", "Write", "hand the picture to the output"],
];
const CAUSES = { own: "with a mask of their own", carried: "with a mask carried along", cover: "covered" };

const charts = CHARTS.map((one) => new Chart({ ...one, words: (value, isScale) => figure(value, one.unit, isScale && Number.isInteger(value) ? 0 : one.digits) }));
const rows = new Map();

export function startFigures() {
  byId("charts").append(...charts.map((one) => one.element));
  byId("stages").append(...STAGES.map(([key, name, what]) => row(key, name, what)));
  byId("table-box").addEventListener("toggle", table);
  on("state", draw);
  on("history", draw);
}

function draw() {
  const { state, history, settings } = board;
  if (!state) return;
  const limits = { fps: settings?.target_fps ?? null, temp_c: settings?.temp_limit_c ?? null, power_w: settings?.power_limit_w ?? null, memory_mb: settings?.memory_limit_mb ?? null, latency_ms: null };
  const notes = {
    fps: limits.fps === null ? "no target" : `target ${figure(limits.fps, "", Number.isInteger(limits.fps) ? 0 : 1)}`,
    latency_ms: "camera to output",
    temp_c: state.throttled ? "the board throttles" : limit(limits.temp_c, "°C"),
    power_w: state.under_voltage ? "under-voltage" : limit(limits.power_w, "W"),
    memory_mb: limits.memory_mb === null ? `${figure(state.memory_available_mb, "MB")} free` : limit(limits.memory_mb, "MB"),
  };
  for (const chart of charts) chart.draw(history, state.at, limits[chart.column], notes[chart.column]);
  drawStages(state);
  drawCounts(state);
  if (Math.floor(state.at) % 15 === 0) table();
}

const limit = (value, unit) => (value === null ? "no limit" : `limit ${figure(value, unit)}`);

function row(key, name, what) {
  const bar = h("span", { class: "bar-p50" });
  const tick = h("span", { class: "bar-p95" });
  const value = h("span", { class: "ms" });
  rows.set(key, { bar, tick, value });
  return h("li", {}, h("span", { class: "name", title: what }, name), h("span", { class: "track", "aria-hidden": "true" }, tick, bar), value);
}

function drawStages(state) {
  const known = STAGES.map(([key]) => state.stages[key]).filter(Boolean);
  const most = 2 * Math.max(1, ...known.map((one) => one.p50_ms)); // so that one slow outlier flattens no bar
  const share = (time) => Math.min(100, (100 * time) / most);
  for (const [key] of STAGES) {
    const times = state.stages[key];
    const { bar, tick, value } = rows.get(key);
    bar.style.width = times ? `${share(times.p50_ms)}%` : "0";
    tick.style.width = times ? `${share(times.p95_ms)}%` : "0";
    value.replaceChildren(...(times ? [figure(times.p50_ms, "", times.p50_ms < 10 ? 1 : 0), h("small", {}, ` / ${figure(times.p95_ms, "", times.p95_ms < 10 ? 1 : 0)} ms`)] : [UNKNOWN]));
  }
  const work = state.stages.work?.p50_ms ?? null;
  const target = state.target_fps ?? null;
  say(byId("stages-sum"), known.length === 0 ? "Nothing is measured yet." : `${work === null ? "Median / 95 %" : `${ms(work)} of work a frame`}${target ? `; at ${figure(target)} fps there are ${ms(1000 / target)}` : ""}.`);
}

function drawCounts(state) {
  const pairs = [["Frames shown", figure(state.frames.shown)], ["captured", figure(state.frames.captured)]];
  const masks = Object.entries(state.masks);
  const all = masks.reduce((sum, [, count]) => sum + count, 0);
  for (const [mask, count] of masks) pairs.push([CAUSES[mask] ?? mask, `${figure((100 * count) / all, "", 1)} %`]);
  for (const [cause, count] of Object.entries(state.drops)) pairs.push([`dropped, ${cause.replaceAll("_", " ")}`, figure(count)]);
  pairs.push(["CPU", state.cpu_cores === null ? UNKNOWN : `${figure(state.cpu_cores, "", 2)} cores`]);
  const list = byId("counts");
  if (list.children.length !== pairs.length) list.replaceChildren(...pairs.map(() => h("div", {}, h("dt"), h("dd"))));
  pairs.forEach(([name, value], index) => {
    say(list.children[index].firstChild, name);
    say(list.children[index].lastChild, value);
  });
}

// One row a minute: the mean of what is known of it.
function table() {
  if (!byId("table-box").open || !board.state) return;
  const { at = [] } = board.history;
  const minutes = [];
  for (let ago = 0; ago < 10; ago++) {
    const until = board.state.at - 60 * ago;
    const cells = CHARTS.map(({ column, unit, digits }) => {
      const values = (board.history[column] ?? []).filter((one, index) => one !== null && at[index] > until - 60 && at[index] <= until);
      return values.length ? figure(values.reduce((sum, one) => sum + one, 0) / values.length, unit, digits) : UNKNOWN;
    });
    minutes.push(h("tr", {}, h("th", { scope: "row" }, `to ${clock(until)}`), ...cells.map((one) => h("td", {}, one))));
  }
  const head = h("tr", {}, h("th", { scope: "col" }, "Minute"), ...CHARTS.map(({ title }) => h("th", { scope: "col" }, title)));
  byId("table").replaceChildren(h("table", {}, h("caption", { class: "unseen" }, "Means of each of the last ten minutes"), h("thead", {}, head), h("tbody", {}, ...minutes)));
}
