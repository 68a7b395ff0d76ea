// The way to the board: who is signed in, the WebSocket, and coming back after it broke.

import { ask } from "/api.js";
import { board, takeState, tell } from "/board.js";
import { byId, h, say, show } from "/dom.js";
import { announce, notice } from "/messages.js";

const SILENT_MS = 6000; // the board speaks once a second; silent for so long, it is gone
const MOST_WAIT_MS = 10_000;

let socket = null;
let heardAt = 0;
let tries = 0;
let retry = null; // {at, timer} while waiting to try again
let stopped = false; // nobody is signed in: no trying again
let hadConnection = false;

export function begin() {
  addEventListener("signed-out", ({ detail }) => signIn(detail));
  addEventListener("online", now);
  document.addEventListener("visibilitychange", () => document.hidden || now());
  byId("sign-in-form").addEventListener("submit", shown);
  byId("sign-out").addEventListener("click", signOut);
  setInterval(watch, 500);
  connect();
}

async function connect() {
  retry = null;
  try {
    const session = await ask("session", { signal: AbortSignal.timeout(SILENT_MS) });
    if (!session.signed_in) {
      signIn(null);
      return;
    }
    stopped = false;
    show(byId("sign-in"), false);
    show(byId("main"), true);
    show(byId("sign-out"), session.needs_token);
    notice("warnings", session.warnings.length ? session.warnings.join(" ") : null);
    board.reached = true;
    tell("reached");
    listen();
  } catch (error) {
    lost(error.message);
  }
}

function listen() {
  socket?.close();
  const own = (socket = new WebSocket(`${location.protocol.replace("http", "ws")}//${location.host}/api/v1/live`));
  heardAt = Date.now();
  own.onmessage = ({ data }) => {
    if (own !== socket) return;
    heardAt = Date.now();
    take(JSON.parse(data));
  };
  own.onclose = ({ reason }) => own === socket && lost(reason || "The connection to the board is lost.");
}

function take(message) {
  if (!board.connected) back();
  if (message.type === "state") {
    takeState(message.state);
  } else if (message.type === "settings") {
    board.incoming = message;
    tell("incoming");
  } else if (message.type === "fact") {
    board.facts.push(message.fact);
    while (board.facts.length > 200) board.facts.shift();
    board.newest = message.fact;
    tell("fact");
  }
}

async function back() {
  board.connected = true;
  tries = 0;
  notice("lost", null);
  if (hadConnection) announce("Connected to the board again.");
  hadConnection = true;
  tell("connected");
  try {
    const [history, facts] = await Promise.all([ask("history"), ask("facts")]);
    board.history = history;
    board.facts = facts;
    tell("history");
    tell("facts");
  } catch {
    // what comes by the socket fills them up
  }
}

function lost(why) {
  if (stopped) return;
  const wasConnected = board.connected;
  gone();
  if (wasConnected) announce("The connection to the board is lost. The page goes on trying.");
  const wait = Math.min(MOST_WAIT_MS, 500 * 2 ** tries) * (0.8 + 0.4 * Math.random());
  tries += 1;
  clearTimeout(retry?.timer);
  retry = { at: Date.now() + wait, why, timer: setTimeout(connect, wait) };
  waiting();
}

function gone() {
  socket = null;
  board.reached = board.connected = false;
  tell("reached");
  tell("connected");
}

function now() {
  if (!retry) return;
  clearTimeout(retry.timer);
  connect();
}

function waiting() {
  const words = retry ? `${retry.why} Trying again in ${Math.max(1, Math.ceil((retry.at - Date.now()) / 1000))} s.` : "Trying again now.";
  notice("lost", words, "bad", h("button", { type: "button", onclick: now }, "Try now"));
}

function watch() {
  if (retry) waiting();
  else if (socket && Date.now() - heardAt > SILENT_MS && !document.hidden) {
    const silent = socket;
    socket = null;
    silent.close();
    lost("The board is silent.");
  }
}

function signIn(why) {
  stopped = true;
  clearTimeout(retry?.timer);
  retry = null;
  socket?.close();
  gone();
  notice("lost", null);
  notice("warnings", null);
  show(byId("main"), false);
  show(byId("sign-out"), false);
  const isNew = byId("sign-in").hidden;
  show(byId("sign-in"), true);
  say(byId("status-word"), "Signed out");
  byId("status").dataset.status = "out";
  say(byId("sentence"), "");
  if (why) say(byId("sign-in-why"), why);
  if (isNew) byId("token").focus();
}

async function shown(event) {
  event.preventDefault();
  const field = byId("token");
  say(byId("sign-in-why"), "");
  try {
    await ask("session", { method: "POST", json: { token: field.value.trim() } });
    field.value = "";
    say(byId("status-word"), "Connecting");
    await connect();
    byId("main").focus();
  } catch (error) {
    const wait = error.retryAfter ? ` Try again in ${error.retryAfter} s.` : "";
    say(byId("sign-in-why"), error.message + wait);
    field.select();
  }
}

async function signOut() {
  try {
    await ask("session", { method: "DELETE" });
  } catch {
    // it ends by itself
  }
  signIn(null);
  announce("Signed out.");
}
