/* Light, dark, or as the system says; kept in a cookie so that the server draws the next page right at once.

   <html data-theme="system">
   <button data-theme-to="dark">Dark</button>      gets aria-pressed
*/
export const THEMES = ["system", "light", "dark"];

/** The theme itself, or "system" for anything unknown. */
export function known(theme) {
  return THEMES.includes(theme) ? theme : "system";
}

/** The cookie that remembers `theme` for a year. */
export function cookieFor(theme, secure) {
  return `theme=${known(theme)}; path=/; max-age=31536000; samesite=lax${secure ? "; secure" : ""}`;
}

export function attach(document, location) {
  const buttons = () => document.querySelectorAll("[data-theme-to]");
  const show = () => {
    const now = known(document.documentElement.dataset.theme);
    for (const button of buttons()) button.setAttribute("aria-pressed", String(button.dataset.themeTo === now));
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-theme-to]");
    if (!button) return;
    document.documentElement.dataset.theme = known(button.dataset.themeTo);
    document.cookie = cookieFor(button.dataset.themeTo, location.protocol === "https:");
    show();
  });
  show();
}

if (typeof document !== "undefined") attach(document, location);
