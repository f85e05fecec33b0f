// @ts-check
// What is dragged over the grid is what is stored, and nothing else changes; in Firefox too.
import {after, before, test} from 'node:test';
import assert from 'node:assert/strict';
import {dav, start, store, visit, zoneCookie} from './harness.mjs';

/** @type {import('./harness.mjs').Site} */ let site;
before(async () => { site = await start(); });
after(async () => { await site?.close(); });

const week = '/my/calendar/week/2030-05-06';
/** What no form of the pages knows; folded where no writer of ours would. */
const odd = ['X-ODD;x-case="a:b":kept \\, as it is', 'X-FOL', ' DED:o', '  ver lines', 'X-APPLE-STRUCTURED-LOCATION;VALUE=URI;X-TITLE="Caf\u00e9":geo:52.37,4.89',
  'BEGIN:VALARM', 'ACTION:DISPLAY', 'DESCRIPTION:x', 'TRIGGER:-PT15M', 'X-WR-ALARMUID:1', 'END:VALARM'];
const event = (/** @type {string} */ title) => ['DTSTART;TZID=Europe/Berlin:20300507T100000', 'DTEND;TZID=Europe/Berlin:20300507T110000', `SUMMARY:${title}`, 'SEQUENCE:4', ...odd];

/** Whose calendar has nothing else. */
const user = 'george';
const read = async (/** @type {string} */ path) => (await dav(site, user, 'GET', path)).text();
/** The lines of the event that a move is to change, and all others of the object. @param {string} text */
const parts = text => {
  const inEvent = text.slice(text.indexOf('BEGIN:VEVENT')).split('\r\n');
  const moved = /^(DTSTART|DTEND|SEQUENCE|DTSTAMP|LAST-MODIFIED)[:;]/;
  return {moved: inEvent.filter(l => /^(DTSTART|DTEND|SEQUENCE)[:;]/.test(l)), rest: text.split('\r\n').filter(l => !moved.test(l))};
};

/** @typedef {{x: number, y: number, day: number, hour: number, height: number}} Place where an event is, a day's width and an hour's height, in pixels */
/** @param {import('playwright-core').Page} page @param {string} title @returns {Promise<Place>} */
async function place(page, title) {
  const b = await page.getByRole('link', {name: new RegExp(title)}).boundingBox();
  const [monday, tuesday] = [await page.locator('.cal-slots').nth(0).boundingBox(), await page.locator('.cal-slots').nth(1).boundingBox()];
  assert.ok(b && monday && tuesday);
  return {x: b.x + 20, y: b.y + 10, day: tuesday.x - monday.x, hour: monday.height / 24, height: b.height};
}

/** Drags from a place to another, and waits for the page that comes then.
 * @param {import('playwright-core').Page} page @param {number[]} from @param {number[][]} to */
async function drag(page, from, ...to) {
  await page.mouse.move(from[0], from[1]);
  await page.mouse.down();
  for (const [x, y] of to) await page.mouse.move(x, y, {steps: 8});
  await page.mouse.up();
}

for (const [name, act, start, end] of /** @type {[string, (p: Place) => {from: number[], to: number[]}, string, string][]} */ ([
  ['moved within its day', p => ({from: [p.x, p.y], to: [p.x, p.y + 2 * p.hour]}), '20300507T120000', '20300507T130000'],
  ['made longer', p => ({from: [p.x, p.y - 10 + p.height - 3], to: [p.x, p.y - 10 + p.height - 3 + 1.5 * p.hour]}), '20300507T100000', '20300507T123000'],
  ['moved to another day and hour', p => ({from: [p.x, p.y], to: [p.x + 2 * p.day, p.y - p.hour]}), '20300509T090000', '20300509T100000'],
]))
  test(name, () => visit(site, {user}, async page => {
    const title = `Event ${name}`;
    const path = await store(site, user, name.replaceAll(' ', '-'), event(title));
    const before = parts(await read(path));
    await page.context().addCookies([zoneCookie(site, 'Europe/Berlin')]);
    await page.goto(site.base + week);
    const {from, to} = act(await place(page, title));
    await drag(page, from, to);
    await page.getByText('Moved.').waitFor();
    const after = parts(await read(path));
    assert.deepEqual(after.moved, [`DTSTART;TZID=Europe/Berlin:${start}`, `DTEND;TZID=Europe/Berlin:${end}`, 'SEQUENCE:5']);
    assert.deepEqual(after.rest, before.rest);
    assert.equal((await dav(site, user, 'DELETE', path)).status, 204); // so that nothing is beside the next
  }));

test('moved over the edge of the week', () => visit(site, {user}, async page => {
  const path = await store(site, user, 'edge', event('Over the edge'));
  const before = parts(await read(path));
  await page.context().addCookies([zoneCookie(site, 'Europe/Berlin')]);
  await page.goto(site.base + week);
  const p = await place(page, 'Over the edge');
  const grid = await page.locator('.cal-scroll').boundingBox();
  assert.ok(grid);
  await page.mouse.move(p.x, p.y);
  await page.mouse.down();
  await page.mouse.move(grid.x + grid.width - 5, p.y, {steps: 8});
  await page.waitForURL(site.base + '/my/calendar/week/2030-05-13');
  await page.mouse.move(p.x, p.y, {steps: 8});
  await page.mouse.up();
  await page.getByText('Moved.').waitFor();
  const after = parts(await read(path));
  assert.deepEqual(after.moved, ['DTSTART;TZID=Europe/Berlin:20300514T100000', 'DTEND;TZID=Europe/Berlin:20300514T110000', 'SEQUENCE:5']);
  assert.deepEqual(after.rest, before.rest);
  assert.equal((await dav(site, user, 'DELETE', path)).status, 204);
}));

test('an empty time that is dragged over is a new event of that time', () => visit(site, {user}, async page => {
  const beside = await store(site, user, 'beside', event('Beside'));
  await page.context().addCookies([zoneCookie(site, 'Europe/Berlin')]);
  await page.goto(site.base + week);
  const p = await place(page, 'Beside');
  await drag(page, [p.x + p.day, p.y], [p.x + p.day, p.y + 2 * p.hour - 15]);
  await page.waitForURL(/\/my\/event\/new\?/);
  await page.fill('#title', 'Dragged');
  await page.getByRole('button', {name: 'Save', exact: true}).last().click();
  await page.getByText('Saved.').waitFor();
  const path = new URL(page.url()).pathname.replace('/my/event', '');
  assert.deepEqual(parts(await read(path)).moved.filter(l => !l.startsWith('SEQUENCE')), ['DTSTART;TZID=Europe/Berlin:20300508T100000', 'DTEND;TZID=Europe/Berlin:20300508T120000']);
  for (const made of [path, beside]) assert.equal((await dav(site, user, 'DELETE', made)).status, 204);
}));
