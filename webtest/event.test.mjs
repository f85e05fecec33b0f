// @ts-check
// Events in pages: made, shown, changed, moved, answered, deleted, undone; by keyboard, and
// without script.
import {after, before, test} from 'node:test';
import assert from 'node:assert/strict';
import {axe, start, tooWide, visit as visitPage, ways} from './harness.mjs';

/** @type {import('./harness.mjs').Site} */ let site;
before(async () => { site = await start(); });
after(async () => { await site?.close(); });

/** A request of a calendar program. @param {string} user @param {string} method @param {string} path
 * @param {string} [body] @param {Record<string, string>} [headers] */
const dav = (user, method, path, body, headers = {}) => fetch(site.base + path, {method, body,
  headers: {Authorization: 'Basic ' + Buffer.from(user + ':demo').toString('base64'), 'Content-Type': 'text/calendar', ...headers}});

/** visit with a browser whose zone is known, as app.js makes it known.
 * @type {typeof visitPage} */
const visit = (site, options, fn) => visitPage(site, options, async page => {
  page.setDefaultTimeout(6000);
  await page.context().addCookies([{name: 'convene-zone', value: 'Europe%2FBerlin', url: site.base}]);
  await fn(page);
});

let count = 0;
/** Stores an event of ann's, and returns its path. @param {string[]} lines @param {string} [user] */
async function store(lines, user = 'ann') {
  const uid = `test-${++count}`;
  const path = `/calendars/users/${user}/calendar/${uid}.ics`;
  const body = ['BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:-//test//EN', 'X-OUTER;X-Y=1:kept', 'BEGIN:VEVENT', `UID:${uid}`,
    'DTSTAMP:20260101T000000Z', ...lines, 'X-ODD;x-case="a:b":kept \\, as it is', 'END:VEVENT', 'END:VCALENDAR', ''].join('\r\n');
  const r = await dav(user, 'PUT', path, body);
  assert.equal(r.status, 201, await r.text());
  return path;
}
/** @param {string} path @param {string} [user] */
const read = async (path, user = 'ann') => (await (await dav(user, 'GET', path)).text()).replaceAll('\r\n ', '');
/** @param {string} text @param {string} name */
const line = (text, name) => text.replace(/BEGIN:VTIMEZONE[\s\S]*END:VTIMEZONE\r\n/, '').split('\r\n').filter(l => l.startsWith(name));

const single = ['DTSTART;TZID=Europe/Berlin:20261207T090000', 'DTEND;TZID=Europe/Berlin:20261207T100000', 'SUMMARY:Review', 'DESCRIPTION:See https://example.com/a?b=1.'];
const weekly = [...single.slice(0, 2), 'SUMMARY:Weekly', 'RRULE:FREQ=WEEKLY;COUNT=6'];

test('without script: create, read, edit, delete, undo', () => visit(site, {user: 'ann', javaScriptEnabled: false}, async page => {
  page.setDefaultTimeout(5000);
  await page.goto(site.base + '/my/event/new?start=2026-12-03T09:00&end=2026-12-03T10:30');
  assert.equal(await page.inputValue('#start-day'), '2026-12-03');
  assert.equal(await page.inputValue('#end-time'), '10:30');
  await page.fill('#title', 'Lunch, "quoted"; <b>bold</b>');
  await page.fill('#place', 'Canteen');
  await page.getByRole('button', {name: 'Save', exact: true}).last().click();
  await page.getByText('Saved.').waitFor();
  assert.equal(await page.locator('h1').innerText(), 'Lunch, "quoted"; <b>bold</b>');
  assert.match(await page.locator('.when').innerText(), /December 3, 2026, 09:00–10:30/);
  const path = new URL(page.url()).pathname.replace('/my/event', '');
  assert.deepEqual(line(await read(path), 'SUMMARY'), ['SUMMARY:Lunch\\, "quoted"\\; <b>bold</b>']);
  await page.getByRole('link', {name: 'Edit'}).click();
  await page.fill('#title', 'Dinner');
  await page.selectOption('#start-time', '19:00');
  await page.selectOption('#end-time', '21:15');
  await page.getByRole('button', {name: 'Save', exact: true}).last().click();
  await page.getByText('Saved.').waitFor();
  assert.deepEqual(line(await read(path), 'DTSTART').concat(line(await read(path), 'DTEND'), line(await read(path), 'SEQUENCE')),
    ['DTSTART;TZID=Europe/Berlin:20261203T190000', 'DTEND;TZID=Europe/Berlin:20261203T211500', 'SEQUENCE:1']);
  await page.getByRole('link', {name: 'Delete'}).click();
  const before = await read(path);
  await page.getByRole('button', {name: 'Delete'}).click();
  await page.getByText('Deleted.').waitFor();
  assert.equal((await dav('ann', 'GET', path)).status, 404);
  await page.getByRole('button', {name: 'Undo'}).click();
  await page.getByText('Undone.').waitFor();
  assert.equal(await read(path), before);
}));

test('faults come back to their fields, with all that was typed', () => visit(site, {user: 'ann', expected: [422]}, async page => {
  await page.goto(site.base + '/my/event/new?start=2026-12-03T09:00&end=2026-12-03T10:00');
  await page.fill('#title', 'Backwards');
  await page.fill('#notes', 'first\nsecond');
  await page.selectOption('#end-time', '08:00');
  await page.getByRole('button', {name: 'Save', exact: true}).last().click();
  await page.getByText('The end comes before the start.').waitFor();
  assert.equal(await page.getAttribute('#end-day', 'aria-describedby'), 'end-fault');
  assert.equal(await page.inputValue('#title'), 'Backwards');
  assert.equal(await page.inputValue('#notes'), 'first\nsecond');
}));

test('moving keeps what no form knows byte for byte, and can be undone', () => visit(site, {user: 'ann'}, async page => {
  const path = await store(single);
  const before = await read(path);
  const tag = (await dav('ann', 'GET', path)).headers.get('etag') ?? '';
  const sent = async (/** @type {Record<string, string>} */ form) => page.context().request.post(site.base + '/my/event/move', {form, maxRedirects: 0, headers: {'Sec-Fetch-Site': 'same-origin'}});
  const r = await sent({path: path.slice(1), start: '2026-12-08T11:15', end: '2026-12-08T12:00', etag: tag});
  assert.equal(r.status(), 303, await r.text());
  const after = await read(path);
  assert.deepEqual(line(after, 'DTSTART').concat(line(after, 'DTEND'), line(after, 'SEQUENCE')),
    ['DTSTART;TZID=Europe/Berlin:20261208T111500', 'DTEND;TZID=Europe/Berlin:20261208T120000', 'SEQUENCE:1']);
  for (const kept of ['X-OUTER', 'X-ODD', 'SUMMARY', 'DESCRIPTION', 'UID', 'PRODID']) assert.deepEqual(line(after, kept), line(before, kept));
  await page.goto(site.base + '/my/event' + path);
  await page.getByRole('button', {name: 'Undo'}).click();
  await page.getByText('Undone.').waitFor();
  assert.equal(await read(path), before);
  // A program that has not seen it is refused, with both versions.
  const late = await sent({path: path.slice(1), start: '2026-12-09T11:15', end: '2026-12-09T12:00', etag: tag});
  assert.equal(late.status(), 412);
  assert.equal(await read(path), before);
}));

test('an undo after somebody else\'s change is refused with both versions', () => visit(site, {user: 'ann', expected: [412]}, async page => {
  const path = await store(single);
  await page.goto(site.base + '/my/event/edit' + path);
  await page.fill('#title', 'Mine');
  await page.getByRole('button', {name: 'Save', exact: true}).last().click();
  await page.getByText('Saved.').waitFor();
  await dav('ann', 'PUT', path, (await (await dav('ann', 'GET', path)).text()).replace('SUMMARY:Mine', 'SUMMARY:Theirs'));
  const now = await read(path);
  await page.getByRole('button', {name: 'Undo'}).click();
  await page.getByRole('heading', {name: 'It cannot be undone any more'}).waitFor();
  const text = await page.locator('table').innerText();
  assert.ok(text.includes('Theirs') && text.includes('Review'), text);
  assert.equal(await read(path), now);
}));

for (const [scope, want] of /** @type {[string, RegExp[]][]} */ ([
  ['once', [/RECURRENCE-ID[^\r]*20261214T090000/, /DTSTART[^\r]*20261215T140000/, /RRULE:FREQ=WEEKLY;COUNT=6/]],
  ['following', [/RRULE:FREQ=WEEKLY;UNTIL=20261214T075959Z/, /DTSTART[^\r]*20261207T090000/]],
  ['all', [/DTSTART[^\r]*20261208T140000/, /RRULE:FREQ=WEEKLY;COUNT=6/]],
]))
  test(`a series is moved: ${scope}`, () => visit(site, {user: 'ann', javaScriptEnabled: false}, async page => {
  page.setDefaultTimeout(5000);
    const path = await store(weekly);
    await page.goto(`${site.base}/my/event${path}?at=20261214T080000Z`);
    await page.getByRole('link', {name: 'Move to…'}).click();
    await page.fill('#start-day', '2026-12-15');
    await page.fill('#end-day', '2026-12-15');
    await page.selectOption('#start-time', '14:00');
    await page.selectOption('#end-time', '15:00');
    await page.check(`input[value=${scope}]`);
    await page.getByRole('button', {name: 'Move', exact: true}).click();
    await page.getByText('Moved.').waitFor();
    const got = await read(path);
    for (const w of want) assert.match(got, w);
    assert.deepEqual(line(got, 'X-ODD')[0], 'X-ODD;x-case="a:b":kept \\, as it is');
    if (scope === 'following') {
      const next = await read(new URL(page.url()).pathname.replace('/my/event', ''));
      assert.match(next, /DTSTART[^\r]*20261215T140000/);
      assert.match(next, /RRULE:FREQ=WEEKLY;COUNT=5/);
    }
    await page.getByRole('button', {name: 'Undo'}).click();
    await page.getByText('Undone.').waitFor();
    assert.match(await read(path), /RRULE:FREQ=WEEKLY;COUNT=6\r\nX-ODD/);
  }));

test('two change the same event: the second sees what has changed, and nothing is lost', () => visit(site, {user: 'ann', expected: [412]}, async first => {
  const path = await store(single);
  await visit(site, {user: 'ann', expected: [412]}, async second => {
    for (const page of [first, second]) await page.goto(site.base + '/my/event/edit' + path);
    await first.fill('#title', 'From the first');
    await first.getByRole('button', {name: 'Save', exact: true}).last().click();
    await first.getByText('Saved.').waitFor();
    await second.fill('#title', 'From the second');
    await second.fill('#place', 'Room 3');
    await second.getByRole('button', {name: 'Save', exact: true}).last().click();
    await second.getByRole('heading', {name: 'It was changed meanwhile'}).waitFor();
    assert.match(await read(path), /SUMMARY:From the first/);
    const text = await second.locator('table').innerText();
    assert.ok(text.includes('From the first') && text.includes('From the second'), text);
    assert.equal(await second.inputValue('#place'), 'Room 3');
    assert.deepEqual(await axe(second), []);
    await second.getByRole('button', {name: 'Save mine'}).click();
    await second.getByText('Saved.').waitFor();
    const got = await read(path);
    assert.match(got, /SUMMARY:From the second/);
    assert.match(got, /LOCATION:Room 3/);
  });
}));

test('invite a person, a group and a room; it is accepted in the invitations', () => visit(site, {user: 'ann'}, async page => {
  await page.goto(site.base + '/my/event/new?start=2026-12-19T09:00&end=2026-12-19T10:00');
  await page.fill('#title', 'Launch');
  for (const [query, name] of [['ben ach', 'Ben Achterberg'], ['apps', ''], ['aurora', '']]) {
    await page.fill('#q', query);
    const add = page.locator('#guests .found button').first();
    if (name) assert.match(await page.locator('#guests .found').innerText(), new RegExp(name));
    const n = await page.locator('#guests [name=guest]').count();
    await add.click();
    await page.waitForFunction(n => document.querySelectorAll('#guests [name=guest]').length > n, n);
  }
  assert.match(await page.locator('#guests').innerText(), /Ben Achterberg[\s\S]*has time/);
  assert.match(await page.locator('#guests').innerText(), /Aurora[\s\S]*free, and accepts/);
  assert.deepEqual(await axe(page), []);
  await page.getByRole('button', {name: 'Save and tell the guests'}).click();
  await page.getByText('Saved.').waitFor();
  const at = page.url();
  assert.match(await page.locator('.guests').innerText(), /Aurora\S* accepted/);
  await visit(site, {user: 'ben'}, async ben => {
    await ben.goto(site.base + '/my/invitations');
    assert.match(await ben.locator('.invitations').innerText(), /Launch/);
    assert.deepEqual(await axe(ben), []);
    await ben.getByRole('link', {name: 'Launch'}).click();
    assert.equal(await ben.getByRole('link', {name: 'Edit'}).count(), 0);
    await ben.fill('#comment', 'Gladly');
    await ben.getByRole('button', {name: 'Accept'}).click();
    await ben.getByText('Your answer has been sent.').waitFor();
    await ben.goto(site.base + '/my/invitations');
    assert.doesNotMatch(await ben.locator('main').innerText(), /Launch/);
  });
  await page.goto(at);
  assert.match(await page.locator('.guests').innerText(), /Ben Achterberg accepted/);
}));

test('by keyboard alone: create, move, invite, delete, undo', () => visit(site, {user: 'chen'}, async page => {
  /** @param {string} name */
  const to = async name => {
    for (let i = 0; i < 80; i++) {
      await page.keyboard.press('Tab');
      const f = await page.evaluate(() => {
        const e = document.activeElement;
        const b = e?.getBoundingClientRect();
        const over = b && document.elementFromPoint(b.x + Math.min(b.width / 2, 40), b.y + b.height / 2);
        return {id: e?.id, value: e?.getAttribute('value'), text: e?.textContent?.trim(), seen: !!(over && e && (e.contains(over) || over.contains(e)))};
      });
      assert.ok(f.seen, `covered: ${JSON.stringify(f)}`);
      if (f.id === name || f.text === name || f.value === name) return;
    }
    assert.fail(`${name} is not reached`);
  };
  await page.goto(site.base + '/my/event/new?start=2026-12-04T09:00&end=2026-12-04T10:00');
  await page.keyboard.type('Keys');
  await to('q');
  await page.keyboard.type('Dana');
  await page.locator('#guests .found button').first().waitFor();
  await to('Dana Petrov person');
  await page.keyboard.press('Enter');
  await page.locator('[name=guest]').first().waitFor({state: 'attached'});
  await to('Save and tell the guests');
  await page.keyboard.press('Enter');
  await page.getByText('Saved.').waitFor();
  await to('Move to…');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', {name: 'Move to…'}).waitFor();
  await to('start-time');
  await page.keyboard.press('ArrowUp');
  await to('Move');
  await page.keyboard.press('Enter');
  await page.getByText('Moved.').waitFor();
  assert.match(await page.locator('.when').innerText(), /08:45–10:00/);
  await to('Delete');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', {name: 'Delete'}).waitFor();
  await to('Delete');
  await page.keyboard.press('Enter');
  await page.getByText('Deleted.').waitFor();
  await to('Undo');
  await page.keyboard.press('Enter');
  await page.getByText('Undone.').waitFor();
}));

test('a colleague\'s event that may not be changed has no buttons, and no door', () => visit(site, {user: 'tom', expected: [403, 404]}, async page => {
  const path = await store(single);
  const r = await page.goto(site.base + '/my/event' + path);
  assert.ok([403, 404].includes(r?.status() ?? 0), String(r?.status()));
  for (const [where, form] of /** @type {[string, Record<string, string>][]} */ ([['/my/event/move', {path, start: '2026-12-08T11:15', end: '2026-12-08T12:00'}], [`/my/event/delete${path}`, {}], ['/my/event/undo', {path, etag: '"1"', was: ''}], ['/my/event/undo', {path, etag: '"1"', was: Buffer.from('BEGIN:VCALENDAR').toString('base64')}]])) {
    const got = await page.context().request.post(site.base + where, {form, headers: {'Sec-Fetch-Site': 'same-origin'}});
    assert.ok([403, 404, 412].includes(got.status()), `${where}: ${got.status()}`);
  }
  assert.match(await read(path), /DTSTART;TZID=Europe\/Berlin:20261207T090000/);
}));

for (const [way, options] of Object.entries(ways))
  test(`axe finds nothing, and nothing is too wide: ${way}`, () => visit(site, {...options, user: 'ann'}, async page => {
    const path = await store([...weekly, 'ORGANIZER:mailto:ann@example.com', 'ATTENDEE;PARTSTAT=ACCEPTED:mailto:ann@example.com', 'ATTENDEE:mailto:ben@example.com']);
    const about = path + '?at=20261214T080000Z';
    for (const where of ['/my/event' + about, '/my/event/edit' + about, '/my/event/delete' + about, `/my/event/move?path=${path}&at=20261214T080000Z`, '/my/event/new', '/my/invitations']) {
      const r = await page.goto(site.base + where);
      assert.equal(r?.status(), 200, where);
      assert.deepEqual(await axe(page), [], where);
      assert.ok(await tooWide(page) <= 0, `${where}: ${await tooWide(page)} px too wide`);
    }
  }));
