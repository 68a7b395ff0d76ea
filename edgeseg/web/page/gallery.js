// Pictures to stand behind the person: choose, add by button or drag and drop, delete.

import { ask } from "/api.js";
import { board, on, tell } from "/board.js";
import { byId, bytes, h, say } from "/dom.js";
import { announce, confirmed, refused } from "/messages.js";
import { change, shown } from "/settings.js";

const MOST_BYTES = 12_500_000;

let adding = 0;
let drawn = "";

export function startGallery() {
  on("connected", () => board.connected && load());
  on("settings", draw);
  byId("files").addEventListener("change", ({ target }) => {
    add([...target.files]);
    target.value = "";
  });
  const place = byId("drop");
  let inside = 0;
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  place.addEventListener("dragenter", (event) => hasFiles(event) && (event.preventDefault(), place.classList.toggle("over", ++inside > 0)));
  place.addEventListener("dragleave", (event) => hasFiles(event) && place.classList.toggle("over", --inside > 0));
  for (const kind of ["dragover", "drop"]) addEventListener(kind, (event) => hasFiles(event) && event.preventDefault()); // beside it, nothing is opened
  place.addEventListener("drop", (event) => {
    inside = 0;
    place.classList.remove("over");
    add([...event.dataTransfer.files]);
  });
}

async function load() {
  try {
    board.backgrounds = await ask("backgrounds");
    tell("backgrounds");
    draw();
  } catch {
    // the connection says so itself
  }
}

async function add(files) {
  say(byId("gallery-why"), "");
  const refusals = [];
  let last = null;
  for (const file of files) {
    adding += 1;
    draw();
    try {
      if (file.size > MOST_BYTES) throw new Error(`It has ${bytes(file.size)}; at most ${bytes(MOST_BYTES)} are taken.`);
      const title = file.name.replace(/\.[^.]*$/, "");
      last = await ask(`backgrounds?title=${encodeURIComponent(title.slice(0, 200))}`, { method: "POST", body: file, headers: { "Content-Type": "application/octet-stream" } });
    } catch (error) {
      refusals.push(`${file.name}: ${error.message}`);
    }
    adding -= 1;
  }
  say(byId("gallery-why"), refusals.join(" "));
  await load();
  if (last) {
    announce(`Added ${last.title}.`);
    change({ background: last.id });
  }
}

async function remove(item) {
  const isSure = await confirmed({ title: `Delete “${item.title}”?`, body: ["It is deleted from the board for everybody."], yes: "Delete", bad: true });
  if (!isSure) return;
  try {
    await ask(`backgrounds/${item.id}`, { method: "DELETE" });
    announce(`Deleted ${item.title}.`);
    say(byId("gallery-why"), "");
  } catch (error) {
    if (error.status === 0) refused(error);
    else say(byId("gallery-why"), error.message);
  }
  await load();
  byId("files").focus();
}

function draw() {
  const list = byId("gallery");
  const used = shown("mode") === "image" ? shown("background") : null;
  const key = JSON.stringify([board.backgrounds.map((one) => one.id), adding]);
  if (key !== drawn) {
    drawn = key;
    list.replaceChildren(...board.backgrounds.map(tile), ...Array.from({ length: adding }, () => h("li", { class: "coming" }, h("span", {}, "Adding"))));
  }
  for (const button of list.querySelectorAll("[data-id]")) button.setAttribute("aria-pressed", String(button.dataset.id === used));
}

function tile(item) {
  const hint = `${item.title}, ${item.width} × ${item.height}, ${bytes(item.bytes)}`;
  return h(
    "li",
    {},
    h("button", { type: "button", class: "picture", "data-id": item.id, "aria-label": `Show ${item.title} behind the person`, title: hint, onclick: () => change({ background: item.id }) },
      h("img", { src: item.thumbnail, alt: "", loading: "lazy", width: 160, height: 90 })),
    h("span", { class: "title", "aria-hidden": "true" }, item.title),
    h("button", { type: "button", class: "delete", "aria-label": `Delete ${item.title}`, title: "Delete", onclick: () => remove(item) }, "×"),
  );
}
