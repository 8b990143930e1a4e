/* Deciding a case from the keyboard.

   <form data-decision>
     <input type="radio" name="take" value="17" data-key="a">   a letter takes that label and goes on to the reason
     <input type="radio" name="take" value="own" data-key="o">  goes to the first question of one's own path
     <div id="own">…</div>                                      swapped by htmx as answers change
     <textarea name="reason"></textarea>                        Ctrl or ⌘ with Enter commits while typing
   </form>
*/

/** Where the hands go after a choice of `take`. */
export function nextField(form, take) {
  if (take !== "own") return form.querySelector('textarea[name="reason"]');
  const open = [...form.querySelectorAll("#own > .field select")];
  return open.find((field) => !field.value) || open[0] || form.querySelector('textarea[name="reason"]');
}

export function attach(form) {
  form.addEventListener("change", (event) => {
    if (event.target.name === "take") nextField(form, event.target.value)?.focus({ preventScroll: false });
  });
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit(form.querySelector("footer .primary"));
  });
}

if (typeof document !== "undefined") for (const form of document.querySelectorAll("form[data-decision]")) attach(form);
