// Watches a camera over bad networks in Chromium and Firefox, and prints what people get as JSON; screenshots go
// to --shots FOLDER. Not a test: nothing here fails for being slow.
//
// usage: tests/bench/players [--seconds N] [--gop N] [--shots FOLDER] [PROFILE...]
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Hub, eventually } from './hub.mjs';
import { chromiumPlayer, firefoxPlayer } from './players.mjs';
import { readMarks } from './support/marks.mjs';

const PROFILES = {
  clean: [],
  random5: ['--loss', 5, '--jitter-ms', 30],
  burst10: ['--loss', 10, '--burst', 5, '--jitter-ms', 50],
  random20: ['--loss', 20, '--jitter-ms', 20],
  hold: [],  // stopped for 3 s in the middle
};
const { values, positionals } = parseArgs({ allowPositionals: true, options: {
  seconds: { type: 'string', default: '12' }, gop: { type: 'string', default: '10' }, shots: { type: 'string' } } });
const seconds = Number(values.seconds);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const at = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
const round = (n) => Math.round(n * 10) / 10;

// performance.now() of the page less the monotonic clock, in ms.
async function clockOffset(page) {
  const tries = [];
  for (let i = 0; i < 10; ++i) {
    const before = process.hrtime.bigint();
    const theirs = await page.evaluate(() => performance.now());
    const after = process.hrtime.bigint();
    tries.push({ took: after - before, offset: theirs - Number((before + after) / 2000n) / 1000 });
  }
  return tries.sort((a, b) => Number(a.took - b.took))[0].offset;
}

async function figures(page) {
  const offset = await clockOffset(page);
  const { looks, connections } = await page.evaluate(() => ({ looks: window.looks, connections: window.connections }));
  const whole = looks.filter((l) => l.mark).map((l) => ({ ...l, age: l.at - offset - l.mark.sentMs }));
  const gaps = looks.slice(1).map((l, i) => l.at - looks[i].at);
  const usual = gaps.reduce((a, b) => a + b, 0) / gaps.length;
  const freezes = gaps.filter((g) => g > Math.max(3 * usual, usual + 150));
  const first = looks[0].at;
  const ageAfter = (ms) => round(whole.find((l) => l.at - first >= ms)?.age ?? NaN);
  const settled = whole.filter((l) => l.at - first > 3000).map((l) => l.age).sort((a, b) => a - b);
  return {
    connections: connections.length,
    first_picture_after_connected_ms: round(first - connections[0].connected),
    first_picture_after_begin_ms: round(first - connections[0].began),
    shown_in_first_second: looks.filter((l) => l.at - first < 1000).length,
    age_ms: { first: ageAfter(0), after_0_5_s: ageAfter(500), after_1_s: ageAfter(1000), after_2_s: ageAfter(2000),
      p50: round(at(settled, 0.5)), p99: round(at(settled, 0.99)) },
    shown: looks.length, torn: looks.length - whole.length,
    backward: whole.slice(1).filter((l, i) => l.mark.frame < whole[i].mark.frame).length,
    freezes: freezes.length, freeze_ms: round(freezes.reduce((a, b) => a + b, 0)), longest_gap_ms: round(Math.max(...gaps)),
  };
}

async function watch(hub, player, profile) {
  const name = `${profile} ${player.name}`;
  const camera = await hub.addCamera(name);
  const viewer = await hub.addViewer(name, camera);
  const cam = hub.cam(camera, '--codec', 'vp8', '--size', '640x360', '--bitrate-kbit', 1200, '--mark', profile,
    '--gop', values.gop, '--seed', 5, ...PROFILES[profile]);
  await hub.live(camera);
  await pause(Number(values.gop) * 800);
  const page = await player.open(hub.page(viewer), readMarks);
  const shot = async (when) => {
    if (values.shots) await page.screenshot({ path: join(values.shots, `${profile}-${player.name}-${when}.png`) });
  };
  await eventually('a picture', () => page.evaluate(() => window.looks.length > 0));
  for (let second = 1; second <= seconds; ++second) {
    await pause(1000);
    const half = Math.floor(seconds / 2);
    if (profile === 'hold' && second === half) cam.kill('SIGSTOP');
    if (profile === 'hold' && second === half + 3) cam.kill('SIGCONT');
    if (second === 1 || Math.abs(second - half - 2) <= 2 || second === seconds) await shot(`${second}s`);
  }
  const result = await figures(page);
  await page.close();
  cam.kill('SIGINT');
  return result;
}

if (values.shots) mkdirSync(values.shots, { recursive: true });
const hub = await Hub.start({ lan: true });
const results = {};
try {
  for (const start of [chromiumPlayer, firefoxPlayer]) {
    const player = await start();
    for (const profile of positionals.length ? positionals : Object.keys(PROFILES)) {
      results[profile] ??= {};
      results[profile][player.name] = await watch(hub, player, profile);
      console.error(profile, player.name, JSON.stringify(results[profile][player.name]));
    }
    await player.close();
  }
} finally {
  await hub.stop();
}
console.log(JSON.stringify(results, null, 2));
