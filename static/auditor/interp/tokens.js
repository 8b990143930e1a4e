/* A text cut at its tokens: the one that is pointed at, or walked to with the arrow keys, says what it is.

   <div data-tokens tabindex="0"><span class="tok" data-says="…">…</span>…</div>
   <p data-tokens-says role="status"></p>      after it, in the same section
*/

/** Where a key leads from token `index` of `count`; null: the key is not ours. */
export function nextToken(key, index, count) {
  if (!count) return null;
  const to = { ArrowRight: index + 1, ArrowLeft: index - 1, Home: 0, End: count - 1 }[key];
  return to === undefined ? null : Math.min(Math.max(to, 0), count - 1);
}

function bind(box) {
  const tokens = [...box.querySelectorAll("[data-says]")];
  const says = box.parentElement.querySelector("[data-tokens-says]");
  let index = -1;
  const show = (to) => {
    tokens[index]?.classList.remove("now");
    index = to;
    const token = tokens[index];
    token?.classList.add("now");
    says.textContent = token?.dataset.says ?? "";
    return token;
  };
  box.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const to = nextToken(event.key, index, tokens.length);
    if (to === null) return;
    event.preventDefault();
    show(to).scrollIntoView({ block: "nearest" });
  });
  box.addEventListener("pointerover", (event) => {
    const token = event.target.closest("[data-says]");
    if (token) show(tokens.indexOf(token));
  });
  box.addEventListener("focus", () => {
    if (index < 0 && tokens.length) show(0);
  });
}

if (typeof document !== "undefined") document.querySelectorAll("[data-tokens]").forEach(bind);
