/* The review desk: keys and clicks become the form, the server answers with the rail that follows from it.

   <div data-desk> … <div id="rail"> [data-answer][data-value|data-step] [data-open] [data-next] [data-confidence]
                     [data-field] [data-facet] [data-jump] [data-unmark] </div>
                     [data-evidence] [data-rely]   [data-commit]   [data-mark]   [data-layer]   [data-saved] </div>
   <script id="desk-state" type="application/json">   stage, base, saves, content, urls: see views._state

   The form lives here (`form`) and is saved by autosave.js. While the rail is on its way, keys wait and are
   pressed again when it is there, so that fast fingers always answer the question they saw coming.
*/
import { step } from "../../auditor/corpus/reader.js";
import { isTyping } from "../../auditor/web/keys.js";
import { say } from "../../auditor/web/toasts.js";
import { Activity, BEAT } from "./activity.js";
import { Autosave, words } from "./autosave.js";
import { Marks } from "./marks.js";

/** The answers with one of them changed: a value set, or switched on or off in a multiple choice. */
export function answered(answers, key, value, several = false) {
  const next = { ...answers };
  if (!several) next[key] = value;
  else {
    const had = Array.isArray(next[key]) ? next[key] : [];
    next[key] = had.includes(value) ? had.filter((one) => one !== value) : [...had, value];
  }
  if (next[key] === "" || (several && !next[key].length)) delete next[key];
  return next;
}

/** The value after `now` in a ring. */
export function after(values, now) {
  return values[(values.indexOf(now) + 1) % values.length];
}

export function attach(document, window) {
  const desk = document.querySelector("[data-desk]");
  const state = JSON.parse(document.getElementById("desk-state").textContent);
  const csrf = JSON.parse(document.body.getAttribute("hx-headers") || "{}")["X-CSRFToken"];
  const form = state.content;
  const rail = () => document.getElementById("rail");
  const activity = new Activity({ seconds: state.active });
  const waiting = []; // keys pressed while the rail was on its way
  let busy = false;
  let commitDue = false; // asked for while the rail was on its way
  let railDue = false; // the form was kept, but what follows from it is not shown yet

  const post = (url, data, more = {}) =>
    window.fetch(url, {
      method: "POST",
      body: JSON.stringify({ stage: state.stage, base: state.base, active: activity.seconds, ...data }),
      headers: { "Content-Type": "application/json", "X-CSRFToken": csrf, "HX-Request": "true" },
      ...more,
    });

  const autosave = new Autosave({
    key: `auditor-draft:${state.person}:${state.item}`,
    stamp: { stage: state.stage, base: state.base },
    saves: state.saves,
    storage: window.localStorage,
    send: (data) => post(state.urls.draft, data),
    onState: (now) => {
      showSaved();
      if (now === "saved" && railDue && !busy) follow();
    },
  });

  const showSaved = () => {
    const place = desk.querySelector("[data-saved]");
    const text = words(autosave.state, Math.round((Date.now() - (autosave.savedAt ?? Date.now())) / 1000));
    if (place && place.textContent !== text) place.textContent = text || "\u00a0";
  };

  // ---- the form and its rail

  const changed = () => {
    if (state.editable) autosave.change(form);
  };

  /** Save and show what follows from the form. */
  const follow = async (open = "") => {
    if (!state.editable) return;
    busy = true;
    rail().setAttribute("aria-busy", "true");
    autosave.change(form);
    railDue = false;
    const answer = await autosave.flush({ rail: true, open });
    if (answer?.ok) replaceRail(await answer.text());
    else if (answer?.status === 409) offerReload((await answer.json()).problem);
    else if (answer?.status === 422) say((await answer.json()).problem, { bad: true });
    else {
      railDue = true;
      say("The server does not answer. What you did is kept here and sent again.", { bad: true });
    }
    rail().removeAttribute("aria-busy");
    busy = false;
    press();
  };

  const replaceRail = (html) => {
    const fresh = new window.DOMParser().parseFromString(html, "text/html").getElementById("rail");
    if (!fresh) return;
    const focused = document.activeElement?.id && rail().contains(document.activeElement) ? document.activeElement.id : "";
    for (const fold of rail().querySelectorAll("details[id]")) {
      const same = fresh.querySelector(`#${fold.id}`);
      if (same && fold.open) same.open = true;
    }
    rail().replaceWith(document.adoptNode(fresh));
    for (const field of rail().querySelectorAll("input[data-field]")) field.value = form[field.dataset.field] ?? "";
    if (focused) document.getElementById(focused)?.focus();
    rail().querySelector(".q.now")?.scrollIntoView({ block: "nearest" });
    desk.querySelector("[data-announce]").textContent = rail().dataset.say;
    marks.draw(form.spans);
  };

  const offerReload = (problem) => {
    say(problem, { bad: true });
    const notice = document.createElement("div");
    notice.className = "notice bad stale";
    const text = Object.assign(document.createElement("p"), { textContent: `${problem} This copy is no longer saved.` });
    const button = Object.assign(document.createElement("button"), { type: "button", className: "small", textContent: "Show the newer one" });
    button.dataset.reload = "";
    notice.append(text, button);
    desk.querySelector("[data-problem-place]").replaceChildren(notice);
  };

  const press = () => {
    while (waiting.length && !busy) {
      document.body.dispatchEvent(new window.KeyboardEvent("keydown", { key: waiting.shift(), bubbles: true, cancelable: true }));
    }
    if (!commitDue || busy) return;
    commitDue = false;
    commit();
  };

  window.addEventListener(
    "keydown",
    (event) => {
      activity.touch();
      if (!busy || !event.isTrusted || event.ctrlKey || event.metaKey || event.altKey || isTyping(document.activeElement)) return;
      if (event.key.length > 1 && !["Enter", "Backspace", "Delete"].includes(event.key)) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      if (!event.repeat) waiting.push(event.key);
    },
    { capture: true },
  );

  const marks = new Marks({
    document,
    add: (kind, anchor) => {
      form.spans = [...form.spans, { kind, ...anchor }];
      marks.draw(form.spans);
      follow();
    },
  });

  // ---- clicks, which are what keys press

  const clicks = {
    answer: (button) => {
      const several = button.dataset.kind === "multiple";
      const value = button.dataset.step === undefined ? button.dataset.value : Number(button.dataset.step);
      form.answers = answered(form.answers, button.dataset.answer, value, several);
      return follow(several ? button.dataset.answer : "");
    },
    open: (button) => follow(button.dataset.open),
    next: () => {
      const text = rail().querySelector("[data-answer-text]");
      if (text) form.answers = answered(form.answers, text.dataset.answerText, text.value.trim());
      return follow();
    },
    confidence: (button) => {
      const value = Number(button.dataset.confidence);
      form.confidence = form.confidence === value ? null : value;
      for (const one of rail().querySelectorAll("[data-confidence]")) {
        one.setAttribute("aria-pressed", String(Number(one.dataset.confidence) === form.confidence));
      }
      changed();
    },
    jump: (button) => marks.goTo(form.spans[Number(button.dataset.jump)]),
    unmark: (button) => {
      form.spans = form.spans.filter((_, index) => index !== Number(button.dataset.unmark));
      marks.draw(form.spans);
      return follow();
    },
    mark: (button) => state.editable && marks.start(button.dataset.mark || rail().dataset.nextKind),
    rely: (button) => {
      const id = Number(button.dataset.rely);
      form.relied_on = form.relied_on.includes(id) ? form.relied_on.filter((one) => one !== id) : [...form.relied_on, id];
      showRelied();
      return follow();
    },
    nextCard: () => goCard(1),
    relyNow: () => (desk.querySelector("[data-card].now") ?? goCard(1))?.querySelector("[data-rely]")?.click(),
    cycleHeat: () => {
      const layers = [...desk.querySelectorAll("[data-layer]")];
      after(layers, layers.find((layer) => layer.checked)).click();
    },
    commit: () => commit(),
    reload: () => {
      autosave.forget();
      window.location.reload();
    },
  };

  document.addEventListener("click", (event) => {
    activity.touch();
    const fold = event.target.closest?.("#rail summary")?.parentElement;
    if (fold) window.setTimeout(() => fold.open && fold.querySelector("select, input")?.focus());
    for (const [name, act] of Object.entries(clicks)) {
      const attribute = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
      const button = event.target.closest?.(`[data-${attribute}]`);
      if (!button || button.disabled) continue;
      if (busy && name === "commit") commitDue = true;
      if (busy && ["answer", "open", "next", "unmark", "rely", "commit"].includes(name)) return;
      act(button);
      return;
    }
  });

  document.addEventListener("input", (event) => {
    activity.touch();
    const { field } = event.target.dataset ?? {};
    if (!field || event.target.tagName === "SELECT" || !(field in form)) return;
    form[field] = event.target.value;
    changed();
  });

  document.addEventListener("change", (event) => {
    const { field, facet, facetText, layer } = event.target.dataset ?? {};
    if (layer !== undefined) heat(event.target.value);
    else if (facet) {
      const chosen = event.target.multiple ? [...event.target.selectedOptions].map((option) => option.value) : event.target.value;
      const isStep = event.target.selectedOptions?.[0]?.dataset.step !== undefined;
      form.answers = answered(form.answers, facet, isStep ? Number(chosen) : chosen);
      if (Array.isArray(chosen) && !chosen.length) delete form.answers[facet];
      follow();
    } else if (facetText) {
      form.answers = answered(form.answers, facetText, event.target.value.trim());
      follow();
    } else if (field && event.target.tagName === "SELECT") {
      form[field] = event.target.value;
      follow();
    }
  });

  // ---- the evidence

  const showRelied = () => {
    for (const button of desk.querySelectorAll("[data-rely]")) {
      const on = form.relied_on.includes(Number(button.dataset.rely));
      button.setAttribute("aria-pressed", String(on));
      button.querySelector("[data-words]").textContent = on ? "Relied on" : "Rely on this";
    }
  };

  const goCard = (by) => {
    const cards = [...desk.querySelectorAll("[data-card]")];
    if (!cards.length) return null;
    const now = cards.findIndex((card) => card.classList.contains("now"));
    const card = cards[now < 0 ? 0 : step(now, by, cards.length) === now ? 0 : now + by];
    cards.forEach((one) => one.classList.toggle("now", one === card));
    card.scrollIntoView({ block: "nearest" });
    return card;
  };

  const heat = async (key) => {
    const answer = await window.fetch(`${state.urls.transcript}?heat=${encodeURIComponent(key)}`, { headers: { "HX-Request": "true" } }).catch(() => null);
    if (!answer?.ok) return say("The heat could not be fetched.", { bad: true });
    const fresh = new window.DOMParser().parseFromString(await answer.text(), "text/html").getElementById("text");
    const pane = desk.querySelector(".pane-main");
    const top = pane.scrollTop;
    document.getElementById("text").replaceWith(document.adoptNode(fresh));
    pane.scrollTop = top;
    marks.draw(form.spans);
  };

  // ---- commit

  const commit = async () => {
    if (busy || !state.editable) return;
    busy = true;
    while (autosave.flight) await autosave.flight;
    let answer = null;
    try {
      answer = await post(state.urls.commit, { content: form });
    } catch {
      busy = false;
      commitDue = false; // a second press meant this one, and not whatever the form says later
      return say("Not committed: the server does not answer. Your work is kept; try again in a moment.", { bad: true });
    }
    const next = answer.headers.get("HX-Redirect");
    if (next) {
      autosave.stop();
      autosave.forget();
      return window.location.assign(next);
    }
    if (answer.status === 409 || answer.status === 422) {
      replaceRail(await answer.text());
      rail().scrollIntoView({ block: "start" });
      const pane = desk.querySelector(".pane-rail > details");
      if (pane) pane.open = true;
    } else say("Something broke on our side. Your work is kept; try again in a moment.", { bad: true });
    busy = false;
    commitDue = false;
    waiting.length = 0;
  };

  // ---- time, signs of life, and going away

  for (const name of ["pointerdown", "scroll", "wheel", "touchstart"]) {
    document.addEventListener(name, () => activity.touch(), { capture: true, passive: true });
  }
  window.setInterval(() => {
    activity.tick(document.visibilityState === "visible");
    showSaved();
  }, 1000);
  window.setInterval(async () => {
    if (!activity.isThere(document.visibilityState === "visible") || !state.editable) return;
    const answer = await post(state.urls.alive, {}).catch(() => null);
    if (answer?.status === 409) say((await answer.json()).problem, { bad: true });
  }, BEAT);
  window.addEventListener("pagehide", () => {
    const left = autosave.last();
    if (left) post(state.urls.draft, left, { keepalive: true }).catch(() => null);
  });

  const left = state.editable ? autosave.restorable() : null;
  if (left) {
    Object.assign(form, left);
    for (const field of desk.querySelectorAll("textarea[data-field], input[data-field]")) field.value = form[field.dataset.field] ?? "";
    autosave.number += 1;
    follow().then(() => say("What this browser had kept was put back."));
  }
  showRelied();
  marks.draw(form.spans);
  desk.dataset.ready = "";
}

if (typeof document !== "undefined" && document.querySelector?.("[data-desk]")) attach(document, window);
