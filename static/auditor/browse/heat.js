/* Channels over the words of a transcript: drawn, read by pointer and by keys, from a threshold on, peak by peak.

   <div id="heat" data-heat-panel="/p/x/transcripts/1/heat/">                replaced when another channel is chosen
     <a data-layer="heat|heat2" data-key-of="probe.p" href="?heat=probe.p">  background, or line below the words
     <section data-warm="heat|heat2" data-name data-hue data-lo data-hi>
     <input type="range" data-floor data-off="0">  <output data-floor-said>
     <input type="checkbox" data-all-tokens>
     <input type="search" data-layer-search>
     <script id="heat-map" type="application/json">                          peaks of all of the transcript
     <script id="heat-points" type="application/json">{"1/text": 7, "": 7}   at the desk: readings that a token is evidence through
   <script id="tokens-400" type="application/json">{"heat": …, "heat2": …}   values of a window (see tokens.js)
   <div data-heat-bar> <svg data-heat-map> <p data-heat-said>                what the pointer or the keys are on
     <button data-heat-go="peak|token" data-by="1|-1">  <button data-heat-fires="/p/x/…/features/">
     <button data-heat-point data-rely data-place>       at the desk: the token as evidence
   <div id="fires">
   <p role="status" data-heat-announce>
*/
import { fromRange, partOf } from "../corpus/anchors.js";
import { placeOf, reveal } from "../corpus/reader.js";
import { say } from "../web/toasts.js";
import { Paint, SLOTS } from "./paint.js";
import { isBefore, isNamed, nextPeak, nextToken, peaksOf, tokenAt, unpack, written } from "./tokens.js";

const SVG = "http://www.w3.org/2000/svg";
const WIDE = 1000; // of the map, in its own units
const TALL = 24;

export function attach(document, window) {
  const find = (selector) => document.querySelector(selector);
  const root = () => find("[data-transcript]");
  const panel = () => find("[data-heat-panel]");
  const warm = (slot) => find(`[data-warm="${slot}"]`);
  const unpacked = new WeakMap(); // script -> {slot: [stretch]}
  const lines = { heat: new Map(), heat2: new Map() };
  let cursor = null; // {position, part, start, end, value}
  let floor = null;
  let all = false;
  let floored = null; // the panel whose slider was read
  let wanted = null; // a place on its way
  let map = [];

  const scaleOf = (slot) => ({ lo: Number(warm(slot)?.dataset.lo), hi: Number(warm(slot)?.dataset.hi) });
  const paint = new Paint(document, {
    linesOf: (slot) => (warm(slot) ? lines[slot] : new Map()),
    optionsOf: (slot) => ({ scale: scaleOf(slot), floor: slot === "heat" ? floor : null, all }),
  });

  // ---- values

  const read = () => {
    for (const slot of Object.keys(SLOTS)) lines[slot] = new Map();
    for (const script of document.querySelectorAll('script[type="application/json"][id^="tokens-"]')) {
      if (!unpacked.has(script)) {
        const packets = JSON.parse(script.textContent);
        unpacked.set(script, Object.fromEntries(Object.entries(packets).map(([slot, packet]) => [slot, unpack(packet)])));
      }
      for (const [slot, some] of Object.entries(unpacked.get(script))) {
        for (const stretch of some) lines[slot].set(`${stretch.position}/${stretch.part}`, stretch);
      }
    }
  };
  const show = () => {
    if (!root()) return;
    read();
    if (panel() !== floored) {
      floored = panel();
      const slider = find("[data-floor]");
      floor = slider && slider.dataset.off === undefined ? Number(slider.value) : null;
      all = Boolean(find("[data-all-tokens]")?.checked);
      map = JSON.parse(document.getElementById("heat-map")?.textContent || "[]");
      cursor = null;
    }
    for (const slot of Object.keys(SLOTS)) root().dataset[slot] = warm(slot)?.dataset.hue ?? (slot === "heat" ? "probe" : "");
    root().toggleAttribute("data-alike", Boolean(warm("heat2")) && warm("heat2").dataset.hue === warm("heat")?.dataset.hue);
    paint.follow(root());
    paint.again();
    drawMap();
    saidFloor();
    if (wanted) arrived();
  };

  // ---- the map of peaks

  const shown = () => peaksOf(map, floor);
  const drawMap = () => {
    const svg = find("[data-heat-map]");
    if (!svg) return;
    const { lo, hi } = scaleOf("heat");
    const marks = map.map(([position, part, start, , value, along]) => {
      const line = document.createElementNS(SVG, "line");
      const height = Math.max(2, Math.min(1, (value - lo) / (hi - lo || 1)) * TALL);
      for (const [name, number] of [["x1", along * WIDE], ["x2", along * WIDE], ["y1", TALL], ["y2", TALL - height]]) line.setAttribute(name, number.toFixed(1));
      if (floor !== null && value < floor) line.setAttribute("class", "below");
      if (cursor && cursor.position === position && cursor.part === part && cursor.start === start) line.setAttribute("class", "now");
      return line;
    });
    svg.replaceChildren(...marks);
    const count = shown().length;
    svg.setAttribute("aria-label", `${count} ${count === 1 ? "peak" : "peaks"} along the transcript`);
    find("[data-heat-bar]")?.toggleAttribute("data-empty", !warm("heat"));
  };

  // ---- the threshold

  const saidFloor = () => {
    const slider = find("[data-floor]");
    if (!slider) return;
    const peaks = shown().length;
    const words = floor === null ? "off" : `${written(floor)} · ${peaks} ${peaks === 1 ? "peak" : "peaks"}`;
    find("[data-floor-said]").textContent = words;
    slider.setAttribute("aria-valuetext", floor === null ? "off" : written(floor));
  };
  let waiting = false;
  const moved = (slider) => {
    delete slider.dataset.off;
    floor = Number(slider.value) <= Number(slider.min) ? null : Number(slider.value);
    if (waiting) return;
    waiting = true;
    window.requestAnimationFrame(() => {
      waiting = false;
      paint.again();
      drawMap();
      saidFloor();
    });
  };
  const keep = (changes) => {
    const url = new URL(window.location.href);
    for (const [name, value] of Object.entries(changes)) {
      if (value === null || value === "") url.searchParams.delete(name);
      else url.searchParams.set(name, value);
    }
    window.history.replaceState(window.history.state, "", url);
  };

  // ---- one token

  const stretchAt = ({ position, part }, slot = "heat") => lines[slot].get(`${position}/${part}`);
  const partAt = ({ position, part }) =>
    root()?.querySelector(`[data-position="${Number(position)}"] .part[data-part="${CSS.escape(part)}"]`) ?? null;
  const wordsOf = (place) => {
    const part = partAt(place);
    return part ? paint.places(part).words(place.start, place.end) : "";
  };
  /** The token at a place: its words, and what each channel says. */
  const sayings = (place) =>
    Object.keys(SLOTS).flatMap((slot) => {
      const stretch = warm(slot) && stretchAt(place, slot);
      const index = stretch ? tokenAt(stretch, place.start) : -1;
      if (index < 0) return [];
      const value = stretch.values[index];
      return [`${warm(slot).dataset.name} ${written(value)}${usual(slot, value)}${stretch.counted[index] ? "" : " (not counted)"}`];
    });
  const usual = (slot, value) => {
    const above = [...(warm(slot)?.querySelectorAll("[data-percentile]") ?? [])].filter((one) => value >= Number(one.dataset.value));
    return above.length ? `, at or above p${above.at(-1).dataset.percentile}` : "";
  };
  const tokenOf = (place, index) => {
    const stretch = stretchAt(place);
    return { position: stretch.position, part: stretch.part, start: stretch.starts[index], end: stretch.ends[index], value: stretch.values[index] };
  };
  const bubble = () => {
    let found = document.getElementById("heat-said");
    if (!found) {
      found = Object.assign(document.createElement("div"), { id: "heat-said", hidden: true });
      found.setAttribute("aria-hidden", "true"); // what the keys are on is announced
      document.body.append(found);
    }
    return found;
  };
  const hover = (place, box) => {
    const said = place ? sayings(place) : [];
    const tip = bubble();
    tip.hidden = !said.length;
    if (!said.length) return;
    tip.replaceChildren(...said.map((words) => Object.assign(document.createElement("p"), { textContent: words })));
    const left = Math.min(Math.max(box.left, 8), window.innerWidth - tip.offsetWidth - 8);
    const above = box.top - tip.offsetHeight - 6;
    tip.style.left = `${left}px`;
    tip.style.top = `${above > 8 ? above : box.bottom + 6}px`;
  };

  let announcing = 0;
  const choose = (place, { scroll = true } = {}) => {
    const part = partAt(place);
    if (!part) return false;
    cursor = place;
    reveal(part);
    const range = paint.places(part).range(place.start, place.end);
    CSS.highlights.set("heat-cursor", new Highlight(...(range ? [range] : [])));
    if (range && scroll) intoView(part, range);
    const said = [`“${wordsOf(place).trim() || "space"}”`, ...sayings(place), `message ${place.position + 1}`];
    const line = find("[data-heat-said]");
    if (line) line.textContent = said.join(" · ");
    window.clearTimeout(announcing);
    announcing = window.setTimeout(() => {
      const status = find("[data-heat-announce]");
      if (status) status.textContent = said.join(", ");
    }, 200);
    const point = find("[data-heat-point]");
    if (point) {
      const points = JSON.parse(document.getElementById("heat-points")?.textContent || "{}");
      const reading = points[`${place.position}/${place.part}`] ?? points[""];
      point.disabled = !reading;
      point.dataset.rely = reading ?? "";
      point.dataset.place = JSON.stringify({ position: place.position, part: place.part, start: place.start, end: place.end });
    }
    drawMap();
    document.dispatchEvent(new window.CustomEvent("heat-cursor", { detail: place }));
    return true;
  };
  const intoView = (part, range) => {
    part.closest(".msg")?.scrollIntoView({ block: "nearest", behavior: "instant" }); // content-visibility: lay it out first
    const live = document.createRange();
    live.setStart(range.startContainer, range.startOffset);
    live.setEnd(range.endContainer, range.endOffset);
    const box = live.getBoundingClientRect();
    const pane = part.closest(".pane-main");
    const view = pane && window.getComputedStyle(pane).overflowY !== "visible" ? pane : document.scrollingElement;
    const bar = find(".reading-bar, .heat-bar")?.getBoundingClientRect().bottom ?? 0;
    if (box.top < bar + 20 || box.bottom > window.innerHeight - 60) view.scrollBy({ top: box.top - window.innerHeight / 2, behavior: "instant" });
  };

  /** Every part with values, in the order of the page. */
  const parts = () => [...(root()?.querySelectorAll(".part[data-part]") ?? [])].filter((part) => lines.heat.has(Paint.place(part)));
  const placeFrom = () => {
    if (cursor && partAt(cursor)) return cursor;
    const reading = root()?.querySelector(".msg[aria-current]");
    return reading ? { position: Number(reading.dataset.position), part: "", start: -1 } : null;
  };
  const goToken = (by) => {
    const every = parts();
    const from = placeFrom();
    const stretch = from?.part ? stretchAt(from) : null;
    let index = stretch ? nextToken(stretch, tokenAt(stretch, from.start), by, all) : -1;
    if (index >= 0) return choose(tokenOf(from, index));
    let at = stretch ? every.indexOf(partAt(from)) : every.findIndex((part) => Number(part.closest("[data-position]").dataset.position) >= (from?.position ?? 0)) - (by > 0 ? 1 : 0);
    for (at += by; at >= 0 && at < every.length; at += by) {
      const [position, part] = Paint.place(every[at]).split("/");
      const next = stretchAt({ position, part });
      index = nextToken(next, by > 0 ? -1 : next.starts.length, by, all);
      if (index >= 0) return choose(tokenOf({ position, part }, index));
    }
    return say("No further token has a value here.");
  };
  const goPeak = (by) => {
    const peaks = shown();
    const from = cursor ?? placeFrom();
    const peak = nextPeak(peaks, from && { ...from, part: from.part || "reasoning" }, by);
    if (!peak) return say(peaks.length ? "There is no further peak." : floor === null ? "There is no peak." : `There is no peak from ${written(floor)} on.`);
    return goTo(peak);
  };
  /** Go to a peak, on the page or not; one without words is its message. */
  const goTo = (peak) => {
    const here = document.getElementById(`m${peak.position}`);
    const words = peak.end > peak.start;
    if (here && !words) {
      cursor = peak;
      drawMap();
      return document.dispatchEvent(new window.CustomEvent("arrive", { detail: here }));
    }
    if (here && partAt(peak) && choose(peak)) return;
    wanted = peak;
    document.dispatchEvent(new window.CustomEvent("jump", { detail: { position: peak.position, at: words ? placeOf(peak) : "", push: false } }));
  };
  const arrived = () => {
    const place = wanted;
    if (!document.getElementById(`m${place.position}`)) return;
    wanted = null;
    if (!choose(place)) cursor = place;
  };

  // ---- what fires there

  const fires = async (button) => {
    const selection = document.getSelection();
    const range = selection?.rangeCount && !selection.isCollapsed ? selection.getRangeAt(0) : null;
    const anchor = range && root().contains(range.commonAncestorContainer) ? fromRange(range) : cursor;
    if (!anchor?.part) return say("Choose a token first: click one, or go to a peak.");
    const answer = await window.fetch(`${button.dataset.heatFires}?at=${encodeURIComponent(placeOf(anchor))}`, { headers: { "HX-Request": "true" } }).catch(() => null);
    if (!answer?.ok) return say("What fires there could not be fetched.", { bad: true });
    const box = document.getElementById("fires");
    box.innerHTML = await answer.text(); // rendered by the server, escaped there
    box.hidden = false;
    box.querySelector("h2")?.focus();
  };

  // ---- other channels

  const layer = async (link) => {
    const url = new URL(link.href, window.location.href);
    const ends = [...document.querySelectorAll("[data-window]")].map((one) => [Number(one.dataset.first), Number(one.dataset.last)]);
    const query = new URLSearchParams();
    for (const name of ["heat", "heat2"]) if (url.searchParams.get(name)) query.set(name, url.searchParams.get(name));
    if (ends.length) {
      query.set("after", Math.min(...ends.map(([first]) => first)));
      query.set("before", Math.max(...ends.map(([, last]) => last)));
    }
    const answer = await window.fetch(`${panel().dataset.heatPanel}?${query}`, { headers: { "HX-Request": "true" } }).catch(() => null);
    if (!answer?.ok) return say("The heat could not be fetched.", { bad: true });
    const fresh = new window.DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-heat-panel]");
    if (!fresh) return window.location.reload(); // nothing is to be seen here any more
    document.querySelectorAll('script[id^="tokens-"]').forEach((script) => script.remove());
    const searched = find("[data-layer-search]")?.value ?? "";
    const focused = panel().contains(document.activeElement);
    panel().replaceWith(document.adoptNode(fresh));
    window.htmx?.process(panel());
    const search = find("[data-layer-search]");
    if (search && searched) {
      search.value = searched;
      sift(searched);
    }
    keep({ heat: url.searchParams.get("heat"), heat2: url.searchParams.get("heat2"), threshold: null });
    show();
    if (focused) find(`[data-layer="${link.dataset.layer}"][data-key-of="${CSS.escape(link.dataset.keyOf)}"]`)?.focus();
  };
  const sift = (query) => {
    for (const row of document.querySelectorAll("[data-layer-name]")) row.hidden = !isNamed(row.dataset.layerName, query);
    for (const group of document.querySelectorAll("[data-layer-group]")) group.hidden = !group.querySelector("[data-layer-name]:not([hidden])");
  };

  // ---- events

  document.addEventListener("click", (event) => {
    const target = event.target.closest?.("[data-layer], [data-heat-go], [data-heat-fires], [data-heat-map], [data-fires-close]");
    if (target?.matches("[data-layer]")) {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
      event.preventDefault();
      event.stopPropagation();
      layer(target);
    } else if (target?.matches("[data-heat-go]")) (target.dataset.heatGo === "peak" ? goPeak : goToken)(Number(target.dataset.by));
    else if (target?.matches("[data-heat-fires]")) fires(target);
    else if (target?.matches("[data-fires-close]")) document.getElementById("fires").hidden = true;
    else if (target) {
      const box = target.getBoundingClientRect();
      const along = (event.clientX - box.left) / box.width;
      const nearest = shown().reduce((best, peak) => (!best || Math.abs(peak.along - along) < Math.abs(best.along - along) ? peak : best), null);
      if (nearest) goTo(nearest);
    } else if (document.getSelection()?.isCollapsed !== false) {
      const place = under(event);
      if (place) choose(place, { scroll: false });
    }
  }, true);

  /** The token under the pointer, with its box. */
  const under = (event) => {
    if (!warm("heat") || !root()?.contains(event.target)) return null;
    const caret = document.caretPositionFromPoint?.(event.clientX, event.clientY);
    const part = caret && partOf(caret.offsetNode);
    const stretch = part && lines.heat.get(Paint.place(part));
    if (!stretch) return null;
    const point = paint.places(part).pointOf(caret.offsetNode, caret.offset);
    for (const at of [point, point - 1]) { // the caret stands before or after the letter that is pointed at
      const index = tokenAt(stretch, at);
      if (index < 0 || (!all && !stretch.counted[index])) continue;
      const place = tokenOf(stretch, index);
      const range = paint.places(part).range(place.start, place.end);
      const live = document.createRange();
      live.setStart(range.startContainer, range.startOffset);
      live.setEnd(range.endContainer, range.endOffset);
      const box = [...live.getClientRects()].find((one) => event.clientX >= one.left - 1 && event.clientX <= one.right + 1 && event.clientY >= one.top && event.clientY <= one.bottom);
      if (box) return { ...place, box };
    }
    return null;
  };
  let pointed = null; // the last move since a frame was drawn
  document.addEventListener("pointermove", (event) => {
    if (event.buttons) return;
    if (!pointed) {
      window.requestAnimationFrame(() => {
        const at = pointed;
        pointed = null;
        const place = under(at);
        hover(place, place?.box);
      });
    }
    pointed = event;
  }, { passive: true });
  document.addEventListener("scroll", () => hover(null), { capture: true, passive: true });

  document.addEventListener("input", (event) => {
    if (event.target.matches?.("[data-floor]")) moved(event.target);
    if (event.target.matches?.("[data-layer-search]")) sift(event.target.value);
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches?.("[data-floor]")) keep({ threshold: floor });
    if (!event.target.matches?.("[data-all-tokens]")) return;
    all = event.target.checked;
    paint.again();
  });
  document.addEventListener("windows-changed", show);
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.target.closest?.("[data-warm]") && cursor) choose(cursor, { scroll: false });
  });
  show();
}

if (typeof document !== "undefined" && globalThis.CSS?.highlights) attach(document, window);
