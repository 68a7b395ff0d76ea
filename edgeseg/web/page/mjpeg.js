// A stream of JPEGs (multipart/x-mixed-replace) drawn on a canvas. Read by hand and not by an <img>, so that the page
// knows when pictures stop, why they were refused, and how many it shows. The newest picture wins.

import { Refusal, AWAY, refusalOf } from "/api.js";

const HEAD_END = [13, 10, 13, 10];

export class Stream {
  // pictured(width, height): after each picture. ended(refusal): it has ended though nobody closed it.
  constructor(canvas, pictured, ended) {
    this.canvas = canvas;
    this.pictured = pictured;
    this.ended = ended;
    this.context = canvas.getContext("bitmaprenderer");
    this.stop = null;
    this.waiting = null; // the newest JPEG that is not decoded yet
    this.decoding = false;
  }

  get open() {
    return this.stop !== null;
  }

  start(url) {
    this.close();
    this.stop = new AbortController();
    this.#run(url, this.stop);
  }

  close() {
    this.stop?.abort();
    this.stop = this.waiting = null;
  }

  async #run(url, stop) {
    let why = new Refusal(0, { detail: AWAY });
    try {
      const response = await fetch(url, { signal: stop.signal, cache: "no-store" });
      if (!response.ok) why = await refusalOf(response);
      else await this.#read(response.body.getReader(), stop);
    } catch {
      // aborted, or the connection broke: why is said below
    }
    if (this.stop === stop) {
      this.close();
      this.ended(why);
    }
  }

  async #read(reader, stop) {
    let kept = new Uint8Array(1 << 18);
    let filled = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (done || stop.signal.aborted) return;
      if (filled + value.length > kept.length) {
        const larger = new Uint8Array(2 * (filled + value.length));
        larger.set(kept.subarray(0, filled));
        kept = larger;
      }
      kept.set(value, filled);
      filled += value.length;
      let start = 0;
      for (let part = partAt(kept, start, filled); part; part = partAt(kept, start, filled)) {
        this.waiting = new Blob([kept.slice(part.from, part.to)], { type: "image/jpeg" });
        start = part.to;
      }
      if (start) {
        kept.copyWithin(0, start, filled);
        filled -= start;
        this.#draw(stop);
      }
    }
  }

  async #draw(stop) {
    if (this.decoding) return;
    this.decoding = true;
    while (this.waiting && !stop.signal.aborted) {
      const jpeg = this.waiting;
      this.waiting = null;
      try {
        const picture = await createImageBitmap(jpeg);
        if (stop.signal.aborted) break;
        const { width, height } = picture;
        if (this.canvas.width !== width) this.canvas.width = width;
        if (this.canvas.height !== height) this.canvas.height = height;
        this.context.transferFromImageBitmap(picture);
        this.pictured(width, height);
      } catch {
        // a picture that was cut short: the next one comes at once
      }
    }
    this.decoding = false;
  }
}

// Where the next whole picture is; null if it has not come yet.
function partAt(bytes, start, end) {
  const head = indexOf(bytes, HEAD_END, start, end);
  if (head < 0) return null;
  const length = /content-length: *(\d+)/i.exec(new TextDecoder().decode(bytes.subarray(start, head)));
  if (!length) return null;
  const from = head + HEAD_END.length;
  const to = from + Number(length[1]);
  return to <= end ? { from, to } : null;
}

function indexOf(bytes, wanted, start, end) {
  for (let at = start; at <= end - wanted.length; at++) {
    if (wanted.every((one, offset) => bytes[at + offset] === one)) return at;
  }
  return -1;
}
