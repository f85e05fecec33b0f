// @ts-check
// Rooms as people book them: with the keyboard, without script, and at the door.
import {after, before, test} from 'node:test';
import assert from 'node:assert/strict';
import {axe, start, tooWide, visit} from './harness.mjs';

/** @type {import('./harness.mjs').Site} */ let site;
before(async () => { site = await start(); });
after(async () => { await site?.close(); });

/** A day that nothing of the demonstration is on. */
const day = '2027-03-06';

test('a room is found and booked with the keyboard alone', () => visit(site, {user: 'ann'}, async page => {
  await page.goto(`${site.base}/my/rooms?date=${day}&time=10:00&heads=6`);
  await page.locator('#title').focus();
  await page.keyboard.type('Keyboard');
  await page.keyboard.press('Enter');
  await page.waitForLoadState();
  const button = page.getByRole('button', {name: 'Book: Borealis', exact: true});
  for (let i = 0; i < 80 && !await button.evaluate(b => b === document.activeElement); i++) await page.keyboard.press('Tab');
  assert.ok(await button.evaluate(b => b === document.activeElement), 'Tab comes to the button');
  const seen = await button.evaluate(b => { const r = b.getBoundingClientRect(); return document.elementFromPoint(r.x + r.width / 2, r.y + r.height / 2) === b; });
  assert.ok(seen, 'what has the focus is not covered');
  await page.keyboard.press('Enter');
  await page.waitForURL('**/my/bookings');
  assert.match(await page.locator('.done').innerText(), /Borealis is booked/);
  assert.deepEqual(await axe(page), []);
}));

test('a room that is taken says why and what is free, without script', async () => {
  await visit(site, {user: 'ann'}, async page => {
    const form = {room: 'locations/borealis', from: '2027-03-07T09:00:00Z', for: '60', title: 'First'};
    const r = await page.request.post(site.base + '/my/rooms/book', {form, headers: {Origin: site.base}, maxRedirects: 0});
    assert.equal(r.status(), 303);
  });
  await visit(site, {user: 'ben', javaScriptEnabled: false, expected: [409]}, async page => {
    await page.context().addCookies([{name: 'convene-zone', value: 'Europe%2FBerlin', url: site.base}]); // as app.js says
    await page.goto(`${site.base}/my/rooms?date=2027-03-07&time=09:30&heads=6&title=Ours`);
    await page.locator('li', {hasText: 'Borealis'}).getByRole('link', {name: 'Compare'}).click();
    assert.match(page.url(), /time=11%3A00/);
    await page.goBack();
    // Somebody comes first while the list is open.
    await page.locator('li', {hasText: 'Cirrus'}).getByRole('button').evaluate(b => b.closest('form')?.querySelector('[name=room]')?.setAttribute('value', 'locations/borealis'));
    await page.locator('li', {hasText: 'Cirrus'}).getByRole('button').click();
    assert.match(await page.getByRole('alert').innerText(), /Borealis was not booked: taken at this time/);
    await page.getByRole('alert').getByRole('button').first().click();
    assert.match(await page.locator('.done').innerText(), /is booked/);
  });
});

test('a panel is paired, books, ends, says that it is offline, and recovers', async () => {
  await visit(site, {}, async door => {
    await door.goto(site.base + '/panel/');
    await door.getByRole('button').click();
    const code = (await door.locator('.code').innerText()).replace(/\D/g, '');
    await visit(site, {user: 'fatima'}, async page => {
      await page.goto(site.base + '/my/rooms/manage');
      await page.locator('#p-room').selectOption('locations/flint');
      await page.locator('#p-code').fill(code);
      await page.getByRole('button', {name: 'Pair', exact: true}).click();
      assert.match(await page.locator('.done').innerText(), /The panel shows Flint/);
      assert.deepEqual(await axe(page), []);
    });
    await door.goto(site.base + '/panel/');
    assert.match(await door.locator('h1').innerText(), /Flint/);
    if (process.env.SHOTS) await door.screenshot({path: process.env.SHOTS + '/panel-free.png'});
    if (await door.locator('.panel.free').count()) {
      await door.getByRole('button', {name: '15 minutes'}).click();
      assert.match(await door.locator('.word').innerText(), /Busy/);
      assert.deepEqual(await axe(door), []);
      if (process.env.SHOTS) await door.screenshot({path: process.env.SHOTS + '/panel-busy.png'});
      door.once('dialog', d => d.accept());
      await door.getByRole('button', {name: 'End now'}).click();
      await door.locator('.panel.free, .panel.soon').waitFor();
    }
    await door.route('**/panel/', r => r.abort());
    await door.locator('[data-offline]').waitFor({state: 'visible', timeout: 15000});
    await door.unroute('**/panel/');
    await door.locator('[data-offline]').waitFor({state: 'hidden', timeout: 15000});
    assert.equal((await door.request.get(site.base + '/my/rooms')).status(), 401);
  }).catch(e => { // what the console says of the network that was cut
    if (!/ERR_FAILED/.test(String(e.message)) || /policy|script:|foreign/.test(String(e.message))) throw e;
  });
});

test('a screen in a lobby is paired by keyboard, says that it is offline, recovers, and is removed', async () => {
  await visit(site, {}, async screen => {
    await screen.goto(site.base + '/panel/');
    await screen.keyboard.press('Tab');
    await screen.keyboard.press('Tab');
    await screen.getByRole('button').press('Enter');
    const code = (await screen.locator('.code').innerText()).replace(/\D/g, '');
    await visit(site, {user: 'fatima'}, async page => {
      await page.goto(site.base + '/my/rooms/manage');
      const place = page.locator('#l-place');
      assert.deepEqual((await place.locator('option').allInnerTexts()).slice(0, 3), ['All rooms', 'North building', 'North building, floor 1']);
      await place.focus();
      await page.keyboard.press('ArrowDown'); // North building
      await page.keyboard.press('Tab');
      await page.keyboard.type(code);
      await page.keyboard.press('Enter');
      assert.match(await page.locator('.done').innerText(), /The screen shows: North building/);
      assert.deepEqual(await axe(page), []);
    });
    await screen.waitForURL('**/panel/lobby', {timeout: 15000}); // by itself
    assert.equal(await screen.locator('h1').innerText(), 'North building');
    assert.deepEqual(await screen.locator('button, a:visible, input').allInnerTexts(), [], 'there is nothing to press');
    assert.deepEqual(await axe(screen), []);
    if (process.env.SHOTS) await screen.screenshot({path: process.env.SHOTS + '/lobby.png', fullPage: true});
    await screen.route('**/panel/', r => r.abort());
    await screen.locator('[data-offline]').waitFor({state: 'visible', timeout: 15000});
    assert.equal(await screen.locator('h1').innerText(), 'North building');
    await screen.unroute('**/panel/');
    await screen.locator('[data-offline]').waitFor({state: 'hidden', timeout: 15000});
    await visit(site, {user: 'fatima'}, async page => {
      await page.goto(site.base + '/my/rooms/manage');
      page.once('dialog', d => d.accept());
      await page.getByRole('button', {name: 'Remove screen: North building'}).press('Enter');
      assert.match(await page.locator('.done').innerText(), /The screen is removed/);
    });
    await screen.goto(site.base + '/panel/lobby');
    assert.match(screen.url(), /\/panel\/$/);
    assert.equal(await screen.getByRole('button', {name: 'Show a code'}).count(), 1);
  }).catch(e => { // what the console says of the network that was cut
    if (!/ERR_FAILED/.test(String(e.message)) || /policy|script:|foreign/.test(String(e.message))) throw e;
  });
});

for (const javaScriptEnabled of [true, false])
  test(`a screen in a lobby shows by itself what has changed, ${javaScriptEnabled ? 'with' : 'without'} script`, () => visit(site, {user: 'fatima'}, async page => {
    await visit(site, {device: 'lobby', javaScriptEnabled}, async screen => {
      await screen.goto(site.base + '/panel/lobby');
      const room = await screen.locator('.free-now li', {hasText: 'rest of the day'}).locator('strong').first().innerText();
      const free = screen.locator('.free-now li', {hasText: room}), taken = screen.locator('.meetings .on', {hasText: room});
      assert.deepEqual([await free.count(), await taken.count()], [1, 0]);
      const day = (/** @type {number} */ ahead) => new Date(Date.now() + ahead * 864e5).toLocaleString('sv', {timeZone: 'Europe/Berlin'}).split(' '); // as the rooms have it
      const [date, from] = day(0), [last] = day(1);
      const form = {room: 'locations/' + room.toLowerCase(), date, from: from.slice(0, 5), last, to: '00:30', text: 'Painters'};
      const r = await page.request.post(site.base + '/my/rooms/close', {form, maxRedirects: 0});
      assert.equal(r.status(), 303, await r.text());
      await taken.waitFor({timeout: 45000});
      assert.match(await taken.innerText(), /now.*Painters/s);
      assert.equal(await free.count(), 0);
      assert.ok(await tooWide(screen) <= 0);
      if (process.env.SHOTS) await screen.screenshot({path: process.env.SHOTS + '/lobby-taken.png', fullPage: true});
      for (const colorScheme of /** @type {const} */ (javaScriptEnabled ? ['light', 'dark'] : [])) { // axe is a script
        await screen.emulateMedia({colorScheme});
        assert.deepEqual(await axe(screen), []);
      }
    });
  }));
