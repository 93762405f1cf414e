// What people see on a bad network, in Debian's Chromium and Firefox: pictures that are whole, of this camera, and
// never older than the one before; the present at once, out of the middle of a long group; "unavailable" while the
// camera is held up, and the present again afterwards.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, afterEach, before, describe, test } from 'node:test';
import { Hub, eventually } from './hub.mjs';
import { chromiumPlayer, firefoxPlayer, inNetwork } from './players.mjs';
import { readMarks } from './support/marks.mjs';

// The mark's clock is the machine's monotonic one (48 bits of microseconds).
const monotonicMs = () => Number((process.hrtime.bigint() / 1000n) % (1n << 48n)) / 1000;
const textOf = (mark) => createHash('sha256').update(mark).digest('hex').slice(0, 16);
// Behind by no more than a person would notice on the other side of a door.
const LIVE_WITHIN_MS = 1000;

const looks = (page) => page.evaluate(() => window.looks);
const ageMs = async (page) => {
  const newest = await page.evaluate(() => window.looks.at(-1)?.mark?.sentMs ?? null);
  return newest === null ? Infinity : monotonicMs() - newest;
};
const count = (page) => page.evaluate(() => window.looks.length);
const tileState = (page, camera) =>
  page.evaluate((id) => document.querySelector(`[data-camera-id="${id}"]`)?.dataset.state, camera.id);
const live = (page, hub) =>
  eventually('the picture is of the present', async () => (await ageMs(page)) < LIVE_WITHIN_MS, undefined,
    async () => `but ${await ageMs(page)} ms old\n${await hub.story()}`);

function assertWholeAndForward(seen, text) {
  let newest = -1;
  for (const [i, { mark }] of seen.entries()) {
    assert.ok(mark, `picture ${i} of ${seen.length} is torn`);
    assert.equal(mark.text, text, 'a picture of another camera');
    assert.ok(mark.frame >= newest, `picture ${mark.frame} came after ${newest}`);
    newest = mark.frame;
  }
}

describe('players on a bad network', { skip: !inNetwork() && 'needs a network namespace' }, () => {
  let hub;
  before(async () => {
    hub = await Hub.start({ lan: true });
  });
  after(() => hub?.stop());

  for (const start of [chromiumPlayer, firefoxPlayer]) {
    describe(start.name, () => {
      let player;
      before(async () => {
        player = await start();
      });
      after(() => player?.close());

      // Also of a test that failed midway.
      const begun = [];
      afterEach(async () => {
        for (const end of begun.splice(0)) await end();
      });
      async function open(viewer) {
        const page = await player.open(hub.page(viewer), readMarks);
        begun.push(() => page.close());
        return page;
      }
      async function film(name, ...how) {
        const camera = await hub.addCamera(`${name} in ${player.name}`);
        const viewer = await hub.addViewer(`${name} in ${player.name}`, camera);
        const cam = hub.cam(camera, '--codec', 'vp8', '--size', '640x360', '--bitrate-kbit', 1200, '--mark', name, ...how);
        begun.push(() => cam.kill('SIGKILL'));
        await hub.live(camera);
        return { camera, viewer, cam, text: textOf(name) };
      }

      test('starts at once in the middle of a long group, without a jump back, and is live', async () => {
        const { camera, viewer, text } = await film('start', '--gop', 3600);
        const first = await open(viewer);
        await eventually('the group has grown', async () => (await count(first)) > 75, undefined, () => hub.story());
        const asked = await hub.keyframesAsked(camera);
        assertWholeAndForward(await looks(first), text);
        const joinedAt = (await looks(first)).at(-1).mark.frame;
        const page = await open(viewer);
        // Within the time of a keyframe that nobody asked for, and long before the group's own end.
        await eventually('a picture', async () => (await count(page)) > 0, 10_000, () => hub.story());
        await live(page, hub);
        const before = await count(page);
        await eventually('it goes on', async () => (await count(page)) > before + 50);
        assertWholeAndForward(await looks(page), text);
        // What it began with was the group that was there, at least a second of it.
        const [decoded, newest] = await page.evaluate(async () => [await window.framesDecoded(), window.looks.at(-1).mark?.frame]);
        const since = newest - joinedAt;
        assert.ok(decoded >= since + 25, `${decoded} pictures were decoded, of which ${since} are newer than the page`);
        assert.equal(await hub.keyframesAsked(camera), asked, 'a viewer who joined needed a keyframe');
      });

      test('5 % loss and 30 ms jitter: every picture is whole and newer than the one before', async () => {
        const { viewer, text } = await film('rain', '--loss', 5, '--jitter-ms', 30, '--seed', 11);
        const page = await open(viewer);
        await eventually('pictures', async () => (await count(page)) > 200, undefined, () => hub.story());
        await live(page, hub);
        assertWholeAndForward(await looks(page), text);
      });

      test('a camera that is held up: unavailable, then the present again', async () => {
        const { camera, viewer, cam, text } = await film('hold', '--gop', 2);
        const page = await open(viewer);
        await live(page, hub);
        cam.kill('SIGSTOP');
        await eventually('the page says so', async () => (await tileState(page, camera)) === 'unavailable');
        const shown = await page.evaluate(() => [...document.querySelectorAll('video')].some((v) => v.srcObject && v.checkVisibility()));
        assert.equal(shown, false, 'an old picture is still shown');
        cam.kill('SIGCONT');
        await eventually('the page says live', async () => (await tileState(page, camera)) === 'live', undefined, () => hub.story());
        await live(page, hub);
        assert.equal(await page.evaluate(() => window.connections.length), 1, 'the page began a new session');
        assertWholeAndForward(await looks(page), text);
      });
    });
  }
});
