// The rung that runs, why, the ladder below and above it, and keeping to one of its rungs for a while.

import { ask } from "/api.js";
import { board, on } from "/board.js";
import { byId, figure, h, lasting, ms, say, show } from "/dom.js";
import { announce } from "/messages.js";

const KINDS = new Set(["rung", "pinned", "unpinned", "opened", "changed"]); // facts after which the ladder may be another

let loading = false;
let running = null;

export function startGovernor() {
  on("connected", () => board.connected && load());
  on("fact", () => KINDS.has(board.newest.kind) && load());
  on("state", draw);
  byId("pin-form").addEventListener("submit", pin);
  byId("unpin").addEventListener("click", unpin);
}

async function load() {
  if (loading) return;
  loading = true;
  try {
    board.ladder = await ask("ladder");
    drawLadder();
  } catch {
    // the connection says so itself
  }
  loading = false;
}

function draw() {
  const { rung, pin: pinned, engine_detail: detail, tier } = board.state;
  const words = rung.words.charAt(0).toUpperCase() + rung.words.slice(1);
  const [lead, ...reason] = words.split(": ");
  say(byId("rung-words"), lead);
  say(byId("rung-why"), reason.join(": "));
  say(byId("rung-name"), rung.name || tier || "");
  say(byId("engine"), detail ?? "");
  if (rung.name !== running) {
    running = rung.name;
    drawLadder();
    if (board.connected && board.ladder) load();
  }
  const has = Boolean(board.ladder?.rungs.length);
  show(byId("pin-form"), has && !pinned);
  show(byId("pinned"), Boolean(pinned));
  if (pinned) say(byId("pinned-words"), `Pinned to ${pinned.rung} for ${lasting(pinned.left_s)} more, within the limits.`);
}

function drawLadder() {
  const { rungs = [], note = "" } = board.ladder ?? {};
  say(byId("ladder-note"), board.state?.rung.governed === false ? "" : note); // the words say that nobody governs
  const ordered = [...rungs].sort((one, other) => rank(one) - rank(other));
  const at = ordered.findIndex(({ name }) => name === running);
  show(byId("ladder-box"), rungs.length > 0);
  say(byId("ladder-sum"), at < 0 ? `All ${rungs.length} rungs` : `Rung ${at + 1} of ${rungs.length}, counted from the bottom`);
  byId("steps").replaceChildren(...ordered.map((_, index) => step(index, at, ordered.length)));
  const best = ordered.reverse();
  byId("ladder").replaceChildren(...best.map(row));
  const select = byId("pin-rung");
  const chosen = select.value || running;
  select.replaceChildren(...best.map(({ name }) => h("option", { value: name }, name)));
  if (best.some(({ name }) => name === chosen)) select.value = chosen;
}

// The cover, then rungs that leave frames out, then the others; among their like the better is higher.
function rank({ kind, quality }) {
  return (kind === "normal" ? 2 : kind === "cover" ? 0 : 1) + quality;
}

function step(index, at, count) {
  const bar = h("span", { class: index === at ? "now" : index < at ? "below" : "above" });
  bar.style.height = `${30 + (70 * (index + 1)) / count}%`;
  return bar;
}

function row({ name, cost_ms: cost, quality, kind }) {
  const runs = name === running;
  return h(
    "li",
    { class: runs ? "runs" : null, "aria-current": runs ? "true" : null },
    h("span", { class: "name" }, name, runs ? h("strong", {}, ", runs now") : null),
    h("span", { class: "ms" }, kind === "cover" ? "nobody is shown" : ms(cost), kind === "cover" ? null : h("small", {}, ` quality ${figure(quality, "", 3)}`)),
  );
}

async function pin(event) {
  event.preventDefault();
  const wish = { rung: byId("pin-rung").value, minutes: Number(byId("pin-minutes").value) };
  await tried(() => ask("governor/pin", { method: "PUT", json: wish }), `Pinned to ${wish.rung}.`);
}

function unpin() {
  return tried(() => ask("governor/pin", { method: "DELETE" }), "The governor chooses again.");
}

async function tried(what, done) {
  say(byId("pin-why"), "");
  try {
    await what();
    announce(done);
  } catch (error) {
    say(byId("pin-why"), error.message);
  }
}
