/* Opens and closes <dialog> elements.

   <button data-opens="close-round">Close…</button>   <dialog id="close-round"> … <button type="button" data-closes>Cancel</button></dialog>
   A click on the backdrop closes; the browser gives Escape and the way back of the focus.
*/
/** Whether the point lies outside the box, which for a dialog means on its backdrop. */
export function outside(box, x, y) {
  return x < box.left || x > box.right || y < box.top || y > box.bottom;
}

export function attach(document) {
  document.addEventListener("click", (event) => {
    const opener = event.target.closest?.("[data-opens]");
    if (opener) {
      opener.closest("details[data-menu]")?.removeAttribute("open");
      const dialog = document.getElementById(opener.dataset.opens);
      if (dialog && !dialog.open) dialog.showModal();
      return;
    }
    const closer = event.target.closest?.("[data-closes]");
    if (closer) return closer.closest("dialog")?.close();
    if (event.target.tagName === "DIALOG" && event.detail > 0) {
      if (outside(event.target.getBoundingClientRect(), event.clientX, event.clientY)) event.target.close();
    }
  });
}

if (typeof document !== "undefined") attach(document);
