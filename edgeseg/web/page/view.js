// The live picture: what goes out and, where the owner allows it, the camera's own picture beside it.

import { board, on } from "/board.js";
import { byId, figure, say, show } from "/dom.js";
import { announce, toast } from "/messages.js";
import { Stream } from "/mjpeg.js";

const SIZES = [400, 640, 960]; // widths that the board makes
const RETRY_MS = 2000;
const STALE_MS = 3000; // a picture older than this is not called live

let out, source;
let paused = false;
let comparing = false;
let picturedAt = 0;
let shownAt = []; // when pictures of the last two seconds were drawn
let trouble = null; // why there is no picture, in words
let asked = 0; // the width

export function startView() {
  out = new Stream(byId("out"), pictured, (why) => broke(out, why));
  source = new Stream(byId("source"), () => {}, (why) => broke(source, why));
  on("reached", () => (board.reached ? play() : stop()));
  on("state", stateCame);
  byId("pause").addEventListener("click", pause);
  byId("compare").addEventListener("click", () => compare(!comparing));
  byId("split").addEventListener("input", split);
  byId("full").addEventListener("click", full);
  show(byId("full"), document.fullscreenEnabled);
  byId("screen").addEventListener("dblclick", full);
  document.addEventListener("visibilitychange", () => (document.hidden ? stop() : board.reached && play()));
  addEventListener("resize", () => board.reached && out.open && wanted() > asked && play());
  setInterval(refresh, 500);
}

function wanted() {
  const pixels = byId("screen").clientWidth * Math.min(2, devicePixelRatio);
  return SIZES.find((one) => one >= pixels) ?? SIZES.at(-1);
}

// Pictures are streamed only while somebody can see them: the board makes none otherwise.
function play() {
  if (paused || document.hidden || !board.reached) return;
  asked = wanted();
  out.start(`/api/v1/preview.mjpg?width=${asked}`);
  if (comparing) source.start(`/api/v1/source.mjpg?width=${asked}`);
}

function stop() {
  out.close();
  source.close();
  refresh();
}

function pictured(width, height) {
  const now = performance.now();
  if (!picturedAt) performance.mark("first picture");
  picturedAt = now;
  trouble = null;
  shownAt.push(now);
  const screen = byId("screen");
  const ratio = `${width} / ${height}`;
  if (screen.style.aspectRatio !== ratio) screen.style.aspectRatio = ratio;
  if (!byId("veil").hidden && !why()) show(byId("veil"), false);
}

function broke(stream, refusal) {
  if (refusal.status === 401 || !board.reached) return;
  if (stream === source && refusal.status === 403) {
    compare(false);
    toast(refusal.message, "bad");
    return;
  }
  trouble = refusal.status ? refusal.message : "The picture's connection broke; trying again.";
  refresh();
  const wait = refusal.retryAfter ? refusal.retryAfter * 1000 : RETRY_MS;
  setTimeout(() => stream.open || !board.reached || paused || document.hidden || (stream === out || comparing ? again(stream) : null), wait);
}

function again(stream) {
  stream.start(`/api/v1/${stream === out ? "preview" : "source"}.mjpg?width=${asked}`);
}

// Why the picture is veiled; null: it is shown.
function why() {
  const state = board.state;
  if (!board.reached) return "No connection to the board";
  if (paused) return "Paused";
  if (state && ["starting", "stalled", "ended"].includes(state.status)) return state.sentence;
  if (trouble) return trouble;
  if (!picturedAt) return "Waiting for the first picture";
  if (performance.now() - picturedAt > STALE_MS) return "Waiting for the next picture";
  return null;
}

function refresh() {
  const now = performance.now();
  shownAt = shownAt.filter((at) => now - at < 2000);
  const words = why();
  show(byId("veil"), words !== null);
  byId("screen").classList.toggle("stale", words !== null && picturedAt > 0);
  if (words !== null) say(byId("veil-words"), words);
  const live = words === null && board.state !== null;
  show(byId("live"), live);
  if (live) {
    const { fps, status } = board.state;
    const word = { degraded: "Degraded", off: "Nobody shown" }[status] ?? "Live";
    say(byId("live-fps"), fps === null ? word : `${word}, ${figure(fps, "fps", 1)}`);
    byId("live").classList.toggle("uneasy", word !== "Live");
  }
  const canvas = byId("out");
  const rate = Math.round(shownAt.length / 2);
  say(byId("preview-note"), words === null && rate ? `Preview ${canvas.width} × ${canvas.height}, ${rate} a second` : "");
}

function stateCame() {
  const { source_view: allowed } = board.state;
  show(byId("compare"), allowed);
  if (!allowed && comparing) compare(false);
  refresh();
}

function compare(wish) {
  comparing = wish;
  byId("compare").setAttribute("aria-pressed", String(wish));
  for (const id of ["source", "source-mark", "out-mark", "split", "split-line"]) show(byId(id), wish);
  byId("screen").classList.toggle("comparing", wish);
  if (wish) {
    split();
    if (board.reached && !paused) source.start(`/api/v1/source.mjpg?width=${asked}`);
    announce("The camera's own picture is shown at the left; the room is visible.");
    byId("split").focus();
  } else {
    source.close();
  }
}

function split() {
  const control = byId("split");
  byId("screen").style.setProperty("--split", `${control.value}%`);
  control.setAttribute("aria-valuetext", `${control.value} percent of the picture, from the left, is the camera's own`);
}

function pause() {
  paused = !paused;
  byId("pause").setAttribute("aria-pressed", String(paused));
  if (paused) stop();
  else play();
  refresh();
}

function full() {
  if (document.fullscreenElement) document.exitFullscreen();
  else byId("screen").requestFullscreen?.().catch(() => {});
}
