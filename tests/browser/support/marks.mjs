// Reads the marks that latchkey-cam draws (tools/media/mark.h) out of the pictures that a browser shows.
// Runs in the page, before its own scripts; what it sees is in window.looks:
//
//   {at, mark: {text, frame, sentMs} | null}   one a picture shown; null: no whole mark in it
//   window.connections: {began, connected}     of each peer connection, performance.now()
//   window.framesDecoded()                     by all peer connections, shown or not
export function readMarks() {
  const COLUMNS = 64, SYNC = '11111001101010', BITS = 190, KEPT = 20_000;
  window.looks = [];
  window.connections = [];
  const peers = [];
  window.framesDecoded = async () => {
    const reports = await Promise.all(peers.map((peer) => peer.getStats()));
    return reports.flatMap((report) => [...report.values()]).filter((stats) => stats.type === 'inbound-rtp')
      .reduce((sum, stats) => sum + (stats.framesDecoded ?? 0), 0);
  };

  const crcTable = Array.from({ length: 256 }, (_, i) => {
    let c = i;
    for (let k = 0; k < 8; ++k) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
    return c >>> 0;
  });
  const crc32 = (bytes) => (bytes.reduce((c, b) => crcTable[(c ^ b) & 0xff] ^ (c >>> 8), 0xffffffff) ^ 0xffffffff) >>> 0;

  const canvas = document.createElement('canvas');
  const context = canvas.getContext('2d', { willReadFrequently: true });

  function bitsOf(video) {
    const [width, height] = [video.videoWidth, video.videoHeight];
    const [cw, ch] = [width / 80, height / 45];
    const rows = Math.ceil(ch * 4.5);
    if (canvas.width !== width || canvas.height !== rows) [canvas.width, canvas.height] = [width, rows];
    context.drawImage(video, 0, 0, width, rows, 0, 0, width, rows);
    const { data } = context.getImageData(0, 0, width, rows);
    const left = (width - COLUMNS * cw) / 2;
    const sample = (cell) => {
      const x = Math.round(left + ((cell % COLUMNS) + 0.5) * cw);
      const y = Math.round(ch + (Math.floor(cell / COLUMNS) + 0.5) * ch);
      let sum = 0;
      for (const [dx, dy] of [[0, 0], [1, 0], [0, 1], [-1, 0], [0, -1]]) sum += data[((y + dy) * width + x + dx) * 4 + 1];
      return sum / 5;
    };
    const lumas = Array.from({ length: BITS }, (_, i) => sample(i));
    const mean = (bit) => {
      const of = lumas.slice(0, SYNC.length).filter((_, i) => SYNC[i] === bit);
      return of.reduce((a, b) => a + b) / of.length;
    };
    const middle = (mean('0') + mean('1')) / 2;
    return lumas.map((luma) => (luma > middle ? '1' : '0')).join('');
  }

  function readMark(video) {
    const bits = bitsOf(video);
    if (!bits.startsWith(SYNC)) return null;
    const bytes = bits.slice(SYNC.length).match(/.{8}/g).map((b) => parseInt(b, 2));
    const number = (from, to) => bytes.slice(from, to).reduce((n, b) => n * 256 + b, 0);
    if (crc32(bytes.slice(0, 18)) !== number(18, 22)) return null;
    const text = bytes.slice(0, 8).map((b) => b.toString(16).padStart(2, '0')).join('');
    return { text, frame: number(8, 12), sentMs: number(12, 18) / 1000 };
  }

  // Anew for each stream: Firefox drops the callbacks of the one before.
  const watched = new WeakMap();
  function watch(video) {
    const stream = video.srcObject;
    if (!stream || watched.get(video) === stream) return;
    watched.set(video, stream);
    const next = (at) => {
      if (video.srcObject !== stream) return;
      if (video.videoWidth && window.looks.length < KEPT) window.looks.push({ at, mark: readMark(video) });
      video.requestVideoFrameCallback(next);
    };
    video.requestVideoFrameCallback(next);
  }
  setInterval(() => document.querySelectorAll('video').forEach(watch), 5);

  window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(...how) {
      super(...how);
      const times = { began: performance.now(), connected: null };
      window.connections.push(times);
      peers.push(this);
      this.addEventListener('connectionstatechange', () => {
        if (this.connectionState === 'connected') times.connected ??= performance.now();
      });
    }
  };
}
