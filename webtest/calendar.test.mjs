// @ts-check
// Reading calendars: by keyboard, without script, moved by pointer, on paper.
import {after, before, test} from 'node:test';
import assert from 'node:assert/strict';
import {start, visit} from './harness.mjs';

/** @type {import('./harness.mjs').Site} */ let site;
before(async () => {
  site = await start();
  const put = (/** @type {string} */ name, /** @type {string} */ lines) => fetch(`${site.base}/calendars/users/chen/calendar/${name}.ics`, {
    method: 'PUT', headers: {Authorization: 'Basic ' + btoa('chen:demo'), 'Content-Type': 'text/calendar'},
    body: `BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\nUID:${name}\r\nDTSTAMP:20260101T000000Z\r\n${lines}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n`,
  }).then(r => assert.equal(r.status, 201));
  await put('lunch', 'DTSTART:20300506T100000Z\r\nDURATION:PT1H\r\nSUMMARY:Lunch\r\nLOCATION:Canteen');
  await put('walk', 'DTSTART:20300507T120000Z\r\nDURATION:PT1H\r\nRRULE:FREQ=DAILY;COUNT=3\r\nSUMMARY:Walk');
  await put('fair', 'DTSTART;VALUE=DATE:20300508\r\nDTEND;VALUE=DATE:20300510\r\nSUMMARY:Fair');
  await put('summer', 'DTSTART;TZID=Europe/Berlin:20300331T023000\r\nDURATION:PT30M\r\nSUMMARY:Not there');
});
after(async () => { await site?.close(); });

const week = '/my/calendar/week/2030-05-06';
/** Opens a page, and again when the server knows the zone. @param {import('playwright-core').Page} page @param {string} path */
async function open(page, path) {
  await page.goto(site.base + path);
  await page.goto(site.base + path);
}

test('by keyboard: views, days, events, a new one', () => visit(site, {user: 'chen', expected: [404]}, async page => {
  await open(page, week);
  for (const [key, path] of [['m', '/my/calendar/month/2030-05-06'], ['y', '/my/calendar/year/2030-05-06'], ['a', '/my/calendar/agenda/2030-05-06'], ['d', '/my/calendar/day/2030-05-06'], ['n', '/my/calendar/day/2030-05-07'], ['k', '/my/calendar/day/2030-05-06'], ['w', week]]) {
    await page.keyboard.press(key);
    await page.waitForURL(site.base + path);
  }
  const lunch = page.getByRole('link', {name: /Lunch/});
  await lunch.focus();
  await page.keyboard.press('ArrowRight'); // to the first of the next day
  assert.match(await page.evaluate(() => document.activeElement?.textContent ?? ''), /stand-up/);
  await page.keyboard.press('ArrowDown');
  assert.match(await page.evaluate(() => document.activeElement?.textContent ?? ''), /Walk/);
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('ArrowDown');
  assert.match(await page.evaluate(() => document.activeElement?.textContent ?? ''), /Lunch.*12:00.*Canteen/s);
  await page.keyboard.press('g');
  assert.equal(await page.evaluate(() => document.activeElement?.id), 'cal-date');
  await page.keyboard.press('m'); // is typing now
  assert.equal(page.url(), site.base + week);
  await page.locator('main').focus();
  await page.keyboard.press('?');
  await page.locator('#cal-keys-off').check();
  await page.locator('main').focus();
  await page.keyboard.press('m');
  await page.waitForTimeout(200);
  assert.equal(page.url(), site.base + week);
  await page.locator('#cal-keys-off').uncheck();
  await page.locator('main').focus();
  await page.keyboard.press('c');
  await page.waitForURL(/\/my\/event\/new\?.*start=2030-05-06T09%3A00/);
}));

test('every link of the week is reached by Tab, and its focus is seen', () => visit(site, {user: 'chen'}, async page => {
  await open(page, week);
  const count = await page.locator('main :is(a[href], button, input:not([type=hidden]), summary)').count();
  await page.locator('main').focus();
  const seen = new Set();
  for (let i = 0; i < count + 2; i++) {
    await page.keyboard.press('Tab');
    const f = await page.evaluate(() => {
      const e = document.activeElement;
      if (!e || e === document.body) return null;
      const b = e.getBoundingClientRect();
      const over = document.elementFromPoint(b.x + Math.min(b.width, 20) / 2, b.y + b.height / 2);
      return {name: (e.textContent || e.getAttribute('name') || e.id).trim().slice(0, 40), seen: over !== null && (e.contains(over) || over.contains(e)), outline: parseFloat(getComputedStyle(e).outlineWidth) >= 2, region: e.getAttribute('role') === 'region'};
    });
    if (!f) break;
    assert.ok(f.region || f.seen && f.outline, JSON.stringify(f));
    seen.add(f.name);
  }
  assert.ok([...seen].some(name => name.startsWith('Lunch')), [...seen].join());
}));

test('without script: every view, steps, the choice of calendars, several people', () => visit(site, {user: 'chen', javaScriptEnabled: false, timezoneId: 'Etc/UTC'}, async page => {
  await page.goto(site.base + week);
  for (const view of ['Day', 'Work week', 'Week', 'Month', 'List', 'Year']) {
    await page.getByRole('link', {name: view, exact: true}).click();
    await page.waitForURL(`**/my/calendar/${{'Work week': 'workweek', List: 'agenda'}[view] ?? view.toLowerCase()}/**`);
    if (view !== 'Year') assert.equal(await page.getByRole('link', {name: /Lunch/}).count(), 1, view);
  }
  await page.goto(site.base + week);
  await page.locator('.cal-choice input[type=checkbox]').first().uncheck();
  await page.getByRole('button', {name: 'Show these'}).click();
  await page.waitForSelector('text=No calendar is chosen');
  assert.equal(await page.getByRole('link', {name: /Lunch/}).count(), 0);
  await page.locator('.cal-choice input[type=checkbox]').first().check();
  await page.getByRole('button', {name: 'Show these'}).click();
  await page.waitForSelector('text=Lunch');
  await page.getByRole('link', {name: 'People'}).click();
  await page.fill('#cal-who', 'ann');
  await page.getByRole('button', {name: 'Add', exact: true}).click();
  await page.waitForURL(/who=.*who=/);
  assert.equal(await page.locator('.cal-day').count(), 2);
}));

/** The form that a drop sends. @param {import('playwright-core').Page} page @param {() => Promise<void>} act */
async function sent(page, act) {
  const waiting = page.waitForRequest(r => r.url().endsWith('/my/event/move') && r.method() === 'POST');
  await act();
  const data = (await waiting).postData() ?? '';
  await page.waitForURL('**/my/event/move');
  return Object.fromEntries(new URLSearchParams(data));
}

test('moved by pointer, made longer, moved by keys; of a series it is asked which', () => visit(site, {user: 'chen', expected: [404, 405, 409, 412]}, async page => {
  await page.route('**/my/event/move', route => route.fulfill({status: 200, contentType: 'text/html', body: '<!doctype html><title>x</title>'}));
  await open(page, week);
  const lunch = page.getByRole('link', {name: /Lunch/});
  const box = async () => { const b = await lunch.boundingBox(); assert.ok(b); return b; };
  const day = (await page.locator('.cal-day').nth(0).boundingBox())?.width ?? 0;
  let fields = await sent(page, async () => {
    const b = await box();
    await page.mouse.move(b.x + 20, b.y + 10);
    await page.mouse.down();
    await page.mouse.move(b.x + 20 + day, b.y + 10 + b.height, {steps: 8});
    await page.mouse.up();
  });
  assert.match(fields.path, /^calendars\/__uids__\/[^/]+\/calendar\/lunch\.ics$/);
  assert.deepEqual([fields.start, fields.end, fields.at, fields.scope], ['2030-05-07T13:00', '2030-05-07T14:00', '', 'all']);
  assert.match(fields.etag, /^".+"$/);
  assert.equal(fields.back, week);
  await open(page, week);
  fields = await sent(page, async () => {
    const b = await box();
    await page.mouse.move(b.x + 20, b.y + b.height - 3);
    await page.mouse.down();
    await page.mouse.move(b.x + 20, b.y + b.height - 3 + b.height / 2, {steps: 6});
    await page.mouse.up();
  });
  assert.deepEqual([fields.start, fields.end], ['2030-05-06T12:00', '2030-05-06T13:30']);
  await open(page, week);
  fields = await sent(page, async () => {
    await lunch.focus();
    await page.keyboard.press('Alt+ArrowDown');
    await page.keyboard.press('Alt+ArrowRight');
    await page.keyboard.press('Alt+Shift+ArrowDown');
    assert.match(await page.locator('#said').innerText(), /12:15/);
    await page.keyboard.press('Enter');
  });
  assert.deepEqual([fields.start, fields.end], ['2030-05-07T12:15', '2030-05-07T13:30']);
  await open(page, week);
  fields = await sent(page, async () => {
    await page.getByRole('link', {name: /Walk/}).nth(1).focus();
    await page.keyboard.press('Alt+ArrowUp');
    await page.keyboard.press('Enter');
    await page.getByRole('button', {name: 'This and all that follow'}).click();
  });
  assert.deepEqual([fields.at, fields.start, fields.scope], ['20300508T120000Z', '2030-05-08T13:45', 'following']);
}));

test('an empty time that is dragged over becomes the form of a new event', () => visit(site, {user: 'chen', expected: [404]}, async page => {
  await open(page, week);
  const b = await page.getByRole('link', {name: /Lunch/}).boundingBox();
  assert.ok(b);
  await page.mouse.move(b.x + 30, b.y + b.height + 5);
  await page.mouse.down();
  await page.mouse.move(b.x + 30, b.y + 2 * b.height - 5, {steps: 6});
  await page.mouse.up();
  await page.waitForURL(/\/my\/event\/new\?/);
  const q = new URL(page.url()).searchParams;
  assert.deepEqual([q.get('start'), q.get('end')], ['2030-05-06T13:00', '2030-05-06T14:00']);
  assert.match(q.get('calendar') ?? '', /^\/calendars\/__uids__\/.*\/calendar\/$/);
}));

test('a day of 23 hours and one of 25 are drawn so', () => visit(site, {user: 'chen'}, async page => {
  await open(page, '/my/calendar/day/2030-03-31');
  // 02:30 does not exist: it is as long after midnight as if the clock were not put forward (RFC 5545 §3.3.5).
  assert.match(await page.getByRole('link', {name: /Not there/}).innerText(), /03:30/);
  assert.equal(await page.locator('.lacking').count(), 1);
  await open(page, '/my/calendar/day/2030-10-27');
  assert.equal(await page.locator('.cal-hours li').count(), 25);
}));

test('on paper: a week and a month are a page each, without navigation', () => visit(site, {user: 'chen'}, async page => {
  for (const view of ['week', 'month', 'agenda']) {
    await open(page, `/my/calendar/${view}/2030-05-06`);
    await page.emulateMedia({media: 'print'});
    for (const gone of ['.top', '.cal-kinds', '.cal-steps', '.cal-choice']) assert.equal(await page.locator(gone).isVisible(), false, gone);
    const pdf = (await page.pdf({preferCSSPageSize: true, format: 'A4'})).toString('latin1');
    if (view !== 'agenda') assert.equal(pdf.match(/\/Type\s*\/Page\b/g)?.length, 1, `${view} has one page`);
    await page.emulateMedia({media: null});
  }
}));

/** Changes an event as a program does. @param {string} name @param {string} title @param {string} [start] */
async function put(name, title, start = '20300507T080000Z') {
  const r = await fetch(`${site.base}/calendars/users/chen/calendar/${name}.ics`, {
    method: 'PUT', headers: {Authorization: 'Basic ' + btoa('chen:demo'), 'Content-Type': 'text/calendar'},
    body: `BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\nUID:${name}\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:${start}\r\nDURATION:PT1H\r\nSUMMARY:${title}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n`,
  });
  assert.ok(r.ok, r.statusText);
}

/** Opens a page that is told of changes. @param {import('playwright-core').Page} page @param {string} path */
async function openLive(page, path) {
  await page.goto(site.base + path);
  await Promise.all([page.waitForResponse('**/my/changes'), page.goto(site.base + path)]);
}

test('what a program changes appears in an open week within a second; focus, scrolling and typed text stay', () => visit(site, {user: 'chen'}, async page => {
  await openLive(page, week);
  const scroll = page.locator('.cal-scroll');
  await page.getByRole('link', {name: /Walk/}).nth(1).focus();
  await scroll.evaluate(e => { e.scrollTop = 333; });
  const at = () => page.evaluate(() => document.activeElement?.getAttribute('href'));
  const focused = await at();
  assert.match(focused ?? '', /walk\.ics\?at=20300508/);
  await put('live', 'From elsewhere');
  await page.getByRole('link', {name: /From elsewhere/}).waitFor({timeout: 1000});
  assert.equal(await at(), focused);
  assert.equal(await scroll.evaluate(e => e.scrollTop), 333);
  assert.equal(await page.locator('#said').innerText(), 'The calendar has changed.');
  await put('live', 'Postponed', '20300508T150000Z');
  await page.locator('[data-date="2030-05-08"]').getByRole('link', {name: /Postponed/}).waitFor({timeout: 1000});
  assert.equal(await page.getByRole('link', {name: /From elsewhere/}).count(), 0);
  // While something is moved nothing is taken away.
  await page.getByRole('link', {name: /Postponed/}).focus();
  await page.keyboard.press('Alt+ArrowDown');
  await Promise.all([page.waitForResponse(r => r.url() === site.base + week), put('other', 'Meanwhile')]);
  assert.equal(await page.locator('.ghost').count(), 1);
  assert.equal(await page.getByRole('link', {name: /Meanwhile/}).count(), 0);
  await page.keyboard.press('Escape');
  await page.getByRole('link', {name: /Meanwhile/}).waitFor({timeout: 1000});
  assert.match(await at() ?? '', /live\.ics$/);
  await openLive(page, '/my/people/2030-05-07');
  await page.locator('#cal-who').pressSequentially('Maria');
  await page.keyboard.press('ArrowLeft');
  await put('live', 'Back again');
  await page.getByRole('link', {name: /Back again/}).waitFor({timeout: 1000});
  await page.keyboard.type('x');
  assert.equal(await page.locator('#cal-who').inputValue(), 'Marixa');
}));

test('a page that nobody sees is told nothing, and shows all when it is seen again; so does one that cannot be told', () => visit(site, {user: 'chen', expected: [503]}, async page => {
  await openLive(page, week);
  const seen = (/** @type {boolean} */ hidden) => page.evaluate(hidden => {
    Object.defineProperty(document, 'hidden', {value: hidden, configurable: true});
    document.dispatchEvent(new Event('visibilitychange'));
  }, hidden);
  await seen(true);
  await put('unseen', 'Unseen');
  await Promise.all([page.waitForResponse('**/my/changes'), seen(false)]);
  await page.getByRole('link', {name: /Unseen/}).waitFor({timeout: 1000});
  await page.route('**/my/changes', route => route.fulfill({status: 503}));
  await Promise.all([page.waitForResponse('**/my/changes'), page.goto(site.base + week)]);
  await put('unseen', 'Not told', '20300509T080000Z');
  await page.evaluate(() => dispatchEvent(new Event('focus')));
  await page.getByRole('link', {name: /Not told/}).waitFor({timeout: 1000});
}));

test('over the edge of the week: the next one comes, and the event is dropped there', () => visit(site, {user: 'chen', expected: [404, 405, 409, 412]}, async page => {
  await page.route('**/my/event/move', route => route.fulfill({status: 200, contentType: 'text/html', body: '<!doctype html><title>x</title>'}));
  await open(page, week);
  const fields = await sent(page, async () => {
    const b = await page.getByRole('link', {name: /Lunch/}).boundingBox();
    const grid = await page.locator('.cal-scroll').boundingBox();
    assert.ok(b && grid);
    await page.mouse.move(b.x + 20, b.y + 10);
    await page.mouse.down();
    await page.mouse.move(grid.x + grid.width - 5, b.y + 10, {steps: 8});
    await page.waitForURL(site.base + '/my/calendar/week/2030-05-13');
    await page.mouse.move(b.x + 20, b.y + 10, {steps: 8});
    await page.mouse.up();
  });
  assert.deepEqual([fields.start, fields.end, fields.back], ['2030-05-13T12:00', '2030-05-13T13:00', '/my/calendar/week/2030-05-13']);
}));

test('by touch: a finger that rests takes an event or an empty time, one that moves scrolls', () => visit(site, {user: 'chen', hasTouch: true, expected: [404, 405, 409, 412]}, async page => {
  await page.route('**/my/event/move', route => route.fulfill({status: 200, contentType: 'text/html', body: '<!doctype html><title>x</title>'}));
  await open(page, week);
  const cdp = await page.context().newCDPSession(page);
  const touch = (/** @type {string} */ type, /** @type {number} */ x, /** @type {number} */ y) =>
    cdp.send('Input.dispatchTouchEvent', {type: /** @type {any} */ (type), touchPoints: type === 'touchEnd' ? [] : [{x, y}]});
  const lunch = async () => { const b = await page.getByRole('link', {name: /Lunch/}).boundingBox(); assert.ok(b); return b; };
  const top = () => page.locator('.cal-scroll').evaluate(e => e.scrollTop);
  let b = await lunch();
  const before = await top();
  await touch('touchStart', b.x + 20, b.y + 10);
  for (let i = 1; i <= 8; i++) await touch('touchMove', b.x + 20, b.y + 10 - 10 * i);
  await touch('touchEnd', 0, 0);
  await page.waitForFunction(before => (document.querySelector('.cal-scroll')?.scrollTop ?? 0) > before, before);
  assert.equal(await page.locator('.ghost').count(), 0);
  await open(page, week); // where nothing scrolls on
  b = await lunch();
  const fields = await sent(page, async () => {
    await touch('touchStart', b.x + 20, b.y + 10);
    await page.locator('.ghost').waitFor();
    for (let i = 1; i <= 4; i++) await touch('touchMove', b.x + 20, b.y + 10 + i * b.height / 4);
    await touch('touchEnd', 0, 0);
  });
  assert.deepEqual([fields.start, fields.end], ['2030-05-06T13:00', '2030-05-06T14:00']);
  await open(page, week);
  b = await lunch();
  await touch('touchStart', b.x + 20, b.y + b.height + 20); // nearer, it would be the event that is meant
  await page.locator('.ghost').waitFor();
  await touch('touchMove', b.x + 20, b.y + 2 * b.height - 6);
  await touch('touchEnd', 0, 0);
  await page.waitForURL(/\/my\/event\/new\?/);
  const q = new URL(page.url()).searchParams;
  assert.deepEqual([q.get('start'), q.get('end')], ['2030-05-06T13:15', '2030-05-06T14:00']);
}));
