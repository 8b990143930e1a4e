/* Keeps a form safe while it is typed: a copy in this browser at once, a copy on the server within a second.

   const autosave = new Autosave({ key, saves, storage, send, onState, stamp });
   autosave.change(content)            after every change
   await autosave.flush({ rail: true })  saves at once; resolves with the answer, null if it cannot be had

   Saves are numbered; the server keeps only a higher number than it has, so that a late or repeated
   copy never overwrites a newer one. The browser's copy goes when the server has acknowledged it.
*/
const SOON = 700; // ms from the first unsaved change to its save
const FIRST_RETRY = 1000; // ms; doubled each time
const LAST_RETRY = 30_000;

/** How long to wait before the n-th retry, from 0. */
export function retryDelay(attempt) {
  return Math.min(LAST_RETRY, FIRST_RETRY * 2 ** attempt);
}

/** What is said beside the form. */
export function words(state, secondsAgo) {
  if (state === "saved") return secondsAgo < 2 ? "saved" : secondsAgo < 60 ? `saved ${secondsAgo} s ago` : `saved ${Math.floor(secondsAgo / 60)} min ago`;
  if (state === "restored") return "restored from this browser";
  if (state === "retrying") return "not saved: retrying";
  if (state === "stale") return "not saved: changed in another tab";
  if (state === "refused") return "not saved: the server refuses it";
  return state === "waiting" ? "saving…" : "";
}

export class Autosave {
  constructor({ key, saves, storage, send, stamp = {}, onState = () => {}, timers = globalThis, now = () => Date.now() }) {
    Object.assign(this, { key, storage, send, stamp, onState, timers, now });
    this.number = saves; // of the newest save that was sent
    this.content = null;
    this.dirty = false;
    this.stopped = false;
    this.attempt = 0;
    this.timer = null;
    this.flight = null;
    this.savedAt = null;
    this.state = "";
  }

  /** The copy that a crash left in this browser, if it is newer than the server's and of the same stage. */
  restorable() {
    let copy = null;
    try {
      copy = JSON.parse(this.storage?.getItem(this.key) ?? "null");
    } catch {
      return null;
    }
    const same = copy && JSON.stringify(copy.stamp) === JSON.stringify(this.stamp);
    return same && copy.saves > this.number ? copy.content : null;
  }

  change(content) {
    if (this.stopped) return;
    this.content = content;
    this.dirty = true;
    this.keep();
    this.say("waiting");
    if (this.timer === null && !this.flight) this.later(SOON);
  }

  /** Save now, after whatever is under way. */
  async flush(extra) {
    while (this.flight) await this.flight;
    return this.go(extra);
  }

  /** What a page that goes away still has to send, or null. */
  last() {
    if (!this.dirty || this.stopped || this.content === null) return null;
    return { content: this.content, saves: this.number + 1 };
  }

  /** Nothing more is saved: the form was committed. */
  stop() {
    this.stopped = true;
    this.timers.clearTimeout(this.timer);
    this.timer = null;
  }

  /** The commit is acknowledged; the browser's copy has done its work. */
  forget() {
    this.dirty = false;
    this.storage?.removeItem(this.key);
  }

  go(extra = {}) {
    this.timers.clearTimeout(this.timer);
    this.timer = null;
    this.flight = this.deliver(extra).finally(() => {
      this.flight = null;
      if (this.dirty && !this.stopped && this.timer === null && this.state !== "refused") this.later(this.attempt ? retryDelay(this.attempt - 1) : SOON);
    });
    return this.flight;
  }

  async deliver(extra) {
    const sent = this.content;
    const number = ++this.number;
    this.dirty = false;
    let answer = null;
    try {
      answer = await this.send({ content: sent, saves: number, ...extra });
    } catch {
      answer = null;
    }
    if (answer?.ok) {
      this.attempt = 0;
      this.savedAt = this.now();
      if (!this.dirty) {
        this.storage?.removeItem(this.key);
        this.say("saved");
      } else this.keep();
      return answer;
    }
    this.dirty = true;
    if (answer?.status === 409) {
      this.stop();
      this.say("stale");
    } else if (answer && answer.status < 500 && answer.status !== 429) this.say("refused");
    else {
      this.attempt += 1;
      this.say("retrying");
    }
    this.keep();
    return answer;
  }

  keep() {
    try {
      this.storage?.setItem(this.key, JSON.stringify({ stamp: this.stamp, saves: this.number + 1, content: this.content }));
    } catch {
      // full or forbidden storage: the server's copy has to do
    }
  }

  later(delay) {
    this.timer = this.timers.setTimeout(() => {
      this.timer = null;
      if (!this.flight && !this.stopped) this.go();
    }, delay);
  }

  say(state) {
    this.state = state;
    this.onState(state);
  }
}
