/* Choosing a range by drawing over the bars of a histogram; the two number fields hold it.

   <fieldset data-brush>
     <div data-brush-bars><a href="…"><i data-lo="0.5" data-hi="0.6"></i></a>…</div>
     <input type="number" data-brush-lo> <input type="number" data-brush-hi>
   </fieldset>

   A plain click follows the bar's own link; drawing over several bars fills the fields and fires `change`.
*/

/** The range from bar `a` to bar `b`, whichever comes first; bars are {lo, hi} as text. */
export function range(bars, a, b) {
  const [first, last] = a <= b ? [a, b] : [b, a];
  return { lo: bars[first].lo, hi: bars[last].hi };
}

/** The bar under `x`: the last whose left edge is not beyond it. `lefts` ascend. */
export function barAt(lefts, x) {
  let found = 0;
  lefts.forEach((left, index) => {
    if (left <= x) found = index;
  });
  return found;
}

export function attach(document) {
  let drawing = null;

  document.addEventListener("pointerdown", (event) => {
    const plot = event.target.closest?.("[data-brush-bars]");
    if (!plot || event.button) return;
    const bars = [...plot.querySelectorAll("i[data-lo]")];
    const lefts = bars.map((bar) => bar.getBoundingClientRect().left);
    const from = barAt(lefts, event.clientX);
    drawing = { plot, bars, lefts, from, to: from };
  });

  document.addEventListener("pointermove", (event) => {
    if (!drawing) return;
    const to = barAt(drawing.lefts, event.clientX);
    if (to === drawing.to && to === drawing.from) return;
    drawing.to = to;
    drawing.moved = true;
    const [first, last] = [Math.min(drawing.from, to), Math.max(drawing.from, to)];
    drawing.bars.forEach((bar, index) => bar.classList.toggle("in", index >= first && index <= last));
  });

  document.addEventListener("pointerup", () => {
    const done = drawing;
    drawing = null;
    if (!done?.moved) return;
    const ends = range(done.bars.map((bar) => bar.dataset), done.from, done.to);
    const box = done.plot.closest("[data-brush]");
    box.querySelector("[data-brush-lo]").value = ends.lo;
    const high = box.querySelector("[data-brush-hi]");
    high.value = ends.hi;
    // The click that ends the drawing must not follow the bar below it.
    done.plot.addEventListener("click", (click) => click.preventDefault(), { once: true, capture: true });
    high.dispatchEvent(new Event("change", { bubbles: true }));
  });

  document.addEventListener("pointercancel", () => {
    drawing = null;
  });
}

if (typeof document !== "undefined") attach(document);
