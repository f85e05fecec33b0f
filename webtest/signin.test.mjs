// @ts-check
// Signing in and what follows, by keyboard, and without script.
import {after, before, test} from 'node:test';
import assert from 'node:assert/strict';
import {start, visit} from './harness.mjs';

/** @type {import('./harness.mjs').Site} */ let site;
before(async () => { site = await start(); });
after(async () => { await site?.close(); });

/** The element that has the focus is seen, and nothing lies over it.
 * @param {import('playwright-core').Page} page */
async function focused(page) {
  return page.evaluate(() => {
    const e = document.activeElement;
    if (!e || e === document.body) return {name: '', seen: false, outline: false};
    const b = e.getBoundingClientRect();
    const over = document.elementFromPoint(b.x + b.width / 2, b.y + b.height / 2);
    const style = getComputedStyle(e);
    return {name: (e.getAttribute('aria-label') ?? e.getAttribute('name') ?? e.textContent ?? '').trim(), seen: over !== null && (e.contains(over) || over.contains(e)), outline: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2};
  });
}

test('by keyboard alone: wrong password, sign in, account, sign out', () => visit(site, {expected: [401]}, async page => {
  await page.goto(site.base + '/my/account');
  const names = [];
  for (let i = 0; i < 6; i++) {
    await page.keyboard.press('Tab');
    const f = await focused(page);
    assert.ok(f.seen && f.outline, `${f.name}: ${JSON.stringify(f)}`);
    names.push(f.name);
    if (f.name === 'login') break;
  }
  assert.equal(names[0], 'Skip to the content');
  assert.equal(names.at(-1), 'login');
  await page.keyboard.type('ann');
  await page.keyboard.press('Tab');
  await page.keyboard.type('wrong');
  await page.keyboard.press('Enter');
  await page.waitForSelector('[role=alert]');
  assert.equal((await focused(page)).name, 'Wrong user name or password.');
  assert.equal(await page.inputValue('#login'), 'ann');
  assert.equal(await page.inputValue('#password'), '');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Tab');
  await page.keyboard.type('demo');
  await page.keyboard.press('Enter');
  await page.waitForURL(site.base + '/my/account');
  // Every thing that can be used is reached, seen, and shows its focus.
  const count = await page.locator('a[href], button, input:not([type=hidden]), select').count();
  for (let i = 0; i < count; i++) {
    await page.keyboard.press('Tab');
    const f = await focused(page);
    assert.ok(f.seen && f.outline, `${i}: ${JSON.stringify(f)}`);
  }
  await page.getByRole('button', {name: 'Sign out', exact: true}).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('heading', {name: 'You have signed out'}).waitFor();
  const r = await page.goto(site.base + '/my/');
  assert.equal(r?.status(), 401);
}));

test('the skip link leads to the content', () => visit(site, {user: 'ann'}, async page => {
  await page.goto(site.base + '/my/');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement?.id), 'main');
}));

test('without script: sign in, choose a language, revoke a session', () => visit(site, {javaScriptEnabled: false, expected: [401]}, async page => {
  await page.goto(site.base + '/my/account');
  await page.fill('#login', 'ben');
  await page.fill('#password', 'demo');
  await page.click('main button');
  await page.waitForURL(site.base + '/my/account');
  await page.selectOption('#language', 'de');
  await page.selectOption('#zone', 'Asia/Kathmandu');
  await page.click('text=Save');
  await page.waitForSelector('text=Gespeichert.');
  assert.equal(await page.locator('html').getAttribute('lang'), 'de');
  await visit(site, {user: 'ben', expected: [401]}, async other => {
    await other.goto(site.base + '/my/');
    assert.equal(await page.locator('h1').innerText(), 'Konto');
    await page.reload();
    const rows = page.locator('tbody tr');
    assert.equal(await rows.count(), 2);
    await rows.filter({hasNot: page.locator('.tag')}).getByRole('button').click();
    await page.waitForSelector('text=Die Sitzung ist beendet.');
    const r = await other.goto(site.base + '/my/account');
    assert.equal(r?.status(), 401);
  });
}));

test('times are those of the browser\'s zone and the page\'s language', () => visit(site, {user: 'chen', timezoneId: 'America/New_York', locale: 'fr-FR'}, async page => {
  await page.goto(site.base + '/my/account');
  await page.reload();
  assert.match(await page.locator('#zone option').first().innerText(), /America\/New_York/);
  const shown = await page.locator('tbody time').first().innerText();
  const at = new Date(await page.locator('tbody time').first().getAttribute('datetime') ?? '');
  const clock = new Intl.DateTimeFormat('fr-FR', {hour: '2-digit', minute: '2-digit', timeZone: 'America/New_York'}).format(at);
  assert.ok(shown.endsWith(clock), `${shown} does not end with ${clock}`);
}));

test('a browser that opens a calendar\'s address comes to the pages', () => visit(site, {user: 'ann'}, async page => {
  for (const path of ['/', '/calendars/users/ann/', '/principals/']) {
    await page.goto(site.base + path);
    assert.equal(page.url(), site.base + '/my/');
  }
}));

test('over TLS the cookie has its prefix', () => visit(site, {ignoreHTTPSErrors: true, expected: [401]}, async page => {
  await page.goto(site.secure + '/my/');
  await page.fill('#login', 'ann');
  await page.fill('#password', 'demo');
  await page.click('main button');
  await page.waitForURL(site.secure + '/my/');
  const cookie = (await page.context().cookies()).find(c => c.name === '__Host-convene');
  assert.deepEqual([cookie?.secure, cookie?.httpOnly, cookie?.sameSite, cookie?.path], [true, true, 'Lax', '/']);
  assert.equal(await page.evaluate(() => document.cookie.includes('__Host-')), false);
}));
