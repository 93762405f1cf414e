// A browser is the camera (fake device, WHIP), another browser watches the page: the picture moves and is that camera's.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { foreignPage, launch, launchCamera, look, publish, writeFilm } from './chromium.mjs';
import { Hub, eventually } from './hub.mjs';

const tile = (camera) => `[data-camera-id="${camera.id}"]`;
const state = (page, camera) => page.getAttribute(tile(camera), 'data-state');
const stateIs = (page, camera, wanted, hub) =>
  eventually(`the page says ${wanted}`, async () => (await state(page, camera)) === wanted, undefined,
    async () => `but: ${await page.textContent(tile(camera))}\n${await hub.story()}`);

// Red film: V high. Blue film: U high.
const RED = { u: 90, v: 220 };
const BLUE = { u: 220, v: 90 };
const isRed = (seen) => seen.red > seen.blue + 40;
const isBlue = (seen) => seen.blue > seen.red + 40;

// Looks until `count` different bar positions were seen; every look must be `right`.
async function moves(page, camera, right, count = 5) {
  const bars = new Set();
  await eventually('the picture moves', async () => {
    const seen = await look(page, `${tile(camera)} video`);
    if (!seen) return false;
    assert.ok(right(seen), `not this camera's picture: ${JSON.stringify(seen)}`);
    bars.add(seen.bar);
    return bars.size >= count;
  });
}

describe('live view', () => {
  let hub;
  let viewerBrowser;
  let elsewhere;
  before(async () => {
    hub = await Hub.start();
    elsewhere = await foreignPage();
    viewerBrowser = await launch();
  });
  after(async () => {
    await viewerBrowser?.close();
    elsewhere?.close();
    await hub?.stop();
  });

  async function watch(viewer) {
    const context = await viewerBrowser.newContext();
    const page = await context.newPage();
    const errors = [];
    page.on('pageerror', (error) => errors.push(String(error)));
    page.on('request', (request) => assert.ok(request.url().startsWith(hub.url) || request.url().startsWith('blob:'), request.url()));
    await page.goto(hub.page(viewer));
    return { page, context, errors };
  }

  for (const codec of ['h264', 'vp8']) {
    test(`two browser cameras, ${codec}: each viewer sees its own camera move, and no other`, async () => {
      const [red, blue] = [await hub.addCamera(`Red ${codec}`), await hub.addCamera(`Blue ${codec}`)];
      const [anna, ben] = [await hub.addViewer(`Anna ${codec}`, red), await hub.addViewer(`Ben ${codec}`, blue)];
      const cameras = [];
      for (const [camera, colours] of [[red, RED], [blue, BLUE]]) {
        const film = join(hub.folder, `${camera.id}.y4m`);
        writeFilm(film, colours);
        const browser = await launchCamera(film);
        cameras.push(browser);
        const page = await browser.newPage();
        await page.goto(elsewhere.url);
        await publish(page, `${hub.url}/whip/${camera.id}`, camera.token, codec);
      }
      const [one, two] = [await watch(anna), await watch(ben)];
      await stateIs(one.page, red, 'live', hub);
      await stateIs(two.page, blue, 'live', hub);
      await moves(one.page, red, isRed);
      await moves(two.page, blue, isBlue);
      assert.equal(await one.page.locator(tile(blue)).count(), 0, 'a camera without a grant is on the page');
      assert.equal(await two.page.locator(tile(red)).count(), 0, 'a camera without a grant is on the page');
      assert.ok(!(await one.page.evaluate(() => location.href)).includes('lk_'), 'the token stays in the address bar');

      // The camera's browser goes: never an older picture.
      await cameras[0].close();
      await stateIs(one.page, red, 'unavailable', hub);
      assert.equal(await one.page.locator(`${tile(red)} video`).evaluateAll((all) =>
        all.filter((v) => v.srcObject && v.checkVisibility()).length), 0, 'an old picture is still shown');
      assert.match(await one.page.locator(tile(red)).innerText(), /currently unavailable/i);
      await moves(two.page, blue, isBlue);
      await cameras[1].close();
      assert.deepEqual([...one.errors, ...two.errors], []);
      await one.context.close();
      await two.context.close();
    });
  }

  test('a browser camera is told that it may use its full bitrate', async () => {
    const camera = await hub.addCamera('Full rate');
    const film = join(hub.folder, 'rate.y4m');
    writeFilm(film, RED);
    const browser = await launchCamera(film);
    const page = await browser.newPage();
    await page.goto(elsewhere.url);
    await publish(page, `${hub.url}/whip/${camera.id}`, camera.token, 'h264');
    // Without feedback that it obeys, Chromium stays at 300 kbit/s.
    await eventually('more than 3 Mbit/s may be sent', () => page.evaluate(async () => {
      for (const entry of (await globalThis.peer.getStats()).values()) {
        if (entry.type === 'candidate-pair' && entry.availableOutgoingBitrate > 3e6) return true;
      }
      return false;
    }));
    await browser.close();
  });

  test('the page comes back by itself after its lane, its front and its camera went', async () => {
    const camera = await hub.addCamera('Door');
    const anna = await hub.addViewer('Anna at the door', camera);
    const before = new Set(hub.children('latchkey-lane'));
    assert.ok(before.size >= 1);
    let cam = hub.cam(camera, '--mark', 'door');
    await hub.live(camera);
    const { page, context } = await watch(anna);
    await stateIs(page, camera, 'live', hub);
    const any = () => true;
    await moves(page, camera, any, 2);

    process.kill(hub.children('latchkey-front')[0], 'SIGKILL');
    await eventually('a new front serves', () => fetch(`${hub.url}/healthz`).then((r) => r.ok, () => false));
    await stateIs(page, camera, 'live', hub);
    for (const pid of hub.children('latchkey-lane')) process.kill(pid, 'SIGKILL');
    await eventually('the page notices', async () => (await state(page, camera)) !== 'live');
    await stateIs(page, camera, 'live', hub);
    await moves(page, camera, any, 2);

    cam.kill('SIGKILL');
    await stateIs(page, camera, 'unavailable', hub);
    cam = hub.cam(camera, '--mark', 'door');
    await stateIs(page, camera, 'live', hub);
    await moves(page, camera, any, 2);
    await context.close();
  });

  test('keyboard: one camera large and back, focus kept', async () => {
    const [first, second] = [await hub.addCamera('First'), await hub.addCamera('Second')];
    const anna = await hub.addViewer('Anna at the keyboard', first, second);
    hub.cam(first, '--mark', 'first');
    const { page, context } = await watch(anna);
    await stateIs(page, first, 'live', hub);
    await stateIs(page, second, 'unavailable', hub);
    await eventually('a tile takes the focus', async () => {
      await page.keyboard.press('Tab');
      return page.evaluate(() => Boolean(document.activeElement.closest('[data-camera-id]')));
    });
    const focused = () => page.evaluate(() => document.activeElement.closest('[data-camera-id]')?.dataset.cameraId);
    const start = await focused();
    const small = await page.locator(`[data-camera-id="${start}"]`).boundingBox();
    await page.keyboard.press('Enter');
    await eventually('it is large', async () => {
      const box = await page.locator(`[data-camera-id="${start}"]`).boundingBox();
      return box && box.width > small.width * 1.3;
    });
    await page.keyboard.press('Escape');
    await eventually('it is small again', async () => {
      const box = await page.locator(`[data-camera-id="${start}"]`).boundingBox();
      return box && Math.abs(box.width - small.width) < 5;
    });
    assert.equal(await focused(), start);
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowLeft');
    assert.equal(await focused(), start);
    await context.close();
  });

  test('a wrong token is told what to do, and a right one without cameras too', async () => {
    const nobody = await hub.addViewer('Nobody');
    const wrong = await watch({ token: `lk_${'0'.repeat(64)}` });
    await eventually('words about the token', async () => /token|key/i.test(await wrong.page.innerText('body')));
    assert.equal(await wrong.page.locator('[data-camera-id]').count(), 0);
    const empty = await watch(nobody);
    await eventually('words about no cameras', async () => /no cameras|grant/i.test(await empty.page.innerText('body')));
    await wrong.context.close();
    await empty.context.close();
  });
});
