// The settings: what they are, what is on its way, and what to do when somebody else changed them meanwhile.

import { ask } from "/api.js";
import { board, on, tell } from "/board.js";
import { figure, h } from "/dom.js";
import { accepted, announce, confirmed, refused, toast } from "/messages.js";

const MOST_TRIES = 4;
const TOGETHER = [["mode", "blur_strength", "color", "background"]]; // settings that are one thing for people

const queue = []; // changes that wait: [{setting: value}]
let sent = null; // the one that is on its way
let asking = false; // for the settings

export function startSettings() {
  on("incoming", () => theirs(board.incoming.revision, board.incoming.settings));
  on("state", () => {
    const { revision } = board.state;
    if (revision && revision !== board.revision && !sent && !asking) load();
  });
  on("connected", () => board.connected && load());
  on("fact", () => ["opened", "recovered"].includes(board.newest.kind) && loadChoices().catch(() => {})); // another camera may be there
}

async function load() {
  if (!board.state?.revision) return; // nothing runs yet
  asking = true;
  try {
    const answer = await ask("settings");
    theirs(answer.revision, answer.settings);
    if (!board.choices) await loadChoices();
  } catch {
    // the next state has us ask again
  }
  asking = false;
}

async function loadChoices() {
  board.choices = await ask("choices");
  tell("choices");
}

// What a setting is, or will be if the board agrees: so that a control does not jump back while it is asked.
export function shown(setting) {
  for (const change of [...queue].reverse()) if (setting in change) return change[setting];
  if (sent && setting in sent) return sent[setting];
  return board.settings?.[setting];
}

// Have it so. Changes of the same settings that still wait give way to the newest.
export function change(wish) {
  const keys = Object.keys(wish).sort().join();
  const last = queue.at(-1);
  if (last && Object.keys(last).sort().join() === keys) queue.pop();
  queue.push(wish);
  accepted(Object.keys(wish));
  tell("settings");
  flush();
}

async function flush() {
  if (sent || !queue.length || !board.settings) return; // without their revision nothing is changed
  sent = queue.shift();
  try {
    await send(sent);
  } catch (error) {
    if (error.status !== 401) refused(error, error.setting in sent ? error.setting : Object.keys(sent)[0]);
  }
  sent = null;
  tell("settings");
  flush();
}

async function send(wish) {
  for (let tries = 1; ; tries++) {
    try {
      const answer = await ask("settings", { method: "PATCH", json: wish, headers: { "If-Match": `"${board.revision}"` } });
      take(answer.revision, answer.settings);
      accepted(Object.keys(wish));
      return;
    } catch (error) {
      if (error.status !== 412 || tries >= MOST_TRIES) throw error;
      const before = board.before ?? board.settings;
      const answer = await ask("settings");
      take(answer.revision, answer.settings);
      const clash = clashing(wish, before, answer.settings);
      if (!clash.length) toastElsewhere(before, answer.settings);
      else if (!(await isMine(wish, clash))) {
        announce("Theirs is kept.");
        return;
      }
    }
  }
}

// Which settings they changed of those, or of the one thing of which those are, that we are about to change.
function clashing(wish, before, after) {
  const near = new Set(Object.keys(wish));
  for (const group of TOGETHER) if (group.some((one) => near.has(one))) group.forEach((one) => near.add(one));
  return [...near].filter((one) => before[one] !== after[one] && !(one in wish && wish[one] === after[one]));
}

function isMine(wish, clash) {
  const row = (setting, value) => h("li", {}, `${title(setting)}: ${words(setting, value)}`);
  return confirmed({
    title: "Somebody else changed this meanwhile",
    body: [
      h("h3", {}, "Theirs, which is so now"),
      h("ul", {}, ...clash.map((one) => row(one, board.settings[one]))),
      h("h3", {}, "Yours"),
      h("ul", {}, ...Object.entries(wish).map(([one, value]) => row(one, value))),
    ],
    yes: "Use mine",
    no: "Keep theirs",
  });
}

function theirs(revision, settings) {
  const before = board.settings;
  const isOther = before && revision !== board.revision && !sent;
  if (sent && revision !== board.revision) {
    board.before ??= before; // it may be ours or theirs: the answer says which
  }
  take(revision, settings, Boolean(sent));
  if (isOther) toastElsewhere(before, settings);
}

function toastElsewhere(before, settings) {
  const changed = Object.keys(settings).filter((one) => before[one] !== settings[one]);
  if (changed.length) toast(`Changed elsewhere: ${changed.map((one) => `${title(one)} is ${words(one, settings[one])}`).join(", ")}.`, "good", "elsewhere");
}

function take(revision, settings, isKept = false) {
  board.revision = revision;
  board.settings = settings;
  if (!isKept) board.before = null;
  tell("settings");
  flush();
}

export async function forget() {
  const isSure = await confirmed({
    title: "Take back all that was set here?",
    body: ["What the board's config file says holds again. Pictures of the gallery stay."],
    yes: "Take back",
  });
  if (!isSure) return;
  try {
    const answer = await ask("settings", { method: "DELETE" });
    take(answer.revision, answer.settings);
    toast("All that was set here is taken back.");
  } catch (error) {
    refused(error);
  }
}

const TITLES = {
  on: "person shown",
  mode: "background",
  blur_strength: "blur",
  color: "colour",
  background: "picture",
  refine: "refining",
  target_fps: "frames a second",
  temp_limit_c: "temperature limit",
  power_limit_w: "power limit",
  memory_limit_mb: "memory limit",
  source: "camera",
  tier: "tier",
  engine: "engine",
  hflip: "mirrored",
  vflip: "upside down",
  max_mask_age_ms: "age of a mask",
};
export const MODES = { blur: "Blur", color: "Colour", image: "Picture", video: "Video", alpha: "Transparent", none: "None" };

const title = (setting) => TITLES[setting] ?? setting;

function words(setting, value) {
  if (value === null || value === undefined) return setting === "target_fps" ? "as the camera" : "none";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (setting === "mode") return MODES[value].toLowerCase();
  if (setting === "background") return board.backgrounds.find((one) => one.id === value)?.title ?? value;
  if (setting === "source") return board.choices?.sources.find((one) => one.id === value)?.title ?? value;
  return typeof value === "number" ? figure(value, "", Number.isInteger(value) ? 0 : 1) : String(value);
}
