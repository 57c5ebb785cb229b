// What a page gains with JavaScript: times in the reader's zone, fresh figures, and the flame graph.
// Everything else works without it.
"use strict";

// --- times ---------------------------------------------------------------------------------------

const CLOCK = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };

function inWords(iso, form) {
  const at = new Date(iso);
  const now = new Date();
  const clock = form === "seconds" ? { ...CLOCK, second: "2-digit" } : CLOCK;
  const time = at.toLocaleTimeString(undefined, clock);
  if (at.toDateString() === now.toDateString()) return time;
  const day = { day: "numeric", month: "short" };
  if (at.getFullYear() !== now.getFullYear()) day.year = "numeric";
  return `${at.toLocaleDateString(undefined, day)}, ${time}`;
}

function localTimes(root) {
  for (const element of root.querySelectorAll("time[datetime]")) {
    element.textContent = inWords(element.getAttribute("datetime"), element.dataset.form);
  }
  for (const tick of root.querySelectorAll("text[data-time]")) {
    if (tick.dataset.form === "days") continue; // UTC days, as they are counted
    const clock = tick.dataset.form === "seconds" ? { ...CLOCK, second: "2-digit" } : CLOCK;
    tick.textContent = new Date(tick.dataset.time).toLocaleTimeString(undefined, clock);
  }
}

// --- fresh figures -------------------------------------------------------------------------------

// A page that is being read is left alone: something is open, selected, typed into or out of sight.
function inUse(main) {
  const opened = [...main.querySelectorAll("details")].some((d) => d.open !== d.defaultOpen);
  const selected = String(document.getSelection() || "") !== "";
  const typing = main.contains(document.activeElement);
  return opened || selected || typing || document.hidden;
}

function remember(main) {
  for (const details of main.querySelectorAll("details")) details.defaultOpen = details.open;
}

async function refresh(main) {
  if (inUse(main)) return;
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!answer.ok || inUse(main)) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const next = fresh.getElementById("main");
  if (!next) return;
  document.title = fresh.title;
  main.replaceChildren(...next.childNodes);
  remember(main);
  localTimes(main);
}

function keepFresh(main) {
  const seconds = Number(main.dataset.refresh);
  if (!seconds) return;
  remember(main);
  setInterval(() => refresh(main).catch(() => {}), seconds * 1000);
}

// --- numbers -------------------------------------------------------------------------------------

function duration(seconds) {
  const size = Math.abs(seconds);
  const [factor, unit] = size >= 1 ? [1, "s"] : size >= 1e-3 ? [1e3, "ms"] : [1e6, "µs"];
  const value = size * factor;
  const digits = value >= 100 || value === 0 ? 0 : value >= 10 ? 1 : 2;
  return `${seconds < 0 ? "−" : ""}${value.toFixed(digits)} ${unit}`;
}

const signed = (seconds) => (seconds < 0 ? "" : "+") + duration(seconds);

function percent(share) {
  const value = share * 100;
  return `${value.toFixed(value >= 10 || value === 0 ? 0 : value >= 1 ? 1 : 2)} %`;
}

// --- flame graph ---------------------------------------------------------------------------------

const ROW = 19;
const DEEPEST = 400;
const TONES = { "-3": "--b3", "-2": "--b2", "-1": "--b1", 0: "--same", 1: "--w1", 2: "--w2", 3: "--w3" };

// The tree in columns; parents come before children. Totals are self and everything below.
class Tree {
  constructor(data) {
    const { file, ...columns } = data;
    Object.assign(this, columns, { fileOf: file });
    this.size = data.parent.length;
    this.totals = { before: this.sums(data.before), after: this.sums(data.after) };
    this.children = Array.from({ length: this.size }, () => []);
    this.roots = [];
    for (let i = 0; i < this.size; i++) (this.children[this.parent[i]] || this.roots).push(i);
    this.depth = new Int32Array(this.size);
    for (let i = 0; i < this.size; i++) if (this.parent[i] >= 0) this.depth[i] = this.depth[this.parent[i]] + 1;
    this.layouts = {};
  }

  sums(self) {
    const totals = Float64Array.from(self, (nanoseconds) => nanoseconds / 1e9);
    for (let i = this.parent.length - 1; i >= 0; i--) {
      if (this.parent[i] >= 0) totals[this.parent[i]] += totals[i];
    }
    return totals;
  }

  whole(side) {
    return this.roots.reduce((sum, root) => sum + this.totals[side][root], 0);
  }

  // Where each frame begins, as a share of the whole; the widest child comes first.
  starts(side) {
    if (this.layouts[side]) return this.layouts[side];
    const totals = this.totals[side];
    const whole = this.whole(side) || 1;
    const starts = new Float64Array(this.size);
    const place = (siblings, from) => {
      for (const child of [...siblings].sort((a, b) => totals[b] - totals[a])) {
        starts[child] = from;
        from += totals[child] / whole;
      }
    };
    place(this.roots, 0);
    for (let i = 0; i < this.size; i++) place(this.children[i], starts[i]);
    return (this.layouts[side] = starts);
  }

  name(i) {
    return this.names[this.function[i]];
  }

  file(i) {
    return this.files[this.fileOf[this.function[i]]];
  }

  // The frame whose own time grew most, which is what most readers look for; the root if none did.
  worst() {
    let worst = this.roots[0];
    let most = 0;
    for (let i = 0; i < this.size; i++) {
      const grown = this.after[i] - this.before[i];
      if (this.tone[i] > 0 && grown > most) [worst, most] = [i, grown];
    }
    return worst;
  }

  above(i, ancestor) {
    while (i > ancestor) i = this.parent[i];
    return i === ancestor;
  }
}

class FlameGraph {
  constructor(section) {
    this.canvas = section.querySelector("canvas");
    this.reading = section.querySelector(".reading");
    this.output = section.querySelector("output");
    this.search = section.querySelector("input[type=search]");
    this.buttons = [...section.querySelectorAll("button[data-side]")];
    this.code = section.dataset.code;
    this.tree = new Tree(JSON.parse(section.querySelector("script[type='application/json']").textContent));
    this.side = this.tree.whole("after") > 0 ? "after" : "before";
    this.zoomed = -1; // the frame that fills the width; -1 is the whole picture
    this.current = this.tree.worst();
    this.matches = null;
    this.hint = this.reading.textContent;
    for (const shown of [section.querySelector(".controls"), this.reading, this.canvas]) shown.hidden = false;
    section.querySelector(".static").hidden = true;
    this.listen(section);
    this.choose(this.side);
  }

  listen(section) {
    for (const button of this.buttons) button.addEventListener("click", () => this.choose(button.dataset.side));
    section.querySelector("[data-reset]").addEventListener("click", () => this.zoom(-1));
    this.search.addEventListener("input", () => this.find(this.search.value.trim().toLowerCase()));
    this.canvas.addEventListener("mousemove", (event) => this.point(event));
    this.canvas.addEventListener("mouseleave", () => this.tell(this.current));
    this.canvas.addEventListener("click", (event) => this.click(event));
    this.canvas.addEventListener("keydown", (event) => this.key(event));
    this.canvas.addEventListener("focus", () => this.draw());
    this.canvas.addEventListener("blur", () => this.draw());
    new ResizeObserver(() => this.draw()).observe(this.canvas.parentElement);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  // The part of the whole that is shown: [start, width, depth of the first row].
  view() {
    if (this.zoomed < 0) return [0, 1, 0];
    const width = this.tree.totals[this.side][this.zoomed] / (this.tree.whole(this.side) || 1);
    return [this.tree.starts(this.side)[this.zoomed], width, 0];
  }

  choose(side) {
    this.side = side;
    if (this.zoomed >= 0 && !this.tree.totals[side][this.zoomed]) this.zoomed = -1;
    for (const button of this.buttons) button.setAttribute("aria-pressed", String(button.dataset.side === side));
    this.tell(this.current);
    this.draw();
  }

  zoom(frame) {
    this.zoomed = frame;
    if (frame >= 0 && !this.tree.above(this.current, frame)) this.current = frame;
    this.tell(this.current);
    this.draw();
  }

  // --- drawing

  draw() {
    const width = this.canvas.parentElement.clientWidth;
    const rows = this.rows();
    const ratio = devicePixelRatio || 1;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(rows * ROW * ratio);
    this.canvas.style.height = `${rows * ROW}px`;
    const pen = this.canvas.getContext("2d");
    pen.scale(ratio, ratio);
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    const colours = Object.fromEntries(Object.entries(TONES).map(([tone, name]) => [tone, colour(name)]));
    const ink = colour("--ink");
    pen.font = "11px ui-monospace, Menlo, Consolas, monospace";
    const letter = pen.measureText("m").width;
    for (const [frame, x, y, wide] of this.frames(width)) {
      const tone = this.tree.tone[frame];
      const faded = this.matches && !this.matches.has(frame);
      pen.globalAlpha = faded ? 0.3 : 1;
      pen.fillStyle = colours[tone];
      pen.fillRect(x, y, Math.max(wide - 0.5, 0.5), ROW - 1);
      if (wide > letter * 4) {
        pen.fillStyle = Math.abs(tone) === 3 ? "#fff" : ink;
        pen.fillText(clipped(this.tree.name(frame), Math.floor((wide - 6) / letter)), x + 3, y + 13);
      }
      pen.globalAlpha = 1;
      if (this.matches && !faded) outline(pen, colour("--mark"), x, y, wide);
      if (frame === this.current && document.activeElement === this.canvas) outline(pen, ink, x, y, wide);
    }
  }

  rows() {
    const totals = this.tree.totals[this.side];
    let deepest = 0;
    for (let i = 0; i < this.tree.size; i++) {
      if (totals[i] > 0 && (this.zoomed < 0 || this.tree.above(i, this.zoomed))) {
        deepest = Math.max(deepest, this.tree.depth[i]);
      }
    }
    return Math.min(deepest, DEEPEST) + 1;
  }

  // Visible frames as [frame, x, y, width] in pixels; the ancestors of the zoomed one fill the width.
  *frames(width) {
    const [start, wide] = this.view();
    const starts = this.tree.starts(this.side);
    const totals = this.tree.totals[this.side];
    const whole = this.tree.whole(this.side) || 1;
    for (let i = 0; i < this.tree.size; i++) {
      const share = totals[i] / whole;
      const left = Math.max(starts[i], start);
      const right = Math.min(starts[i] + share, start + wide);
      const across = ((right - left) / wide) * width;
      if (across < 0.4 || this.tree.depth[i] > DEEPEST) continue;
      yield [i, ((left - start) / wide) * width, this.tree.depth[i] * ROW, across];
    }
  }

  // --- pointing

  at(event) {
    const box = this.canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    for (const [frame, left, top, wide] of this.frames(box.width)) {
      if (y >= top && y < top + ROW && x >= left && x < left + wide) return frame;
    }
    return -1;
  }

  point(event) {
    const frame = this.at(event);
    this.tell(frame < 0 ? this.current : frame);
  }

  click(event) {
    const frame = this.at(event);
    if (frame < 0) return;
    this.current = frame;
    this.zoom(frame === this.zoomed ? this.tree.parent[frame] : frame);
  }

  key(event) {
    const moves = { ArrowUp: "up", ArrowDown: "down", ArrowLeft: "left", ArrowRight: "right", Home: "home" };
    if (event.key === "Enter") this.zoom(this.current);
    else if (event.key === "Escape") this.back();
    else if (moves[event.key]) this.move(moves[event.key]);
    else return;
    event.preventDefault();
  }

  back() {
    if (this.zoomed >= 0) this.zoom(this.tree.parent[this.zoomed]);
    else if (this.matches) this.find((this.search.value = ""));
  }

  move(direction) {
    const { tree, current } = this;
    const byWidth = (frames) => [...frames].sort((a, b) => tree.totals[this.side][b] - tree.totals[this.side][a]);
    const siblings = byWidth(tree.children[tree.parent[current]] || tree.roots);
    const place = siblings.indexOf(current);
    const next = {
      up: tree.parent[current],
      down: byWidth(tree.children[current])[0],
      left: siblings[place - 1],
      right: siblings[place + 1],
      home: tree.roots[0],
    }[direction];
    if (next === undefined || next < 0 || !tree.totals[this.side][next]) return;
    this.current = next;
    if (this.zoomed >= 0 && !tree.above(next, this.zoomed)) this.zoomed = tree.parent[this.zoomed];
    this.tell(next);
    this.draw();
  }

  // --- words

  tell(frame) {
    if (frame === undefined) return;
    const { tree } = this;
    const before = tree.totals.before[frame];
    const after = tree.totals.after[frame];
    const sure = tree.tone[frame] ? "" : " (not significant)";
    const name = document.createElement("b");
    name.textContent = tree.name(frame);
    const own = `${duration(tree.before[frame] / 1e9)} → ${duration(tree.after[frame] / 1e9)}`;
    const shares = ["before", "after"].map((s) => percent(tree.totals[s][frame] / (tree.whole(s) || 1)));
    const words =
      ` ${duration(before)} → ${duration(after)} CPU per request, ${signed(after - before)}${sure}` +
      ` · ${shares[0]} → ${shares[1]} of all · itself ${own}`;
    this.reading.replaceChildren(name, words, document.createElement("br"), this.place(frame));
  }

  place(frame) {
    const file = this.tree.file(frame);
    const url = this.code && file && this.code.replace("{file}", encodeURI(file.replace(/^\/+/, "")));
    if (!url || !/^https?:\/\//.test(url)) return document.createTextNode(file || this.hint);
    const link = document.createElement("a");
    link.href = url.replace("{line}", "1");
    link.textContent = file;
    return link;
  }

  find(text) {
    const { tree } = this;
    this.matches = null;
    this.output.textContent = "";
    if (text) {
      this.matches = new Set();
      const sums = { before: 0, after: 0 };
      const covered = new Uint8Array(tree.size); // below a match: its time is counted already
      for (let i = 0; i < tree.size; i++) {
        const found = `${tree.name(i)} ${tree.file(i)}`.toLowerCase().includes(text);
        const above = tree.parent[i] >= 0 && covered[tree.parent[i]];
        if (found) this.matches.add(i);
        if (found && !above) for (const s of ["before", "after"]) sums[s] += tree.totals[s][i];
        covered[i] = found || above ? 1 : 0;
      }
      const shares = ["before", "after"].map((s) => percent(sums[s] / (tree.whole(s) || 1)));
      const frames = `${this.matches.size} ${this.matches.size === 1 ? "frame" : "frames"}`;
      this.output.textContent =
        `${frames}: ${duration(sums.before)} → ${duration(sums.after)} per request, ${shares[0]} → ${shares[1]}`;
    }
    this.draw();
  }
}

function clipped(text, letters) {
  return text.length <= letters ? text : `${text.slice(0, letters - 1)}…`;
}

function outline(pen, colour, x, y, wide) {
  pen.strokeStyle = colour;
  pen.lineWidth = 2;
  pen.strokeRect(x + 1, y + 1, Math.max(wide - 2.5, 1), ROW - 3);
}

// -------------------------------------------------------------------------------------------------

localTimes(document);
keepFresh(document.getElementById("main"));
for (const section of document.querySelectorAll(".flamegraph")) new FlameGraph(section);
