/**
 * Hides the choice of strata while a uniform draw is chosen. Without this script all of it shows.
 *
 *   <form data-design> … <input type="radio" name="design" value="uniform"> … <div data-strata>…</div></form>
 */
export function needsStrata(design) {
  return design !== "uniform" && design !== undefined;
}

if (typeof document !== "undefined") {
  for (const form of document.querySelectorAll("form[data-design]")) {
    const strata = form.querySelector("[data-strata]");
    const show = () => { strata.hidden = !needsStrata(new FormData(form).get("design") ?? undefined); };
    form.addEventListener("change", show);
    show();
  }
}
