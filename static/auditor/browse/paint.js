/* Heat on the words without an element for it: CSS knows the runs as ::highlight(heat-1…31), heat-below, and
   ::highlight(line-1…31), line-below for the channel below the words (see heat.css).

   const paint = new Paint(document, { linesOf, optionsOf });
   paint.follow(root)      watch the parts below root, or the parts given; those near the window are painted, those far are not
   paint.again()           paint what is near anew: another threshold, other values

   linesOf(slot)   → Map("position/part" → stretch), empty where there is no such channel
   optionsOf(slot) → { scale, floor, all }
*/
import { Places } from "./places.js";
import { runs } from "./tokens.js";

export const SLOTS = { heat: "heat", heat2: "line" }; // slot -> name of its highlights
const NEAR = "800px 0px";

export class Paint {
  constructor(document, { linesOf, optionsOf }) {
    Object.assign(this, { document, linesOf, optionsOf });
    this.painted = new Map(); // part -> [[name, range], …]
    this.near = new Set();
    this.known = new WeakMap(); // part -> Places
  }

  /** Watch the parts below `root`, or these of them; what is gone is forgotten. */
  follow(root, parts = root?.querySelectorAll(".part[data-part]") ?? []) {
    for (const part of [...this.painted.keys()]) if (!part.isConnected) this.wipe(part);
    for (const part of [...this.near]) if (!part.isConnected) this.near.delete(part);
    const pane = root?.closest(".pane-main");
    const scrolls = pane && getComputedStyle(pane).overflowY !== "visible" ? pane : null;
    if (!this.observer || this.view !== scrolls) {
      this.observer?.disconnect();
      this.view = scrolls;
      this.seen = new WeakSet();
      this.observer = new IntersectionObserver((entries) => this.moved(entries), { root: scrolls, rootMargin: NEAR });
    }
    for (const part of parts) {
      if (this.seen.has(part)) continue;
      this.seen.add(part);
      this.observer.observe(part);
    }
  }

  moved(entries) {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) {
        this.near.add(target);
        this.draw(target);
      } else {
        this.near.delete(target);
        this.wipe(target);
      }
    }
  }

  again() {
    for (const named of new Set([...this.painted.values()].flat().map(([name]) => name))) CSS.highlights.get(named)?.clear();
    this.painted.clear();
    for (const part of this.near) this.draw(part);
  }

  places(part) {
    let places = this.known.get(part);
    if (!places?.isThere) this.known.set(part, (places = new Places(part)));
    return places;
  }

  /** Where a part stands, as lines name it. */
  static place(part) {
    return `${part.closest("[data-position]")?.dataset.position}/${part.dataset.part}`;
  }

  draw(part) {
    this.wipe(part);
    const drawn = [];
    for (const [slot, name] of Object.entries(SLOTS)) {
      const stretch = this.linesOf(slot).get(Paint.place(part));
      if (!stretch) continue;
      const { scale, floor, all } = this.optionsOf(slot);
      const places = this.places(part);
      for (const [start, end, level] of runs(stretch, scale, { floor, all })) {
        const range = places.range(start, end);
        if (!range) continue;
        const named = level < 0 ? `${name}-below` : `${name}-${level}`;
        highlight(named).add(range);
        drawn.push([named, range]);
      }
    }
    if (drawn.length) this.painted.set(part, drawn);
  }

  wipe(part) {
    for (const [name, range] of this.painted.get(part) ?? []) CSS.highlights.get(name)?.delete(range);
    this.painted.delete(part);
  }
}

function highlight(name) {
  let found = CSS.highlights.get(name);
  if (!found) {
    found = new Highlight();
    found.priority = -1; // what is found or marked stands above it
    CSS.highlights.set(name, found);
  }
  return found;
}
