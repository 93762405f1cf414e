// The newest signed head of the hub's audit log, kept by this browser. Shown again when the page connects, it
// proves to the hub that its log once held so many records: one that was cut or replaced lacks them.
const KEY = "latchkey.head";
const HEAD = /^[0-9a-f]{32}\.[0-9]{1,20}\.[0-9a-f]{64}\.[0-9]{1,20}\.[0-9a-f]{128}$/;

// storage: what stands for localStorage. A browser that refuses that keeps nothing.
export function keptHead(storage = null) {
  try {
    const head = (storage ?? localStorage).getItem(KEY);
    return head !== null && HEAD.test(head) ? head : "";
  } catch {
    return "";
  }
}

export function keepHead(head, storage = null) {
  try {
    if (typeof head === "string" && HEAD.test(head)) (storage ?? localStorage).setItem(KEY, head);
  } catch {
    // Private windows of some browsers.
  }
}
