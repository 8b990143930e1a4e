/* Says when an htmx request failed, instead of doing nothing. 409 and 422 are answers and are swapped (base.html). */
import { say } from "./toasts.js";

/** What to tell the person, by HTTP status; 0 is no answer at all. */
export function complaint(status) {
  if (status === 0) return "The server does not answer. What you typed is still here; try again in a moment.";
  if (status === 401 || status === 403) return "You may not do that, or you were signed out. Reload the page to see.";
  if (status === 404) return "That is no longer there.";
  if (status === 413) return "That is too large.";
  return "Something broke on our side. What you typed is still here.";
}

if (typeof document !== "undefined") {
  document.addEventListener("htmx:responseError", (event) => say(complaint(event.detail.xhr.status), { bad: true }));
  document.addEventListener("htmx:sendError", () => say(complaint(0), { bad: true }));
  document.addEventListener("htmx:timeout", () => say(complaint(0), { bad: true }));
}
