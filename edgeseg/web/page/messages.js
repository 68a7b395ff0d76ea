// What the page says by itself: notices that stay, toasts that go, one line for screen readers, and one question.

import { byId, h, say } from "/dom.js";

const TOAST_MS = 7000;

let announcing = 0; // a timer: of many in a row the last one is read

// A screen reader reads this, politely. Seldom things only: figures are never announced.
export function announce(words) {
  const line = byId("announce");
  line.textContent = "";
  clearTimeout(announcing);
  announcing = setTimeout(() => say(line, words), 400);
}

// A message that goes by itself; kind: "good" or "bad". A bad one is read at once and stays until it is closed.
// One of the same name gives way to it.
export function toast(words, kind = "good", name = words) {
  const box = byId("toasts");
  [...box.children].find((one) => one.dataset.name === name)?.remove();
  const close = h("button", { type: "button", class: "close", "aria-label": "Close this message", onclick: () => one.remove() }, "×");
  const one = h("div", { class: `toast ${kind}`, "data-name": name, role: kind === "bad" ? "alert" : null }, h("p", {}, words), close);
  while (box.children.length > 3) box.firstChild.remove();
  box.append(one);
  if (kind !== "bad") {
    announce(words);
    setTimeout(() => one.remove(), TOAST_MS);
  }
}

// A notice at the top, known by its name; words null: it goes. `more` are elements behind the words.
export function notice(name, words, kind = "warn", ...more) {
  const box = byId("notices");
  const old = box.querySelector(`[data-name="${name}"]`);
  if (words === null) {
    old?.remove();
    return;
  }
  if (old) {
    say(old.querySelector("p"), words);
    old.className = `notice ${kind}`;
    return;
  }
  box.append(h("div", { class: `notice ${kind}`, "data-name": name }, h("p", {}, words), ...more));
}

// Why something was refused: beside its control if it has one, else as a toast.
export function refused(error, setting = null) {
  const place = setting && document.querySelector(`[data-why="${setting}"]`);
  if (place) {
    place.textContent = error.message;
    const control = document.querySelector(`[data-setting="${setting}"]`);
    control?.setAttribute("aria-invalid", "true");
  } else {
    toast(error.message, "bad");
  }
}

// The refusals beside these settings hold no longer.
export function accepted(settings) {
  for (const setting of settings) {
    const place = document.querySelector(`[data-why="${setting}"]`);
    if (place) say(place, "");
    document.querySelector(`[data-setting="${setting}"]`)?.removeAttribute("aria-invalid");
  }
}

// Ask; true if the answer is `yes`. Escape is no.
export function confirmed({ title, body, yes, no = "Cancel", bad = false }) {
  const dialog = byId("dialog");
  if (dialog.open) dialog.close("no");
  say(byId("dialog-title"), title);
  byId("dialog-body").replaceChildren(...body.map((one) => (typeof one === "string" ? h("p", {}, one) : one)));
  say(byId("dialog-yes"), yes);
  say(byId("dialog-no"), no);
  byId("dialog-yes").className = bad ? "bad" : "primary";
  dialog.returnValue = "no";
  return new Promise((answer) => {
    dialog.addEventListener("close", () => answer(dialog.returnValue === "yes"), { once: true });
    dialog.showModal();
  });
}
