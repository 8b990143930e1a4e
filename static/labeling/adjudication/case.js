/* Deciding a case from the keyboard.

   <form data-decision>
     <button data-cycle data-key="1">                           in a row of the table: takes the next reviewer's answer to it
     <input type="radio" name="f-motive" value="17">            the answers of that row; choosing one makes it a mixture
     <input type="radio" name="take" value="17" data-key="a">   a letter takes that label and goes on to what decides it
     <input type="radio" name="take" value="mix|own" data-key>  "own" goes to the first question of one's own path
     <div id="own">…</div>                                      swapped by htmx as answers change
     <select name="reason_code">  <textarea name="reason">      Ctrl or ⌘ with Enter commits while typing
     <input type="checkbox" name="example">                     goes on to the words of the example
   </form>
   A form that is [data-barred], because a colleague has the case, or as soon as the sign of life says so, commits nothing.
*/

/** Where the hands go after a choice of `take`. */
export function nextField(form, take) {
  const code = form.querySelector('select[name="reason_code"]');
  const reason = code && !code.value ? code : form.querySelector('textarea[name="reason"]');
  if (take !== "own") return reason;
  const open = [...form.querySelectorAll("#own .path select")];
  return open.find((field) => !field.value) || open[0] || reason;
}

/** The radio after the chosen one, coming round to the first. */
export function nextChoice(radios) {
  const at = radios.findIndex((radio) => radio.checked);
  return radios[(at + 1) % radios.length];
}

function choose(radio) {
  radio.checked = true;
  radio.dispatchEvent(new Event("change", { bubbles: true }));
}

export function attach(form) {
  form.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-cycle]");
    if (button) choose(nextChoice([...button.closest("tr").querySelectorAll('input[type="radio"]')]));
  });
  form.addEventListener("change", (event) => {
    const { name, value, checked } = event.target;
    if (name === "take" && value !== "mix") nextField(form, value)?.focus({ preventScroll: false });
    if (name?.startsWith("f-")) {
      const mix = form.querySelector('input[name="take"][value="mix"]');
      if (mix) mix.checked = true;
    }
    if (name === "example" && checked) form.querySelector('textarea[name="example_case"]')?.focus();
  });
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit(form.querySelector("footer .primary"));
  });
  form.addEventListener("submit", (event) => {
    if (document.querySelector("#held .notice") && !event.submitter?.name) event.preventDefault();
  });
}

if (typeof document !== "undefined") for (const form of document.querySelectorAll("form[data-decision]")) attach(form);
