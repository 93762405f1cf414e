// The page with a scripted keeper behind the real front: states, reconnecting, keyboard, words. Pictures are
// drawn in the browser; real ones are in live.test.mjs.
import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { launch } from "./chromium.mjs";
import { eventually } from "./hub.mjs";
import { ScriptedKeeper, TOKEN, camera } from "./support/keeper.mjs";
import { countedSockets, drawnPictures } from "./support/page.mjs";

const tile = (number) => `[data-camera-id="${String(number).padStart(2, "0").repeat(16)}"]`;

describe("the page", () => {
  let browser;
  let keeper;
  let context;
  before(async () => {
    browser = await launch();
    keeper = await ScriptedKeeper.start();
  });
  after(async () => {
    await browser?.close();
    await keeper?.stop();
  });
  afterEach(async () => {
    await context?.close();
    keeper.do("refuse", { status: 0 });
    keeper.do("push", { on: true });
    keeper.do("tokens", { tokens: null });
    keeper.do("head", { head: "" });
  });

  // clock: the page's own clock is in the test's hand (page.clock).
  async function open(fragment = `#token=${TOKEN}`, { clock = false, ...options } = {}) {
    context = await browser.newContext(options);
    const page = await context.newPage();
    page.faults = [];
    page.on("pageerror", (error) => page.faults.push(String(error)));
    page.on("console", (message) => message.type() === "error" && page.faults.push(message.text()));
    await page.addInitScript(drawnPictures);
    await page.addInitScript(countedSockets);
    if (clock) await page.clock.install();
    await page.goto(`${keeper.url}/${fragment}`);
    return page;
  }
  const state = (page, number) => page.getAttribute(tile(number), "data-state");
  const becomes = (page, number, wanted) =>
    eventually(`camera ${number} is ${wanted}`, async () => (await state(page, number).catch(() => null)) === wanted);
  const sockets = (page) => page.evaluate(() => window.sockets);
  // Whether a picture of it can be seen: an element with a stream that neither hides nor lies under a cover.
  const shown = (page, number) =>
    page.locator(tile(number)).evaluate((element) => {
      const video = element.querySelector("video");
      return video.srcObject !== null && !video.hidden && element.querySelector(".cover").hidden;
    });

  test("each camera is told with its state and reason in plain words", async () => {
    keeper.cameras(
      camera(1, "Nursery"),
      camera(2, "Garden", "unavailable", { reason: "camera_offline", age_ms: 183000 }),
      camera(3, "Gate", "suspended", { reason: "suspended", suspension: "It showed another camera" }),
      camera(4, "Garage", "connecting", { reason: "no_keyframe" }),
    );
    const page = await open();
    await becomes(page, 1, "live");
    assert.ok(await shown(page, 1));
    for (const [number, words] of [[2, /currently unavailable.*off or out of reach.*3 min ago/is],
      [3, /currently unavailable.*It showed another camera/is], [4, /connecting.*first whole picture/is]]) {
      assert.match(await page.locator(tile(number)).innerText(), words);
      assert.equal(await shown(page, number), false);
    }
    assert.match(await page.innerText(`${tile(1)} .age`), /^\d\.\d s old$/);
    assert.equal(await page.innerText("#summary"), "1 of 4 cameras live");
    await eventually("the screen reader is told", async () => /Garden: currently unavailable/.test(await page.innerText("#announce")));
    assert.deepEqual(page.faults, []);
  });

  // How old a picture may get is in verdict.test.mjs, to the millisecond.
  test("a picture that stands still is covered, and comes back when it moves", async () => {
    keeper.cameras(camera(1, "Nursery"));
    const page = await open();
    await becomes(page, 1, "live");
    await page.evaluate(() => (window.frozen = true));
    await eventually("it is covered", async () => !(await shown(page, 1)));
    await page.evaluate(() => (window.frozen = false));
    await becomes(page, 1, "live");
    assert.deepEqual(page.faults, []);
  });

  test("who else watches a camera stands at its tile, and goes when nobody does", async () => {
    const words = async (number) => (await page.locator(`${tile(number)} .watched`).innerText()).replace(/[\u2068\u2069]/g, "");
    keeper.cameras(
      camera(1, "Nursery", "live", { watched_by: ["Anna's phone"] }),
      camera(2, "Garden"),
      camera(3, "Gate", "live", { watched_by: ["אמא", "Ben", "Cleo"], watched_by_more: 2 }),
    );
    const page = await open();
    await becomes(page, 1, "live");
    assert.equal(await words(1), "Watched by Anna's phone");
    assert.equal(await page.isVisible(`${tile(2)} .watched`), false);
    assert.equal(await words(3), "Watched by אמא, Ben and 3 others");
    assert.match(await page.getAttribute(`${tile(1)} .open`, "aria-label"), /Show Nursery large, live, watched by .Anna's phone/);
    if (process.env.LATCHKEY_SHOTS) await page.screenshot({ path: `${process.env.LATCHKEY_SHOTS}/watched.png` });
    // Nothing lies over the button, and the words stay beside the one that leads back.
    await page.click(`${tile(1)} .open`, { position: { x: 30, y: 20 } });
    const box = (part) => page.locator(`${tile(1)} ${part}`).boundingBox();
    const [back, watched] = [await box(".back"), await box(".watched")];
    assert.ok(watched.x >= back.x + back.width, `${JSON.stringify({ back, watched })}`);
    if (process.env.LATCHKEY_SHOTS) await page.screenshot({ path: `${process.env.LATCHKEY_SHOTS}/watched-large.png` });
    await page.keyboard.press("Escape");
    keeper.cameras(camera(1, "Nursery"), camera(2, "Garden", "live", { watched_by: ["Anna's phone"] }));
    await eventually("the words are gone", async () => !(await page.isVisible(`${tile(1)} .watched`)));
    await eventually("and stand where she went", () => page.isVisible(`${tile(2)} .watched`));
    assert.deepEqual(page.faults, []);
  });

  test("the hub's word alone covers a picture, and uncovers it without a new session", async () => {
    keeper.cameras(camera(1, "Nursery"));
    const page = await open();
    await becomes(page, 1, "live");
    const views = keeper.count("view");
    keeper.cameras(camera(1, "Nursery", "unavailable", { reason: "no_media" }));
    await becomes(page, 1, "unavailable");
    assert.equal(await shown(page, 1), false);
    keeper.cameras(camera(1, "Nursery"));
    await becomes(page, 1, "live");
    assert.ok(await shown(page, 1));
    assert.equal(keeper.count("view"), views);
  });

  // A new session would show the group of pictures once more, older ones than were shown already.
  test("a camera that was silent for long comes back on the session that stands", async () => {
    keeper.cameras(camera(1, "Nursery"));
    const page = await open();
    await becomes(page, 1, "live");
    const views = keeper.count("view");
    await page.evaluate(() => (window.frozen = true));
    keeper.cameras(camera(1, "Nursery", "unavailable", { reason: "no_media" }));
    // It was shown last a moment before its last frame came.
    await eventually("its last picture is old", async () => /Last picture [3-9] s/.test(await page.innerText(`${tile(1)} .cover-age`)));
    const { heard } = await sockets(page);
    keeper.cameras(camera(1, "Nursery"));
    await eventually("the page has heard it", async () => (await sockets(page)).heard > heard);
    assert.equal(await shown(page, 1), false);
    await page.evaluate(() => (window.frozen = false));
    await becomes(page, 1, "live");
    assert.equal(keeper.count("view"), views);
  });

  test("a suspension ends the session and clears the element", async () => {
    keeper.cameras(camera(1, "Nursery"));
    const page = await open();
    await becomes(page, 1, "live");
    const deleted = keeper.until((event) => event.kind === "delete");
    keeper.cameras(camera(1, "Nursery", "suspended", { reason: "suspended" }));
    await deleted;
    await becomes(page, 1, "suspended");
    assert.equal(await page.locator(`${tile(1)} video`).evaluate((video) => video.srcObject), null);
  });

  test("while a camera comes back its words don't flicker", async () => {
    const away = (reason) => camera(1, "Nursery", "unavailable", { reason });
    keeper.cameras(away("camera_offline"));
    const page = await open(undefined, { clock: true });
    await becomes(page, 1, "unavailable");
    await eventually("the page's clock stands", async () => {
      const soon = await page.evaluate(() => Date.now() + 500);
      return page.clock.pauseAt(soon).then(() => true, () => false);
    });
    // Whatever the page paints from here on, kept in order.
    const painted = await page.locator(`${tile(1)} .cover-reason`).evaluateHandle((reason) => {
      const texts = [reason.textContent];
      new MutationObserver(() => texts.push(reason.textContent)).observe(reason, { childList: true, subtree: true, characterData: true });
      return texts;
    });
    const lists = async () => (await sockets(page)).heard;
    const tell = async (...cameras) => {
      const before = await lists();
      keeper.cameras(...cameras);
      await eventually("the page has heard it", async () => (await lists()) > before);
    };
    await tell(away("lane_restarting"));
    await tell(camera(1, "Nursery", "connecting", { reason: "no_keyframe" }));
    await tell(away("camera_offline"));
    await tell(away("lane_restarting"));
    await page.clock.runFor(1000);
    assert.deepEqual(await painted.jsonValue(), ["The camera is off or out of reach.", "The hub restarts this camera's service."]);
  });

  test("a camera that is no longer granted leaves the page", async () => {
    keeper.cameras(camera(1, "Nursery"), camera(2, "Garden"));
    const page = await open();
    await becomes(page, 2, "live");
    keeper.cameras(camera(1, "Nursery"));
    await eventually("it is gone", async () => (await page.locator(tile(2)).count()) === 0);
    assert.equal(await state(page, 1), "live");
  });

  test("a refused view is told with the hub's words, and tried again", async () => {
    keeper.do("refuse", { status: 503, title: "currently unavailable", detail: "The lane is not ready." });
    keeper.cameras(camera(1, "Nursery"));
    const page = await open();
    await becomes(page, 1, "unavailable");
    assert.match(await page.innerText(tile(1)), /The lane is not ready/);
    keeper.do("refuse", { status: 0 });
    await becomes(page, 1, "live");
  });

  // How long it waits between two attempts, at most, is in verdict.test.mjs.
  test("the page comes back by itself after the front did, however often it has tried in vain", async () => {
    keeper.cameras(camera(1, "Nursery"));
    const page = await open();
    await becomes(page, 1, "live");
    keeper.do("kill");
    await eventually("it says so", async () => /Reconnecting/.test(await page.innerText("#link-state")));
    const { opened } = await sockets(page);
    await eventually("it tries again and again", async () => (await sockets(page)).opened >= opened + 5);
    const subscribed = keeper.until((event) => event.kind === "subscribe");
    keeper.do("restart");
    await subscribed;
    await eventually("the note is gone", async () => !(await page.isVisible("#link-state")));
  });

  test("a hub with nothing to tell is asked, and not taken for lost", async () => {
    keeper.cameras(camera(1, "Nursery", "unavailable", { reason: "camera_offline" }));
    const page = await open();
    await becomes(page, 1, "unavailable");
    const before = await sockets(page);
    await eventually("it has asked thrice and got its answers", async () => {
      const { asked, heard } = await sockets(page);
      return asked >= before.asked + 3 && heard >= before.heard + 3;
    });
    assert.equal((await sockets(page)).opened, 1);
    assert.equal(await page.isVisible("#link-state"), false);
  });

  test("the token leaves the address bar, and a reload keeps the page open", async () => {
    keeper.cameras(camera(1, "Nursery"));
    const page = await open();
    await becomes(page, 1, "live");
    assert.equal(page.url(), `${keeper.url}/`);
    await page.reload();
    await becomes(page, 1, "live");
    assert.equal((await page.content()).includes("lk_5a"), false);
  });

  test("the newest head of the audit log is kept by the browser, and shown to the hub when the page comes back", async () => {
    const head = (number) => `${"ab".repeat(16)}.${number}.${"cd".repeat(32)}.1800000000000000000.${"ef".repeat(64)}`;
    keeper.cameras(camera(1, "Nursery"));
    const page = await open();
    await becomes(page, 1, "live");
    assert.equal(keeper.events.findLast((event) => event.kind === "subscribe").head, "");
    const kept = () => page.evaluate(() => localStorage.getItem("latchkey.head"));
    for (const number of [7, 8]) {
      keeper.do("head", { head: head(number) });
      await eventually("the newest is kept", async () => (await kept()) === head(number));
    }
    for (const text of ["no head", ""]) {
      const { heard } = await sockets(page);
      keeper.do("head", { head: text });
      await eventually("the page has heard it", async () => (await sockets(page)).heard > heard);
    }
    assert.equal(await kept(), head(8));
    const shown = keeper.until((event) => event.kind === "subscribe");
    await page.reload();
    assert.equal((await shown).head, head(8));
    await becomes(page, 1, "live");
    // What anybody else put there is no head.
    await page.evaluate(() => localStorage.setItem("latchkey.head", "<b>"));
    const nothing = keeper.until((event) => event.kind === "subscribe");
    await page.reload();
    assert.equal((await nothing).head, "");
    assert.deepEqual(page.faults, []);
  });

  test("without a token, with half of one, or with a wrong one the page says what to do", async () => {
    keeper.cameras(camera(1, "Nursery"));
    keeper.do("tokens", { tokens: ["5a".repeat(32)] });
    const page = await open("", { clock: true });
    await page.getByLabel("Viewer token").fill("lk_12");
    await page.getByRole("button", { name: "Show cameras" }).click();
    assert.match(await page.innerText("#token-error"), /whole token/);
    await page.getByLabel("Viewer token").fill(`lk_${"00".repeat(32)}`);
    await page.keyboard.press("Enter");
    await eventually("it is refused", async () => /doesn't know this token/.test(await page.innerText("#token-error")));
    const before = await sockets(page);
    await page.clock.runFor(60_000);
    assert.deepEqual(await sockets(page), before, "a wrong token was tried again");
    await page.getByLabel("Viewer token").fill(TOKEN);
    await page.keyboard.press("Enter");
    await becomes(page, 1, "live");
  });

  test("after too many wrong tokens the right one waits as long as the hub says, and the page says so", async () => {
    keeper.cameras(camera(1, "Nursery"));
    keeper.do("tokens", { tokens: ["5a".repeat(32)] });
    const page = await open("", { clock: true });
    const show = async (token) => {
      await page.getByLabel("Viewer token").fill(token);
      await page.keyboard.press("Enter");
    };
    for (let guess = 10; guess < 20; guess += 1) {
      await show(`lk_${String(guess).repeat(32)}`);
      await eventually("it is refused", async () => /doesn't know this token/.test(await page.innerText("#token-error")));
      await page.evaluate(() => { document.querySelector("#token-error").textContent = ""; });
    }
    await show(TOKEN);
    await eventually("it is told to wait", async () => /too many wrong tokens/i.test(await page.innerText("#link-state")));
    const before = await sockets(page);
    await page.clock.runFor(5_000);
    assert.deepEqual(await sockets(page), before, "it came back sooner than it was told to");
    // The next front knows of no guesses.
    const subscribed = keeper.until((event) => event.kind === "subscribe");
    keeper.do("kill");
    keeper.do("restart");
    await page.clock.runFor(10_000);
    await subscribed;
    await becomes(page, 1, "live");
  });

  test("a token without cameras gets a hint, and the camera appears by itself", async () => {
    keeper.cameras();
    const page = await open();
    await eventually("the hint", () => page.isVisible("#empty"));
    keeper.cameras(camera(1, "Nursery"));
    await becomes(page, 1, "live");
    assert.equal(await page.isVisible("#empty"), false);
  });

  test("keyboard and back gesture: large, the next camera, back, focus kept", async () => {
    keeper.cameras(camera(1, "Nursery"), camera(2, "Garden"), camera(3, "Gate"));
    const page = await open();
    await becomes(page, 3, "live");
    const focused = () => page.evaluate(() => document.activeElement.closest("[data-camera-id]")?.dataset.cameraId.slice(0, 2));
    const large = () => page.locator("[data-large][data-camera-id]").evaluateAll((all) => all.map((one) => one.dataset.cameraId.slice(0, 2)));
    await page.keyboard.press("Tab");
    assert.equal(await focused(), "01");
    await page.keyboard.press("ArrowRight");
    assert.equal(await focused(), "02");
    await page.keyboard.press("Enter");
    assert.deepEqual(await large(), ["02"]);
    // Those beneath it can't be reached: Tab only goes round within the large one and the browser's own.
    for (let i = 0; i < 4; ++i) {
      await page.keyboard.press("Tab");
      assert.ok(["02", undefined].includes(await focused()), `Tab went to ${await focused()}`);
    }
    await page.keyboard.press("ArrowRight");
    assert.deepEqual(await large(), ["03"]);
    await page.keyboard.press("Escape");
    await eventually("all again", async () => (await large()).length === 0);
    assert.equal(await focused(), "03");
    await page.locator(tile(1)).click();
    assert.deepEqual(await large(), ["01"]);
    await page.goBack();
    await eventually("all again", async () => (await large()).length === 0);
    assert.equal(await page.getByRole("button", { name: /Show Garden large, live/ }).count(), 1);
  });

  test("a closing page ends its sessions on the hub", async () => {
    keeper.cameras(camera(1, "Nursery"));
    const page = await open();
    await becomes(page, 1, "live");
    const deleted = keeper.until((event) => event.kind === "delete");
    await page.goto("about:blank");
    await deleted;
  });

  test("names are text, whatever is in them", async () => {
    keeper.cameras(camera(1, "<img src=x onerror=alert(1)>", "unavailable"), camera(2, "מצלמה", "unavailable"));
    const page = await open();
    await becomes(page, 1, "unavailable");
    assert.equal(await page.innerText(`${tile(1)} .name`), "<img src=x onerror=alert(1)>");
    assert.equal(await page.locator("main img").count(), 0);
    assert.equal(await page.getAttribute(`${tile(2)} .name`, "dir"), "auto");
    assert.deepEqual(page.faults, []);
  });

  for (const [name, width, height] of [["a phone", 320, 568], ["a phone on its side", 667, 320], ["a television", 1920, 1080]]) {
    test(`on ${name} nothing is wider than the screen`, async () => {
      keeper.cameras(...Array.from({ length: 9 }, (_, i) => camera(i + 1, `A camera with quite a long name ${i}`, i % 2 ? "live" : "unavailable")));
      const page = await open(undefined, { viewport: { width, height } });
      await becomes(page, 2, "live");
      const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(over <= 0, `${over} px too wide`);
      const narrow = await page.locator(tile(2)).evaluate((element) => element.getBoundingClientRect().width);
      assert.ok(narrow >= Math.min(240, width - 40), `a tile of ${narrow} px`);
    });
  }
});
