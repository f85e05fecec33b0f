// @ts-check
// What a first visit brings over the line, and how large a month of a thousand events is for the
// browser.
import {after, before, test} from 'node:test';
import assert from 'node:assert/strict';
import {dav, signIn, start, visit, zoneCookie} from './harness.mjs';

/** @type {import('./harness.mjs').Site} */ let site;
before(async () => {
  site = await start();
  for (let from = 0; from < 1000; from += 50) {
    const events = Array.from({length: 50}, (_, n) => from + n).map(i => ['BEGIN:VEVENT', `UID:m${i}`, 'DTSTAMP:20260101T000000Z',
      `DTSTART:203005${String(1 + i % 31).padStart(2, '0')}T${String(6 + Math.floor(i / 31) % 12).padStart(2, '0')}${String(i % 4 * 15).padStart(2, '0')}00Z`,
      'DURATION:PT1H', `SUMMARY:Event number ${i}`, `LOCATION:Room ${i % 7}`, 'END:VEVENT'].join('\r\n'));
    const r = await dav(site, 'george', 'POST', '/calendars/users/george/calendar/', ['BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:-//test//EN', ...events, 'END:VCALENDAR', ''].join('\r\n'));
    assert.equal(r.status, 207);
  }
});
after(async () => { await site?.close(); });

/** What pages may weigh: bytes over the line with style and scripts, and elements. */
const most = {bytes: 60e3, nodes: 3000, rows: 6};

for (const path of ['/signin', '/my/', '/my/calendar/month/2030-05-06', '/my/calendar/week/2030-05-06', '/my/event/new', '/my/rooms'])
  test(`a first visit is to ${path}`, t => visit(site, {expected: [401]}, async page => {
    await page.context().addCookies([zoneCookie(site, 'Europe/Berlin')]);
    if (path !== '/signin') await signIn(page.context(), site, 'george');
    const cdp = await page.context().newCDPSession(page);
    await cdp.send('Network.enable');
    let bytes = 0, files = 0;
    cdp.on('Network.loadingFinished', e => { bytes += e.encodedDataLength; files++; });
    await page.goto(site.base + path, {waitUntil: 'load'});
    await page.waitForTimeout(100); // what has come is counted a moment later
    const nodes = await page.evaluate(() => document.querySelectorAll('*').length);
    t.diagnostic(`${path}: ${bytes} bytes in ${files} files, ${nodes} elements`);
    assert.ok(files >= 3, `${files} files: page, style and script are among them`);
    assert.ok(bytes <= most.bytes, `${bytes} bytes`);
    assert.ok(nodes <= most.nodes, `${nodes} elements`);
    if (path.includes('/month/')) {
      const rows = await page.locator('td[data-date]').evaluateAll(all => all.map(e => e.querySelectorAll('li, .rest').length));
      assert.ok(Math.max(...rows) <= most.rows && await page.locator('.rest').count() > 0, `${Math.max(...rows)} rows`);
    }
  }));
