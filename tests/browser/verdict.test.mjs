// The page's rules without a browser: what may be shown, how long to wait, how many columns.
import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const web = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../daemon/front/web");
const { ageText, columnsFor, judge, summaryText, watchedText } = await import(path.join(web, "verdict.js"));
const { STEADY_MS, SteadyVerdict } = await import(path.join(web, "steady.js"));
const { jittered } = await import(path.join(web, "backoff.js"));
const { isToken, takeToken } = await import(path.join(web, "token.js"));

const view = (state, more = {}) => ({ state, reason: "none", suspension: "", ...more });

test("verdict: a picture is shown only when the hub says so and a frame came within 2 s", () => {
  for (const state of ["live", "stale", "connecting", "unavailable", "suspended", "anything else"]) {
    for (const frameAgeMs of [null, 0, 900, 1500, 2000, 2001, 60000]) {
      const verdict = judge({ view: view(state), frameAgeMs });
      const may = (state === "live" || state === "stale") && frameAgeMs !== null && frameAgeMs <= 2000;
      assert.equal(verdict.show, may, `${state} ${frameAgeMs}`);
    }
  }
});

test("watched: two are named, the rest counted, and nobody is nothing", () => {
  const words = (...args) => watchedText(...args).replace(/[\u2068\u2069]/g, "");
  assert.equal(watchedText([]), "");
  assert.equal(watchedText(["Anna's phone"]), "Watched by \u2068Anna's phone\u2069");
  assert.equal(words(["Anna", "Ben"]), "Watched by Anna and Ben");
  assert.equal(words(["Anna", "Ben", "Cleo"]), "Watched by Anna, Ben and 1 other");
  assert.equal(words(["Anna"], 2), "Watched by Anna and 2 others");
  assert.equal(words(["Anna", "Ben", "Cleo"], 4), "Watched by Anna, Ben and 5 others");
});

test("verdict: the words follow the cause", () => {
  assert.equal(judge({ view: view("live"), frameAgeMs: 40 }).state, "live");
  assert.equal(judge({ view: view("live"), frameAgeMs: 1500 }).state, "stale");
  assert.equal(judge({ view: view("live"), frameAgeMs: null }).state, "connecting");
  assert.equal(judge({ view: view("live"), frameAgeMs: null, failure: { title: "t", detail: "d" } }).reason, "d");
  assert.match(judge({ view: view("live"), frameAgeMs: 2500 }).reason, /No new picture/);
  assert.match(judge({ view: view("unavailable", { reason: "camera_offline" }), frameAgeMs: 40 }).reason, /off or out of reach/);
  assert.equal(judge({ view: view("suspended", { suspension: "why" }), frameAgeMs: 40 }).reason, "why");
});

test("verdict: a lost hub hides nothing that is fresh, and everything else", () => {
  assert.equal(judge({ view: view("live"), frameAgeMs: 40, hubLost: true }).show, true);
  for (const frameAgeMs of [null, 2500]) {
    const verdict = judge({ view: view("live"), frameAgeMs, hubLost: true });
    assert.deepEqual([verdict.state, verdict.show], ["unavailable", false]);
  }
});

test("words over a cover stand until others have been there for a while; pictures and suspensions wait for nothing", () => {
  const covered = (state, reason) => ({ state, show: false, reason });
  const [off, restarts, waits] = [covered("unavailable", "off"), covered("unavailable", "restarts"), covered("connecting", "waits")];
  const live = { state: "live", show: true, reason: "" };
  const steady = new SteadyVerdict();
  assert.deepEqual(steady.take(off, 0), off);
  // Through other reasons and back: nothing changes, and the waiting begins anew.
  assert.deepEqual(steady.take(restarts, 10), off);
  assert.deepEqual(steady.take(waits, 10 + STEADY_MS - 1), off);
  assert.deepEqual(steady.take(off, 500), off);
  assert.deepEqual(steady.take(restarts, 510), off);
  // It is the old words that are over: the newest stand next, however often they changed.
  assert.deepEqual(steady.take(waits, 510 + STEADY_MS), waits);
  assert.deepEqual(steady.take(live, 811), live);
  assert.deepEqual(steady.take(off, 812), off);
  assert.deepEqual(steady.take(covered("suspended", "why"), 813), covered("suspended", "why"));
});

test("words for ages and for all cameras", () => {
  assert.deepEqual([null, 40, 1900, 3000, 183000, 7200000, 4e8].map(ageText),
    ["", "0.0 s old", "1.9 s old", "3 s ago", "3 min ago", "2 h ago", "5 days ago"]);
  assert.equal(summaryText(["live", "stale"]), "2 cameras, all live");
  assert.equal(summaryText(["live", "unavailable", "suspended"]), "1 of 3 cameras live");
  assert.equal(summaryText(["connecting"]), "1 camera, currently unavailable");
});

test("back-off grows, stays under its bound, and differs between tabs", () => {
  const most = (attempt) => jittered(attempt, { first: 100, most: 900 }, () => 1);
  assert.deepEqual([0, 1, 2, 3, 4, 99].map(most), [100, 200, 400, 800, 900, 900]);
  assert.equal(jittered(2, { first: 100, most: 900 }, () => 0), 200);
});

test("columns: as large as fits; on a phone one column that scrolls", () => {
  assert.equal(columnsFor(1, 1400, 800).columns, 1);
  assert.equal(columnsFor(2, 1400, 800).columns, 2);
  assert.equal(columnsFor(4, 1400, 800).columns, 2);
  assert.equal(columnsFor(6, 1400, 800).columns, 3);
  assert.deepEqual(columnsFor(6, 374, 790), { columns: 1, tileWidth: 374 });
  assert.ok(columnsFor(64, 1400, 800).tileWidth >= 240);
  assert.equal(columnsFor(0, 1400, 800).columns, 1);
});

test("token: taken from the fragment once, then from this tab", () => {
  const kept = new Map();
  const storage = { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value) };
  const urls = [];
  const history = { state: null, replaceState: (_state, _title, url) => urls.push(url) };
  const token = `lk_${"0a".repeat(32)}`;
  assert.equal(takeToken({ hash: `#token=${token}`, pathname: "/" }, history, storage), token);
  assert.deepEqual(urls, ["/"]);
  assert.equal(takeToken({ hash: "", pathname: "/" }, history, storage), token);
  assert.ok(isToken(token));
  for (const text of ["", "lk_", token.toUpperCase(), `${token}0`, ` ${token}`]) assert.equal(isToken(text), false);
  const forbidden = { getItem: () => { throw new Error("no"); }, setItem: () => { throw new Error("no"); } };
  assert.equal(takeToken({ hash: "", pathname: "/" }, history, forbidden), "");
});
