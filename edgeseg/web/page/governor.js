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
  const words = rung.words || "";
  say(byId("rung-words"), words.charAt(0).toUpperCase() + words.slice(1));
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
  say(byId("ladder-note"), note);
  const best = [...rungs].reverse();
  const most = Math.max(1, ...rungs.map((one) => one.cost_ms));
  byId("ladder").replaceChildren(
    ...best.map((one) => {
      const runs = one.name === running;
      const bar = h("span", { class: "bar-p50" });
      bar.style.width = `${(100 * one.cost_ms) / most}%`;
      return h(
        "li",
        { class: runs ? "runs" : null, "aria-current": runs ? "true" : null },
        h("span", { class: "name" }, one.name, runs ? h("strong", {}, " runs") : null),
        h("span", { class: "track", "aria-hidden": "true" }, bar),
        h("span", { class: "ms" }, ms(one.cost_ms), h("small", {}, ` quality ${figure(one.quality, "", 3)}`)),
      );
    }),
  );
  const select = byId("pin-rung");
  const chosen = select.value;
  select.replaceChildren(...best.map(({ name }) => h("option", { value: name }, name)));
  if (best.some(({ name }) => name === chosen)) select.value = chosen;
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
