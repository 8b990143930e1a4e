/* Texts of a version: line numbers beside them, and the way to a line that is wrong. */

/** The numbers of a text's lines, one below the other. */
export function numbers(text) {
  return Array.from({ length: text.split("\n").length }, (_, at) => at + 1).join("\n");
}

/** Where a line begins and ends in a text; lines count from 1, and beyond the last is the last. */
export function lineAt(text, line) {
  const lines = text.split("\n");
  const at = Math.min(Math.max(line, 1), lines.length) - 1;
  const start = lines.slice(0, at).reduce((sum, one) => sum + one.length + 1, 0);
  return [start, start + lines[at].length];
}

function numbered(box) {
  const source = box.querySelector("textarea");
  const gutter = box.querySelector("[data-gutter]");
  const draw = () => {
    const text = numbers(source.value);
    if (gutter.textContent !== text) gutter.textContent = text;
    gutter.scrollTop = source.scrollTop;
  };
  source.addEventListener("input", draw);
  source.addEventListener("scroll", () => { gutter.scrollTop = source.scrollTop; });
  draw();
}

function goTo(source, line) {
  source.closest("details")?.setAttribute("open", "");
  const [start, end] = lineAt(source.value, line);
  source.focus();
  source.setSelectionRange(start, end);
  source.scrollTop = Math.max(0, (line - 4) * 20); // a line is 20 px high
}

const form = globalThis.document?.querySelector("[data-version]");
if (form) {
  form.querySelectorAll("[data-source-box]").forEach(numbered);
  form.addEventListener("click", (event) => {
    const jump = event.target.closest("[data-line]");
    const source = jump && globalThis.document.getElementById(jump.dataset.of);
    if (source) goTo(source, Number(jump.dataset.line));
  });
}
