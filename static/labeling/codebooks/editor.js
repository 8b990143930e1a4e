/* The text of a draft: line numbers, kept indentation, the way to a line, and a question before unsaved words are left.

   <form data-editor>  <pre data-gutter></pre> <textarea data-source></textarea>
     <button data-line="12">     puts the cursor into that line
     <button data-save>          saved by htmx; the answer carries #state[data-saved]
     <a data-leaves>             leaves on purpose, without being asked
   </form>
*/

/** "1\n2\n3" for a text of three lines. */
export function numbers(text) {
  const count = text.split("\n").length;
  return Array.from({ length: count }, (_, index) => index + 1).join("\n");
}

/** Where a line begins and ends in a text; the last line for one beyond it. Lines count from 1. */
export function range(text, line) {
  const lines = text.split("\n");
  const at = Math.min(Math.max(line, 1), lines.length) - 1;
  const start = lines.slice(0, at).reduce((sum, one) => sum + one.length + 1, 0);
  return [start, start + lines[at].length];
}

/** What a new line begins with: the indentation of the line the cursor is in, past a list's dash. */
export function indentation(text, cursor) {
  const line = text.slice(text.lastIndexOf("\n", cursor - 1) + 1, cursor);
  const [, space, dash] = line.match(/^(\s*)((?:- +)*)/);
  return space + " ".repeat(dash.length);
}

export function attach(form, window) {
  const source = form.querySelector("[data-source]");
  const gutter = form.querySelector("[data-gutter]");
  let kept = source.value;
  let sent = kept;
  let leaving = false;

  const number = () => {
    const text = numbers(source.value);
    if (gutter.textContent !== text) gutter.textContent = text;
    gutter.scrollTop = source.scrollTop;
  };
  source.addEventListener("input", number);
  source.addEventListener("scroll", () => { gutter.scrollTop = source.scrollTop; });
  number();

  source.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    const space = indentation(source.value, source.selectionStart);
    if (!space) return;
    event.preventDefault();
    // keeps the browser's own undo, which setting the value would empty
    if (!window.document.execCommand?.("insertText", false, `\n${space}`)) {
      source.setRangeText(`\n${space}`, source.selectionStart, source.selectionEnd, "end");
      source.dispatchEvent(new window.Event("input", { bubbles: true }));
    }
  });

  form.addEventListener("click", (event) => {
    const jump = event.target.closest("[data-line]");
    if (jump) {
      const [start, end] = range(source.value, Number(jump.dataset.line));
      source.focus();
      source.setSelectionRange(start, end);
      source.scrollTop = (Number(jump.dataset.line) - 6) * 20;
    }
    if (event.target.closest("[data-leaves]")) leaving = true;
    if (event.target.closest("[data-save]")) sent = source.value;
  });
  form.addEventListener("htmx:afterSettle", () => {
    if (form.querySelector("#state[data-saved]")) kept = sent;
  });
  form.addEventListener("htmx:beforeOnLoad", (event) => {
    if (event.detail.xhr.getResponseHeader("HX-Redirect")) leaving = true;
  });
  form.addEventListener("submit", () => { leaving = true; });
  window.addEventListener("beforeunload", (event) => {
    if (!leaving && source.value !== kept) event.preventDefault();
  });
}

if (typeof document !== "undefined") {
  for (const form of document.querySelectorAll("form[data-editor]")) attach(form, globalThis.window);
}
