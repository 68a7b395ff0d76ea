// The controls of the settings: each shows what is so, asks for something else, and shows the answer.

import { board, on } from "/board.js";
import { byId, h, say, show } from "/dom.js";
import { accepted, confirmed } from "/messages.js";
import { MODES, change, forget, shown } from "/settings.js";

const CHOOSABLE = ["blur", "color", "image"]; // the others only while they run: none can be gone to from here
const SWATCHES = [
  ["#00b140", "Green screen"],
  ["#1f2933", "Slate"],
  ["#f2efe6", "Paper"],
  ["#7d8ca3", "Mist"],
  ["#2f6f73", "Teal"],
];

export function startControls() {
  for (const control of document.querySelectorAll("[data-setting]")) wire(control);
  byId("forget").addEventListener("click", forget);
  byId("swatches").append(
    ...SWATCHES.map(([color, name]) => {
      const swatch = h("button", { type: "button", class: "swatch", "aria-label": name, title: name, "data-color": color, onclick: () => change({ mode: "color", color }) });
      swatch.style.backgroundColor = color;
      return swatch;
    }),
  );
  on("settings", draw);
  on("choices", choicesCame);
  on("state", () => {
    say(byId("source-now"), board.state.source ?? "");
  });
}

function wire(control) {
  const setting = control.dataset.setting;
  const why = document.querySelector(`[data-why="${setting}"]`);
  if (why) {
    why.id = `why-${setting}`;
    control.setAttribute("aria-describedby", why.id);
  }
  if (control.type === "checkbox") {
    control.addEventListener("change", () => change({ [setting]: control.checked }));
  } else if (control.type === "range" || control.type === "color") {
    control.addEventListener("input", () => {
      drawStrength(control);
      change(control.type === "range" ? { [setting]: Number(control.value) } : { mode: "color", color: control.value });
    });
  } else if (control.type === "number") {
    control.addEventListener("change", () => numberCame(control, setting));
  } else {
    control.addEventListener("change", () => change({ [setting]: control.value }));
  }
}

function numberCame(control, setting) {
  const text = control.value.trim();
  if (control.validity.badInput) return;
  if (text === "" && setting === "max_mask_age_ms") {
    draw();
    return;
  }
  change({ [setting]: text === "" ? null : Number(text) });
}

function draw() {
  const { settings } = board;
  if (!settings) return;
  for (const control of document.querySelectorAll("[data-setting]")) put(control, shown(control.dataset.setting));
  say(byId("on-words"), shown("on") ? "Person shown" : "Nobody shown");
  drawModes();
}

function put(control, value) {
  if (control.type === "checkbox") control.checked = Boolean(value);
  else if (control.type === "number") {
    const isTyped = control === document.activeElement || control.getAttribute("aria-invalid") === "true";
    if (!isTyped || control.value === "") control.value = value ?? "";
  } else if (control.localName === "select") {
    if (value !== undefined && ![...control.options].some((one) => one.value === value)) control.append(h("option", { value }, value));
    control.value = value;
  } else if (value !== undefined) {
    control.value = value;
    drawStrength(control);
  }
}

function drawStrength(control) {
  if (control.id !== "strength") return;
  say(byId("strength-shown"), `${control.value} %`);
}

function drawModes() {
  const mode = shown("mode");
  const box = byId("modes");
  const wanted = CHOOSABLE.includes(mode) ? CHOOSABLE : [...CHOOSABLE, mode];
  if ([...box.children].map((one) => one.dataset.mode).join() !== wanted.join()) {
    box.replaceChildren(
      ...wanted.map((one) =>
        h("label", { "data-mode": one }, h("input", { type: "radio", name: "mode", value: one, class: "unseen", onchange: () => choose(one) }), h("span", {}, MODES[one])),
      ),
    );
  }
  for (const radio of box.querySelectorAll("input")) radio.checked = radio.value === mode;
  show(byId("of-blur"), mode === "blur");
  show(byId("of-color"), mode === "color");
  say(byId("mode-note"), noteOf(mode));
  for (const swatch of byId("swatches").children) swatch.setAttribute("aria-pressed", String(mode === "color" && swatch.dataset.color === shown("color")));
}

function noteOf(mode) {
  if (mode === "image") return shown("background") === "configured" ? "The picture that the config file names." : "";
  if (mode === "none") return "The room is shown as it is: nothing is hidden. This cannot be changed while it runs.";
  if (mode === "alpha") return "What is behind the person is transparent. This cannot be changed while it runs.";
  if (mode === "video") return "The video that the config file names.";
  return "";
}

// A picture needs one to be chosen: the one that was shown last, else the first of the gallery, else it is asked for.
async function choose(mode) {
  if (mode !== "image" || shown("background")) {
    change({ mode });
    return;
  }
  const first = board.backgrounds[0];
  if (first) {
    change({ background: first.id });
    return;
  }
  accepted(["mode"]);
  const isYes = await confirmed({ title: "The gallery is empty", body: ["Add a picture first; then it can stand behind the person."], yes: "Add a picture" });
  draw();
  if (isYes) byId("files").click();
}

function choicesCame() {
  const { sources, tiers, engines } = board.choices;
  for (const [id, list] of [["source-choice", sources], ["tier-choice", tiers], ["engine-choice", engines]]) {
    byId(id).replaceChildren(...list.map(({ id: value, title, note }) => h("option", { value, title: note || null }, title)));
  }
  draw();
}
