// The real front with a scripted keeper behind it.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import path from "node:path";

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.resolve(here, "../../..");
export const BIN = process.env.LATCHKEY_BIN ?? path.join(root, "build/release/bin");

export const TOKEN = `lk_${"5a".repeat(32)}`;

export class ScriptedKeeper {
  #process;
  #waiting = [];
  events = [];
  port = 0;

  static async start() {
    const keeper = new ScriptedKeeper();
    const script = path.join(here, "scripted_keeper.py");
    keeper.#process = spawn("/usr/bin/python3", [script, path.join(BIN, "latchkey-front")], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    createInterface({ input: keeper.#process.stdout }).on("line", (line) => keeper.#heard(JSON.parse(line)));
    keeper.port = (await keeper.until((event) => event.event === "ready")).port;
    return keeper;
  }

  get url() {
    return `http://127.0.0.1:${this.port}`;
  }
  do(what, more = {}) {
    this.#process.stdin.write(`${JSON.stringify({ do: what, ...more })}\n`);
  }
  cameras(...cameras) {
    this.do("cameras", { cameras });
  }
  count(kind) {
    return this.events.filter((event) => event.kind === kind).length;
  }
  // The next event that fits; events before this call don't count.
  until(fits, withinMs = 10000) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no such event within ${withinMs} ms: ${fits}`)), withinMs);
      this.#waiting.push({ fits, resolve: (event) => (clearTimeout(timer), resolve(event)) });
    });
  }
  async stop() {
    const ended = new Promise((resolve) => this.#process.once("exit", resolve));
    this.#process.stdin.end();
    await ended;
  }

  #heard(event) {
    this.events.push(event);
    const fitting = this.#waiting.filter((one) => one.fits(event));
    this.#waiting = this.#waiting.filter((one) => !one.fits(event));
    for (const one of fitting) one.resolve(event);
  }
}

// A camera as the keeper lists it.
export function camera(number, name, state = "live", more = {}) {
  return { id: String(number).padStart(2, "0").repeat(16), name, state, age_ms: state === "live" ? 40 : null, ...more };
}
