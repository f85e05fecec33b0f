// @ts-check
// The pictures of docs/, made of the demonstration: `make screenshots`. WebP, so that they
// stay small. Each is refused that is larger than 60 kB.
import assert from 'node:assert/strict';
import {mkdir, writeFile} from 'node:fs/promises';
import {start, visit} from './harness.mjs';

const folder = new URL('../docs/images/', import.meta.url);
const most = 60_000;

await mkdir(folder, {recursive: true});
const site = await start();
let sum = 0;

/** Keeps what the page shows, so many pixels of it: from its top, or from just above what
 * from finds.
 * @param {import('playwright-core').Page} page @param {string} name @param {number} height
 * @param {import('playwright-core').Locator} [from] */
async function keep(page, name, height, from) {
  await page.evaluate(() => { /** @type {HTMLElement | null} */ (document.activeElement)?.blur(); });
  await page.setViewportSize({width: page.viewportSize()?.width ?? 1000, height});
  await from?.first().evaluate(e => {
    e.scrollIntoView({block: 'start'});
    scrollBy(0, -12);
  });
  const cdp = await page.context().newCDPSession(page);
  const {data} = await cdp.send('Page.captureScreenshot', {format: 'webp', quality: 60});
  const picture = Buffer.from(data, 'base64');
  assert.ok(picture.length <= most, `${name}: ${picture.length} bytes`);
  sum += picture.length;
  await writeFile(new URL(name + '.webp', folder), picture);
  console.log(`${name}.webp ${picture.length}`);
}

/** Opens a page as somebody. @param {string} user @param {string} path @param {(page: import('playwright-core').Page) => Promise<void>} fn */
const as = (user, path, fn) => visit(site, {user, viewport: {width: 1100, height: 700}}, async page => {
  await page.context().addCookies([{name: 'convene-zone', value: 'Europe%2FBerlin', url: site.base}]);
  await page.goto(site.base + path);
  await fn(page);
});

try {
  await as('ann', '/my/calendar/week/today', page => keep(page, 'week', 720, page.getByText('07:00', {exact: true})));
  await as('ann', '/my/people/?who=ann&who=ben&who=chen&who=aurora', page => keep(page, 'people', 720, page.getByText('08:00', {exact: true})));
  // The Tuesday of the week after next, when most have time.
  const day = new Date(Date.now() + 86400e3 * (16 - new Date().getDay())).toISOString().slice(0, 10);
  await as('ann', `/my/event/new?start=${day}T14:00&end=${day}T15:00`, async page => {
    await page.fill('#title', 'Review of the release');
    for (const name of ['ben achter', 'chen', 'aurora']) {
      const before = await page.locator('[name=guest]').count();
      await page.fill('#q', name);
      await page.locator('#guests .found button').first().click();
      await page.waitForFunction(n => document.querySelectorAll('[name=guest]').length > n, before);
    }
    await keep(page, 'guests', 640, page.locator('#guests'));
  });
  await as('tom', '/my/for/', page => keep(page, 'board', 420));
  const maria = await new Promise((resolve, reject) => as('tom', '/my/for/', async page => {
    resolve(await page.locator('a[href^="/my/for/"]', {hasText: 'Maria'}).first().getAttribute('href'));
  }).catch(reject));
  await as('tom', `/my/event/new?start=${day}T10:00&end=${day}T11:00&calendar=/calendars/__uids__/${String(maria).split('/')[3]}/calendar/`, async page => {
    await page.fill('#title', 'Interview');
    await page.getByRole('button', {name: 'Save', exact: true}).last().click();
    await page.getByText('Saved.').waitFor();
  });
  await as('maria', '/my/delegates', page => keep(page, 'delegates', 760, page.locator('section', {has: page.locator('#who')})));
  await as('ann', `/my/rooms?date=${day}&time=10:00&for=60&heads=6`, page => keep(page, 'rooms', 760));
  const [first, last] = [0, 28].map(days => new Date(Date.now() + 86400e3 * days).toISOString().slice(0, 10));
  // Of fewer than five bookings there are no figures.
  await as('ann', '/my/rooms', async page => {
    for (let i = 0; i < 24; i++) {
      const form = {room: 'locations/' + ['borealis', 'cirrus', 'granite'][i % 3], date: new Date(Date.parse(day) + 86400e3 * (i % 4)).toISOString().slice(0, 10),
        time: `${String(9 + (i * 5) % 9).padStart(2, '0')}:00`, for: '60', title: 'Meeting'};
      await page.request.post(site.base + '/my/rooms/book', {form, headers: {Origin: site.base}, maxRedirects: 0}); // some are taken
    }
  });
  await as('hana', `/admin/rooms/use?from=${first}&to=${last}&by=room`, page => keep(page, 'use', 700, page.getByRole('heading', {name: 'Weekdays and hours'})));
  await visit(site, {viewport: {width: 800, height: 500}}, async door => {
    await door.goto(site.base + '/panel/');
    await door.getByRole('button').click();
    const code = (await door.locator('.code').innerText()).replace(/\D/g, '');
    await as('fatima', '/my/rooms/manage', async page => {
      await page.locator('#p-room').selectOption('locations/flint');
      await page.locator('#p-code').fill(code);
      await page.getByRole('button', {name: 'Pair', exact: true}).click();
      await page.locator('.done').waitFor();
    });
    await door.goto(site.base + '/panel/');
    await keep(door, 'panel', 500);
  });
} finally {
  await site.close();
}
console.log(`${sum} bytes in all`);
