// Debian's Chromium and Firefox as viewers of a hub on a LAN: both are driven by what this returns,
// {name, open(url, script) -> page, close()}; a page has evaluate(), screenshot({path}) and close().
//
// Firefox asks no STUN server's question of 127.0.0.1, nor of a network without a way out: see inNetwork().
import { existsSync } from 'node:fs';
import puppeteer from 'puppeteer-core';
import { launch } from './chromium.mjs';

const SIZE = { width: 1000, height: 640 };

// Whether this process runs in the network that `run` makes.
export const inNetwork = () => Boolean(process.env.LATCHKEY_TEST_LAN);

export async function chromiumPlayer() {
  const browser = await launch();
  return {
    name: 'chromium',
    async open(url, script) {
      const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: SIZE });
      const page = await context.newPage();
      await page.addInitScript(script);
      await page.goto(url);
      return { evaluate: (...what) => page.evaluate(...what), screenshot: (how) => page.screenshot(how), close: () => context.close() };
    },
    close: () => browser.close(),
  };
}

export async function firefoxPlayer() {
  const executablePath = ['/usr/bin/firefox-esr', '/usr/bin/firefox'].find(existsSync);
  const browser = await puppeteer.launch({
    browser: 'firefox', executablePath, headless: true, acceptInsecureCerts: true, defaultViewport: SIZE,
    extraPrefsFirefox: { 'media.autoplay.default': 0, 'media.peerconnection.ice.obfuscate_host_addresses': true },
  });
  return {
    name: 'firefox',
    async open(url, script) {
      const page = await browser.newPage();
      await page.evaluateOnNewDocument(script);
      await page.goto(url);
      return { evaluate: (...what) => page.evaluate(...what), screenshot: (how) => page.screenshot(how), close: () => page.close() };
    },
    close: () => browser.close(),
  };
}
