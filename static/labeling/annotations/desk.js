/* The review desk: keys and clicks become the form, the server answers with the rail that follows from it.

   <div data-desk> … <div id="rail"> [data-answer][data-value|data-step] [data-open] [data-next] [data-confidence]
                     [data-field] [data-facet] [data-jump] [data-unmark] [data-unit] [data-place-here] </div>
                     [data-evidence] [data-rely][data-place]   [data-commit]   [data-mark]   [data-saved] </div>
   <script id="desk-state" type="application/json">   stage, base, saves, content, urls: see views._state

   The form lives here (`form`, see form.js) and is saved by autosave.js. While the rail is on its way, keys wait and
   are pressed again when it is there, so that fast fingers always answer the question they saw coming. The next
   item is fetched ahead and takes this one's place (passage.js); `attach` is undone then and done again. The answer to
   a commit brings what would be asked for next: { url, page of it where none is kept, ahead: the page after it }.
*/
import { isTyping } from "../../auditor/web/keys.js";
import { say } from "../../auditor/web/toasts.js";
import { Activity, BEAT } from "./activity.js";
import { Autosave, words } from "./autosave.js";
import { after, answered, emptyUnit, isEmpty, nextPlace, pointed, spansOf, without } from "./form.js";
import { Marks } from "./marks.js";
import { Passage } from "./passage.js";
import { Pieces } from "./pieces.js";

const AHEAD = 600; // ms after which the next item is fetched
const FOCUS = "auditor-desk-focus";
const WRITES = ["answer", "open", "next", "unmark", "rely", "commit", "unit", "addUnit", "removeUnit", "placeHere"]; // clicks that wait for nothing under way

export function attach(document, window, kept = null) {
  const desk = document.querySelector("[data-desk]");
  const state = JSON.parse(document.getElementById("desk-state").textContent);
  const csrf = JSON.parse(document.body.getAttribute("hx-headers") || "{}")["X-CSRFToken"];
  const form = state.content;
  const over = new AbortController(); // ends every listener of this item
  const { signal } = over;
  const timers = [];
  let at = Math.min(state.unit ?? 0, form.units.length - 1); // index of the unit at hand
  const unit = () => form.units[at];
  const rail = () => document.getElementById("rail");
  const activity = new Activity({ seconds: state.active });
  const waiting = []; // keys pressed while the rail was on its way
  let busy = false;
  let commitDue = false; // asked for while the rail was on its way
  let railDue = false; // the form was kept, but what follows from it is not shown yet

  const post = (url, data, { headers = {}, ...more } = {}) =>
    window.fetch(url, {
      method: "POST",
      body: JSON.stringify({ stage: state.stage, base: state.base, active: activity.seconds, ...data }),
      headers: { "Content-Type": "application/json", "X-CSRFToken": csrf, "HX-Request": "true", ...headers },
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
    const answer = await autosave.flush({ rail: true, open, unit: at });
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
    for (const field of rail().querySelectorAll("input[data-field]")) field.value = valueOf(field.dataset.field);
    if (focused) document.getElementById(focused)?.focus();
    rail().querySelector(".q.now")?.scrollIntoView({ block: "nearest" });
    desk.querySelector("[data-announce]").textContent = rail().dataset.say;
    draw();
  };

  const draw = () => {
    marks.draw(spansOf(form), at);
    for (const element of desk.querySelectorAll(".is-unit")) element.classList.remove("is-unit");
    const place = unit().place;
    if (!place || place.start != null) return;
    const message = desk.querySelector(`.msg[data-position="${Number(place.position)}"]`);
    const block = place.part && message?.querySelector(`.part[data-part="${window.CSS.escape(place.part)}"]`)?.closest(".block");
    (block || message)?.classList.add("is-unit");
  };

  /** A field of the form or, for what each unit has of its own, of the unit at hand. */
  const ofUnit = (name) => ["label", "grade", "lowered_reason"].includes(name);
  const valueOf = (name) => (ofUnit(name) ? unit() : form)[name] ?? "";
  const write = (name, value) => ((ofUnit(name) ? unit() : form)[name] = value);

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
    { capture: true, signal },
  );

  const marks = new Marks({
    document,
    signal,
    add: (kind, anchor) => {
      unit().spans = [...unit().spans, { kind, ...anchor }];
      draw();
      follow();
    },
  });

  // ---- clicks, which are what keys press

  const clicks = {
    answer: (button) => {
      const several = button.dataset.kind === "multiple";
      const value = button.dataset.step === undefined ? button.dataset.value : Number(button.dataset.step);
      unit().answers = answered(unit().answers, button.dataset.answer, value, several);
      return follow(several ? button.dataset.answer : "");
    },
    open: (button) => follow(button.dataset.open),
    next: () => {
      const text = rail().querySelector("[data-answer-text]");
      if (text) unit().answers = answered(unit().answers, text.dataset.answerText, text.value.trim());
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
    jump: (button) => marks.goTo(unit().spans[Number(button.dataset.jump)]),
    unmark: (button) => {
      unit().spans = unit().spans.filter((_, index) => index !== Number(button.dataset.unmark));
      draw();
      return follow();
    },
    mark: (button) => state.editable && marks.start(button.dataset.mark || rail().dataset.nextKind),
    unit: (button) => goUnit(Number(button.dataset.unit)),
    addUnit: () => {
      const free = form.units.findIndex(isEmpty);
      if (free < 0) form.units.push(emptyUnit());
      return goUnit(free < 0 ? form.units.length - 1 : free);
    },
    removeUnit: () => {
      [form.units, at] = without(form.units, at);
      return goUnit(at);
    },
    placeHere: () => {
      const message = desk.querySelector(".msg[aria-current]") ?? desk.querySelector(".msg[data-position]");
      if (!message) return null;
      const calls = [...message.querySelectorAll(".block.tool_call .part[data-part]")].map((part) => part.dataset.part);
      unit().place = nextPlace(unit().place, Number(message.dataset.position), calls);
      draw();
      return follow();
    },
    rely: (button) => {
      form.relied_on = pointed(form.relied_on, pieces.of(button));
      pieces.show();
      return follow();
    },
    zen: () => {
      focus(!desk.hasAttribute("data-focus"));
      window.localStorage?.setItem(FOCUS, desk.hasAttribute("data-focus") ? "1" : "0");
    },
    nextCard: () => pieces.next(),
    relyNow: () => (pieces.now ?? pieces.next())?.click(),
    cycleHeat: () => {
      const layers = [...desk.querySelectorAll('[data-layer="heat"]')];
      after(layers, layers.find((layer) => layer.hasAttribute("aria-current"))).click();
    },
    commit: () => commit(),
    reload: () => {
      autosave.forget();
      window.location.reload();
    },
  };

  document.addEventListener("click", (event) => {
    activity.touch();
    const fold = event.target.closest?.("#rail summary, #flag > summary")?.parentElement;
    if (fold) window.setTimeout(() => fold.open && fold.querySelector("select, input")?.focus());
    for (const [name, act] of Object.entries(clicks)) {
      const attribute = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
      const button = event.target.closest?.(`[data-${attribute}]`);
      if (!button || button.disabled) continue;
      if (busy && name === "commit") commitDue = true;
      if (busy && WRITES.includes(name)) return;
      act(button);
      return;
    }
  }, { signal });

  document.addEventListener("input", (event) => {
    activity.touch();
    const { field } = event.target.dataset ?? {};
    if (!field || event.target.tagName === "SELECT") return;
    write(field, event.target.value);
    changed();
  }, { signal });

  document.addEventListener("change", (event) => {
    const { field, facet, facetText } = event.target.dataset ?? {};
    if (facet) {
      const chosen = event.target.multiple ? [...event.target.selectedOptions].map((option) => option.value) : event.target.value;
      const isStep = event.target.selectedOptions?.[0]?.dataset.step !== undefined;
      unit().answers = answered(unit().answers, facet, isStep ? Number(chosen) : chosen);
      if (Array.isArray(chosen) && !chosen.length) delete unit().answers[facet];
      follow();
    } else if (facetText) {
      unit().answers = answered(unit().answers, facetText, event.target.value.trim());
      follow();
    } else if (field && event.target.tagName === "SELECT") {
      write(field, event.target.value);
      follow();
    }
  }, { signal });

  // ---- the evidence

  const pieces = new Pieces({ desk, form, goTo: (place) => marks.goTo(place) });

  /** Only the text and the question: the outline is folded, so that its keys go on working, and out of sight. */
  const focus = (on) => {
    desk.toggleAttribute("data-focus", on);
    const side = desk.querySelector(".pane-side > details");
    if (side && !window.matchMedia("(max-width: 899.9px)").matches) side.open = !on;
  };

  const goUnit = (index) => {
    at = Math.min(Math.max(index, 0), form.units.length - 1);
    draw();
    return follow();
  };

  // ---- commit

  const commit = async () => {
    if (busy || !state.editable) return;
    busy = true;
    while (autosave.flight) await autosave.flight;
    let answer = null;
    try {
      answer = await post(state.urls.commit, { content: form, kept: passage.item }, { headers: { "Desk-Part": "here" } });
    } catch {
      busy = false;
      commitDue = false; // a second press meant this one, and not whatever the form says later
      return say("Not committed: the server does not answer. Your work is kept; try again in a moment.", { bad: true });
    }
    const next = await whereTo(answer);
    if (next) {
      autosave.stop();
      autosave.forget();
      return leave(next);
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

  /** Where a commit leads, with what it brought; null for one that was refused. What was cut off is asked for anew. */
  const whereTo = async (answer) => {
    if (answer.status === 200) return answer.json().catch(() => ({ url: window.location.pathname }));
    const url = answer.headers.get("HX-Redirect");
    return url && { url };
  };

  /** On to what follows the commit: in place where it is a desk, else as any page. */
  const leave = async ({ url, page, ahead }) => {
    const coming = passage.after(url, ahead);
    if (await passage.go(url, page)) {
      detach();
      document.dispatchEvent(new window.CustomEvent("windows-changed"));
      attach(document, window, coming);
    } else window.location.assign(url);
  };

  const passage = new Passage({ document, window, csrf, kept, ahead: state.urls.ahead });

  // ---- time, signs of life, and going away

  for (const name of ["pointerdown", "scroll", "wheel", "touchstart"]) {
    document.addEventListener(name, () => activity.touch(), { capture: true, passive: true, signal });
  }
  timers.push(window.setInterval(() => {
    activity.tick(document.visibilityState === "visible");
    showSaved();
  }, 1000));
  timers.push(window.setInterval(async () => {
    if (!activity.isThere(document.visibilityState === "visible") || !state.editable) return;
    const answer = await post(state.urls.alive, {}).catch(() => null);
    if (answer?.status === 409) say((await answer.json()).problem, { bad: true });
  }, BEAT));
  window.addEventListener("pagehide", () => {
    const left = autosave.last();
    if (left) post(state.urls.draft, left, { keepalive: true }).catch(() => null);
  }, { signal });
  document.addEventListener("heat-cursor", () => pieces.show(), { signal }); // the token to point at is another
  window.addEventListener("popstate", () => window.location.reload(), { signal });

  const left = state.editable ? autosave.restorable() : null;
  if (left) {
    Object.assign(form, left);
    for (const field of desk.querySelectorAll("textarea[data-field], input[data-field]")) field.value = valueOf(field.dataset.field);
    at = Math.min(at, form.units.length - 1);
    autosave.number += 1;
    follow().then(() => say("What this browser had kept was put back."));
  }
  const detach = () => {
    over.abort();
    timers.forEach((timer) => window.clearInterval(timer));
  };
  if (state.urls.ahead) timers.push(window.setTimeout(() => passage.lookAhead(), AHEAD));
  focus(window.localStorage?.getItem(FOCUS) === "1");
  pieces.show();
  draw();
  desk.dataset.ready = "";
}

if (typeof document !== "undefined" && document.querySelector?.("[data-desk]")) attach(document, window);
