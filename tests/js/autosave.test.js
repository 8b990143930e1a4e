import assert from "node:assert/strict";
import { test } from "node:test";

import { Autosave, retryDelay, words } from "../../static/labeling/annotations/autosave.js";

function storage() {
  const kept = new Map();
  return { kept, getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value), removeItem: (key) => kept.delete(key) };
}

function clock() {
  const due = [];
  return {
    due,
    setTimeout: (act, delay) => due.push({ act, delay }),
    clearTimeout: (id) => id && (due[id - 1] = null),
    async run() {
      const jobs = due.splice(0).filter(Boolean);
      for (const { act } of jobs) act();
      await settle();
      return jobs.map(({ delay }) => delay);
    },
  };
}

async function settle() {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}

function made({ answers = [], saves = 0, store = storage() } = {}) {
  const sent = [];
  const timers = clock();
  const states = [];
  const autosave = new Autosave({
    key: "draft", saves, storage: store, timers, stamp: { stage: "blind", base: 0 }, onState: (state) => states.push(state),
    send: async (data) => {
      sent.push(JSON.parse(JSON.stringify(data)));
      const answer = answers.shift() ?? { ok: true, status: 200 };
      if (answer instanceof Error) throw answer;
      return answer;
    },
  });
  return { autosave, sent, timers, states, store };
}

test("a change is saved within a second and then forgotten here", async () => {
  const { autosave, sent, timers, states, store } = made();
  autosave.change({ rationale: "a" });
  autosave.change({ rationale: "ab" });
  assert.equal(JSON.parse(store.getItem("draft")).content.rationale, "ab");
  const [delay] = await timers.run();
  assert.ok(delay <= 1000);
  assert.deepEqual(sent, [{ content: { rationale: "ab" }, saves: 1 }]);
  assert.equal(states.at(-1), "saved");
  assert.equal(store.getItem("draft"), null);
});

test("a save that fails is tried again, later each time, with a higher number", async () => {
  const { autosave, sent, timers, states, store } = made({ answers: [new Error("offline"), { ok: false, status: 503 }] });
  autosave.change({ rationale: "a" });
  await timers.run();
  assert.equal(states.at(-1), "retrying");
  assert.ok(store.getItem("draft"));
  assert.deepEqual(await timers.run(), [1000]);
  assert.deepEqual(await timers.run(), [2000]);
  assert.deepEqual(sent.map((one) => one.saves), [1, 2, 3]);
  assert.equal(states.at(-1), "saved");
  assert.equal(retryDelay(20), 30_000);
});

test("what is typed while a save is under way is saved after it", async () => {
  let free;
  const { autosave, sent, timers } = made();
  const send = autosave.send;
  autosave.send = (data) => new Promise((done) => (free = () => done(send(data))));
  autosave.change({ rationale: "a" });
  await timers.run();
  autosave.change({ rationale: "ab" });
  const flushed = autosave.flush({ rail: true });
  free();
  await settle();
  free();
  await flushed;
  assert.deepEqual(sent.map((one) => [one.content.rationale, one.saves, one.rail ?? false]), [["a", 1, false], ["ab", 2, true]]);
});

test("a newer copy on the server ends the saving", async () => {
  const { autosave, sent, timers, states } = made({ answers: [{ ok: false, status: 409 }] });
  autosave.change({ rationale: "a" });
  await timers.run();
  autosave.change({ rationale: "ab" });
  await timers.run();
  assert.equal(sent.length, 1);
  assert.equal(states.at(-1), "stale");
});

test("a form that the server refuses is kept here and not sent again until it changes", async () => {
  const { autosave, sent, timers, store } = made({ answers: [{ ok: false, status: 422 }] });
  autosave.change({ rationale: "too long" });
  await timers.run();
  assert.deepEqual(await timers.run(), []);
  assert.ok(store.getItem("draft"));
  autosave.change({ rationale: "short" });
  await timers.run();
  assert.equal(sent.length, 2);
});

test("after a crash the browser's copy comes back if it is newer and of the same stage", async () => {
  const { autosave, store } = made({ saves: 4 });
  autosave.change({ rationale: "typed last" });
  assert.deepEqual(made({ saves: 4, store }).autosave.restorable(), { rationale: "typed last" });
  assert.equal(made({ saves: 5, store }).autosave.restorable(), null);
  const other = made({ saves: 4, store }).autosave;
  other.stamp = { stage: "final", base: 0 };
  assert.equal(other.restorable(), null);
  store.setItem("draft", "{broken");
  assert.equal(made({ store }).autosave.restorable(), null);
});

test("a page that goes away sends what is left once", async () => {
  const { autosave, timers } = made({ saves: 2 });
  assert.equal(autosave.last(), null);
  autosave.change({ rationale: "a" });
  assert.deepEqual(autosave.last(), { content: { rationale: "a" }, saves: 3 });
  await timers.run();
  assert.equal(autosave.last(), null);
});

test("after a commit nothing is saved any more", async () => {
  const { autosave, sent, timers, store } = made();
  autosave.change({ rationale: "a" });
  autosave.stop();
  autosave.forget();
  await timers.run();
  assert.equal(sent.length, 0);
  assert.equal(store.getItem("draft"), null);
});

test("storage that is full or forbidden stops nothing", async () => {
  const { autosave, sent, timers } = made();
  autosave.storage = { getItem: () => null, setItem: () => { throw new Error("full"); }, removeItem: () => {} };
  autosave.change({ rationale: "a" });
  await timers.run();
  assert.equal(sent.length, 1);
});

test("the state is said in words", () => {
  assert.equal(words("saved", 5), "saved 5 s ago");
  assert.equal(words("retrying", 5), "not saved: retrying");
  assert.equal(words("", 0), "");
});
