// The real daemon for a browser test: a fresh state on loopback; only processes started here are ended, by pid.
import { execFile, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const bin = process.env.LATCHKEY_BIN;
const patience = 40_000;

// The first truthy value of probe(); fails, naming `what` and with what explain() says, when patience ends.
export async function eventually(what, probe, limit = patience, explain = () => '') {
  const deadline = Date.now() + limit;
  for (;;) {
    const value = await probe();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`never came: ${what} ${await explain()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export class Hub {
  // On loopback; `lan`: as a home runs it, HTTPS with the hub's own certificate on every address.
  static async start({ lan = false } = {}) {
    const hub = new Hub();
    hub.lan = lan;
    hub.folder = mkdtempSync(join(tmpdir(), 'latchkey-browser.'));
    hub.programs = [];
    for (const name of ['state', 'run']) mkdirSync(join(hub.folder, name), { mode: 0o700 });
    hub.daemon = hub.program('latchkeyd', [...(lan ? [] : ['--loopback', '--http-port', '0']),
      '--state', join(hub.folder, 'state'), '--run', join(hub.folder, 'run')]);
    try {
      hub.url = await eventually('latchkeyd is ready', () => {
        if (hub.daemon.exitCode !== null) throw new Error(`latchkeyd ended: ${hub.errors(hub.daemon)}`);
        return /^latchkeyd: ready (\S+)/m.exec(readFileSync(hub.daemon.out, 'utf8'))?.[1].replace(/\/$/, '');
      });
    } catch (error) {
      await hub.stop();
      throw error;
    }
    return hub;
  }

  program(name, args, env = {}) {
    const path = join(this.folder, `${this.programs.length}-${name}`);
    const child = spawn(join(bin, name), args.map(String), {
      stdio: ['ignore', openSync(`${path}.out`, 'w'), openSync(`${path}.err`, 'w')],
      env: { ...process.env, ...env },
    });
    child.out = `${path}.out`;
    child.err = `${path}.err`;
    this.programs.push(child);
    return child;
  }

  errors(child) {
    return readFileSync(child.err, 'utf8').slice(-4000);
  }

  async ctl(...args) {
    const { stdout } = await run(join(bin, 'latchkeyctl'), ['--run', join(this.folder, 'run'), '--json', ...args]);
    return stdout.trim() ? JSON.parse(stdout) : null;
  }

  addCamera(name) {
    return this.ctl('camera', 'add', name);
  }

  async addViewer(name, ...cameras) {
    const viewer = await this.ctl('viewer', 'add', name);
    for (const camera of cameras) await this.ctl('grant', 'add', '--viewer', viewer.id, '--camera', camera.id);
    return viewer;
  }

  cam(camera, ...args) {
    return this.program('latchkey-cam', ['--whip', `${this.url}/whip/${camera.id}`, ...(this.lan ? ['--insecure'] : []), ...args],
      { LATCHKEY_TOKEN: camera.token });
  }

  async live(camera) {
    await eventually('the camera is live', async () => {
      const { cameras } = await this.ctl('status');
      return cameras.find((row) => row.id === camera.id)?.state === 'live';
    });
  }

  // How often the hub asked this camera for a keyframe, as of half a second ago at most.
  async keyframesAsked(camera) {
    const url = new URL('/metrics', this.url);
    url.hostname = '127.0.0.1';
    const text = await new Promise((resolve, reject) => {
      const get = url.protocol === 'https:' ? https.get : http.get;
      get(url, { rejectUnauthorized: false }, (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (piece) => { body += piece; }).on('end', () => resolve(body));
      }).on('error', reject);
    });
    const line = text.split('\n').find((l) => l.includes('camera_keyframe_requests_total{') && l.includes(camera.id.slice(0, 8)));
    if (!line) throw new Error(`no keyframe requests among the metrics: ${text.slice(0, 400)}`);
    return Number(line.split(' ').pop());
  }

  // For a test that failed: the state of things and the last words of every program.
  async story() {
    const status = await this.ctl('status').catch((error) => error.message);
    const end = (child) => (child.exitCode === null && child.signalCode === null ? 'runs' : `ended: ${child.exitCode ?? child.signalCode}`);
    const words = this.programs.map((child) => `${basename(child.err)} (${end(child)}): ${this.errors(child).slice(-600)}`);
    return `${JSON.stringify(status)}\n${words.join('\n')}`;
  }

  // Pids of the daemon's children that run `program`.
  children(program) {
    return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number).filter((pid) => {
      try {
        const parent = Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').pop().split(' ')[1]);
        return parent === this.daemon.pid && basename(readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')[0]) === program;
      } catch {
        return false;
      }
    });
  }

  page(viewer) {
    return `${this.url}/#token=${viewer.token}`;
  }

  async stop() {
    for (const child of [...this.programs].reverse()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
      await gone;
      clearTimeout(timer);
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}
