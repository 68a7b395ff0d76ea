// How it is in one word and a sentence, what is wrong and what helps, and what happened.

import { ask } from "/api.js";
import { board, on } from "/board.js";
import { byId, clock, figure, h, lasting, say, show } from "/dom.js";
import { announce, notice } from "/messages.js";

const WORDS = { starting: "Starting", running: "Running", degraded: "Degraded", off: "Off", idle: "Resting", stalled: "Stalled", ended: "Ended" };
const SHOWN_FACTS = 100;
const CAUSES = { source_lost: "The camera is lost" };
const KINDS = { opened: "Opened", degraded: "Degraded", recovered: "Recovered", rung: "Rung", idle: "Rests", awake: "Awake", noted: "Noted", changed: "Changed", refused: "Refused", pinned: "Pinned", unpinned: "Unpinned" };
const BAD = { degraded: "bad", refused: "warn", recovered: "good" };

let told = null; // the status that was announced last
let asking = false;

export function startHappenings() {
  on("state", drawState);
  on("connected", connectedChanged);
  on("facts", drawLog);
  on("fact", () => addFact(board.newest));
  byId("examine").addEventListener("click", examine);
}

function connectedChanged() {
  if (board.connected) {
    if (!asking) lastExamination();
    return;
  }
  told = null;
  byId("status").dataset.status = "lost";
  say(byId("status-word"), "No connection");
  say(byId("sentence"), "");
  say(byId("viewers"), "");
}

function drawState() {
  const { state } = board;
  byId("status").dataset.status = state.status;
  say(byId("status-word"), WORDS[state.status] ?? state.status);
  say(byId("sentence"), state.status === "running" ? "" : state.sentence);
  say(byId("instance"), state.instance === "run" ? "" : state.instance);
  document.title = `${state.fps === null ? (WORDS[state.status] ?? state.status) : `${figure(state.fps, "fps")}`} · edgeseg`;
  say(byId("version"), `edgeseg ${state.version}, up ${lasting(state.uptime_s)}`);
  say(byId("viewers"), `${figure(state.viewers)} ${state.viewers === 1 ? "viewer" : "viewers"}`);
  if (told !== state.status) {
    if (told !== null) announce(`${WORDS[state.status] ?? state.status}. ${state.sentence}`);
    told = state.status;
  }
  notice("ended", state.status === "ended" ? `${state.sentence} This page still answers; start the run or the service again on the board.` : null, "bad");
  drawProblems(state);
}

function drawProblems(state) {
  const now = state.degraded.map((one) => ({ severity: "fault", what: one.detail || one.what.replaceAll("_", " "), remedy: null, where: `${CAUSES[one.what] ?? one.what.replaceAll("_", " ")}, since ${clock(one.at)}` }));
  if (state.throttled) now.push({ severity: "warning", what: "The board throttles its processor.", where: "", remedy: "Cool it better, or set a lower temperature limit so that the governor steps down first." });
  if (state.under_voltage) now.push({ severity: "warning", what: "The board's supply voltage is too low.", where: "", remedy: "Use a stronger power supply and a short cable." });
  const list = byId("problems");
  const key = JSON.stringify(now);
  if (list.dataset.key === key) return;
  list.dataset.key = key;
  list.replaceChildren(...(now.length ? now.map(finding) : [h("li", { class: "finding fine" }, h("p", {}, "Nothing is wrong with this run now."))]));
}

const SEVERITIES = { fault: "Fault", warning: "Warning", note: "Note", fine: "Fine" };

function finding({ severity, what, where, remedy }) {
  return h(
    "li",
    { class: `finding ${severity}` },
    h("p", {}, h("strong", {}, `${SEVERITIES[severity]}: `), what),
    remedy ? h("p", { class: "remedy" }, remedy) : null,
    where ? h("p", { class: "soft small" }, where) : null,
  );
}

// What the doctor said last, without asking it anew.
async function lastExamination() {
  try {
    drawReport(await ask("doctor"));
  } catch {
    // it was never asked
  }
}

async function examine() {
  const button = byId("examine");
  if (asking) return;
  asking = true;
  button.setAttribute("aria-disabled", "true");
  say(byId("doctor-note"), "Examining; this takes some seconds, and the run goes on.");
  try {
    drawReport(await ask("doctor", { method: "POST" }));
    announce(byId("doctor-note").textContent);
  } catch (error) {
    say(byId("doctor-note"), `It could not be examined: ${error.message}`);
    announce(byId("doctor-note").textContent);
  }
  button.removeAttribute("aria-disabled");
  asking = false;
}

function drawReport({ at, report }) {
  if (!report) {
    say(byId("doctor-note"), "The board was not examined yet.");
    return;
  }
  const { findings } = report;
  const wrong = findings.filter((one) => one.severity !== "fine");
  const fine = findings.filter((one) => one.severity === "fine");
  const faults = findings.filter((one) => one.severity === "fault").length;
  const warnings = findings.filter((one) => one.severity === "warning").length;
  const count = (number, word) => `${number} ${word}${number === 1 ? "" : "s"}`;
  say(byId("doctor-note"), `Examined at ${clock(at)}: ${faults || warnings ? `${count(faults, "fault")}, ${count(warnings, "warning")}.` : "all is well."}`);
  byId("findings").replaceChildren(...wrong.map(finding));
  show(byId("fine-box"), fine.length > 0);
  say(byId("fine-words"), `${fine.length} that ${fine.length === 1 ? "is" : "are"} fine`);
  byId("fine").replaceChildren(...fine.map(finding));
}

function drawLog() {
  byId("log").replaceChildren(...board.facts.slice(-SHOWN_FACTS).reverse().map(line));
}

function addFact(fact) {
  const list = byId("log");
  list.prepend(line(fact));
  while (list.children.length > SHOWN_FACTS) list.lastChild.remove();
}

function line({ at, kind, what, detail }) {
  const words = [what.replaceAll("_", " "), detail].filter(Boolean).join(": ");
  return h("li", { class: BAD[kind] ?? null }, h("time", { datetime: new Date(at * 1000).toISOString() }, clock(at)), h("span", { class: "kind" }, KINDS[kind] ?? kind), h("span", { class: "what" }, words));
}
