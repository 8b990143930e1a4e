/* A <details data-menu> is a menu: a click elsewhere, Escape or leaving it with Tab closes it; one is open at a time.

   <details class="menu" data-menu><summary>…</summary><div class="menu-body">…</div></details>
*/
/** The open menus that do not hold `target`. */
export function toClose(menus, target) {
  return [...menus].filter((menu) => menu.open && !(target && menu.contains(target)));
}

export function attach(document) {
  const close = (target) => toClose(document.querySelectorAll("details[data-menu]"), target).forEach((menu) => (menu.open = false));
  document.addEventListener("click", (event) => close(event.target));
  document.addEventListener("focusin", (event) => close(event.target));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const menu = document.activeElement?.closest("details[data-menu][open]");
    if (!menu) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
}

if (typeof document !== "undefined") attach(document);
