/* Copies a text, or the full address of a link, and says so.

   <button data-copy="the text">Copy</button>      <a href="#m3" data-copy-link>¶ link</a>
*/
import { say } from "./toasts.js";

/** What a click on the element copies. */
export function textOf(element, base) {
  return element.dataset.copy ?? new URL(element.getAttribute("href"), base).href;
}

export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    say("Copied");
  } catch {
    say("This browser does not let this page copy.", { bad: true });
  }
}

if (typeof document !== "undefined") {
  document.addEventListener("click", (event) => {
    const element = event.target.closest?.("[data-copy], [data-copy-link]");
    if (element) copy(textOf(element, location.href)); // a link is followed as well: the address bar shows what was copied
  });
}
