// Debian's Chromium, headless, with a fake camera whose pictures have one colour and a bar that walks.
import { closeSync, openSync, writeSync } from 'node:fs';
import { createServer } from 'node:http';
import { chromium } from 'playwright-core';

const quiet = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--autoplay-policy=no-user-gesture-required'];

export function launch(...args) {
  return chromium.launch({ executablePath: '/usr/bin/chromium', headless: true, args: [...quiet, ...args] });
}

// Writes a Y4M film of `frames` pictures, 320x240 at 25 fps: U and V fixed, a bright bar that walks.
export function writeFilm(path, { u, v, frames = 50 }) {
  const [width, height] = [320, 240];
  const file = openSync(path, 'w');
  writeSync(file, `YUV4MPEG2 W${width} H${height} F25:1 Ip A1:1 C420jpeg\n`);
  const chroma = [Buffer.alloc((width * height) / 4, u), Buffer.alloc((width * height) / 4, v)];
  for (let n = 0; n < frames; ++n) {
    const luma = Buffer.alloc(width * height, 90);
    const left = Math.floor((n / frames) * (width - 40));
    for (let y = 0; y < height; ++y) luma.fill(210, y * width + left, y * width + left + 40);
    writeSync(file, 'FRAME\n');
    writeSync(file, luma);
    for (const plane of chroma) writeSync(file, plane);
  }
  closeSync(file);
}

export function launchCamera(film) {
  return launch('--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream', `--use-file-for-fake-video-capture=${film}`);
}

// An empty page of another origin: the hub's own pages may use no camera, and what a browser camera sends
// has to pass its CORS. -> {url, close()}
export async function foreignPage() {
  const server = createServer((_, reply) => reply.end('<!doctype html><title>camera</title>'));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${server.address().port}/`, close: () => server.close() };
}

// Makes `page` (a foreignPage) a camera: getUserMedia, WHIP. Resolves when connected.
export async function publish(page, url, token, codec) {
  return page.evaluate(async ({ url, token, codec }) => {
    const media = await navigator.mediaDevices.getUserMedia({ video: { width: 320, height: 240 } });
    const peer = new RTCPeerConnection();
    globalThis.peer = peer;
    const transceiver = peer.addTransceiver(media.getVideoTracks()[0], { direction: 'sendonly' });
    const codecs = RTCRtpSender.getCapabilities('video').codecs;
    transceiver.setCodecPreferences(codecs.filter((c) => c.mimeType.toLowerCase() === `video/${codec}`));
    await peer.setLocalDescription(await peer.createOffer());
    const reply = await fetch(url, {
      method: 'POST',
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/sdp' },
      body: peer.localDescription.sdp,
    });
    if (reply.status !== 201) throw new Error(`${reply.status} ${await reply.text()}`);
    await peer.setRemoteDescription({ type: 'answer', sdp: await reply.text() });
    await new Promise((resolve, reject) => {
      peer.onconnectionstatechange = () => {
        if (peer.connectionState === 'connected') resolve();
        if (peer.connectionState === 'failed') reject(new Error('the connection failed'));
      };
    });
    return reply.headers.get('Location');
  }, { url, token, codec });
}

// What a video element shows now: mean colour and the column where it is brightest; null without a picture.
export async function look(page, selector) {
  return page.evaluate((wanted) => {
    const video = document.querySelector(wanted);
    if (!video || video.readyState < 2 || !video.videoWidth) return null;
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [64, 48];
    const context = canvas.getContext('2d', { willReadFrequently: true });
    context.drawImage(video, 0, 0, 64, 48);
    const { data } = context.getImageData(0, 0, 64, 48);
    const mean = [0, 0, 0];
    const columns = new Array(64).fill(0);
    for (let i = 0; i < data.length; i += 4) {
      for (let c = 0; c < 3; ++c) mean[c] += data[i + c] / (64 * 48);
      columns[(i / 4) % 64] += data[i] + data[i + 1] + data[i + 2];
    }
    return { red: mean[0], green: mean[1], blue: mean[2], bar: columns.indexOf(Math.max(...columns)) };
  }, selector);
}
