/* Side panes are always open where there is room, and fold away below 900 px (css/base.css has the same width).

   <aside class="pane-rail"><details class="pane" open data-pane><summary>Label</summary>…</details></aside>
   data-pane="open" starts open on narrow screens too.
*/
/** Whether a pane should be open now. */
export function shouldOpen(narrow, wish) {
  return !narrow || wish === "open";
}

export function attach(document, matchMedia) {
  const query = matchMedia("(max-width: 899.9px)");
  const settle = () => {
    for (const pane of document.querySelectorAll("details[data-pane]")) pane.open = shouldOpen(query.matches, pane.dataset.pane);
  };
  query.addEventListener("change", settle);
  document.addEventListener("click", (event) => {
    if (!query.matches || !event.target.closest?.('[data-pane] a[href^="#"]')) return;
    event.target.closest("[data-pane]").open = false; // the place it leads to lies behind the pane
  });
  settle();
}

if (typeof document !== "undefined") attach(document, (query) => globalThis.matchMedia(query));
