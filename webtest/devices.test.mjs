// @ts-check
// Device passwords, the test of a device, and published calendars, in a browser.
import {after, before, test} from 'node:test';
import assert from 'node:assert/strict';
import {axe, start, tooWide, visit, ways} from './harness.mjs';

/** @type {import('./harness.mjs').Site} */ let site;
before(async () => { site = await start(); });
after(async () => { await site?.close(); });

const basic = (/** @type {string} */ user, /** @type {string} */ password) => 'Basic ' + Buffer.from(user + ':' + password).toString('base64');

/** Publishes ann's calendars and returns the link's path.
 * @param {import('playwright-core').Page} page */
async function publish(page) {
  await page.goto(site.base + '/my/sharing');
  for (const box of await page.locator('input[name=calendar]').all()) await box.check();
  await page.click('main form[action="/my/sharing"] button');
  return new URL(await page.locator('#page').innerText()).pathname;
}

for (const [way, options] of Object.entries(ways))
  test(`axe finds nothing, and nothing is too wide, on what is shown once and what is published: ${way}`, () =>
    visit(site, {...options, user: 'ann'}, async page => {
      const fine = async () => {
        assert.deepEqual(await axe(page), []);
        assert.ok(await tooWide(page) <= 0, `${page.url()}: ${await tooWide(page)} px too wide`);
      };
      await page.goto(site.base + '/my/devices');
      await page.fill('#name', 'Phone');
      await page.click('main button.primary');
      await fine();
      await page.goto(site.base + '/my/devices');
      await fine();
      const path = await publish(page);
      await fine();
      await page.goto(site.base + path);
      await fine();
      await page.goto(site.base + '/my/sharing');
      await fine();
    }));

test('a device password by keyboard: made, copied, shown once, revoked', () => visit(site, {user: 'ben', permissions: ['clipboard-read', 'clipboard-write']}, async page => {
  await page.goto(site.base + '/my/devices');
  await page.focus('#name');
  await page.keyboard.type('Tablet');
  await page.keyboard.press('Enter');
  const secret = await page.locator('#secret').innerText();
  assert.match(secret, /^([0-9a-z]{5}-){3}[0-9a-z]{5}$/);
  await page.getByRole('button', {name: 'Copy the password'}).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('button', {name: 'Copied'}).waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), secret);
  assert.equal((await page.request.fetch(site.base + '/', {method: 'PROPFIND', headers: {Depth: '0', Authorization: basic('ben', secret)}})).status(), 207);
  await page.reload();
  assert.equal(page.url(), site.base + '/my/devices');
  assert.equal((await page.content()).includes(secret), false);
  page.once('dialog', d => d.accept());
  await page.getByRole('button', {name: 'Revoke: Tablet'}).focus();
  await page.keyboard.press('Enter');
  await page.getByText('The password no longer works.').waitFor();
  assert.equal((await page.request.fetch(site.base + '/', {method: 'PROPFIND', headers: {Depth: '0', Authorization: basic('ben', secret)}})).status(), 401);
}));

test('the test of a device shows by itself what arrives', () => visit(site, {user: 'chen'}, async page => {
  await page.goto(site.base + '/my/setup?for=thunderbird');
  await page.getByRole('button', {name: 'Begin a test'}).click();
  await page.getByText('Nothing yet.').waitFor();
  await page.request.fetch(site.base + '/', {method: 'PROPFIND', headers: {Depth: '0', Authorization: basic('chen', 'wrong'), 'User-Agent': 'Thunderbird/140'}});
  await page.getByText('The password is wrong.').waitFor({timeout: 8000});
  assert.equal(await page.evaluate(() => document.activeElement?.id), 'arrived');
  assert.deepEqual(await axe(page), []);
}));

test('without script: test a device, publish, open the link as somebody else, revoke', () => visit(site, {user: 'ann', javaScriptEnabled: false}, async page => {
  await page.goto(site.base + '/my/setup');
  await page.getByRole('button', {name: 'Begin a test'}).click();
  await page.request.fetch(site.base + '/none/', {method: 'PROPFIND', headers: {Depth: '0', Authorization: basic('ann', 'demo')}});
  await page.getByRole('link', {name: 'Look again'}).click();
  await page.getByText('there is nothing at /none/').waitFor();
  const path = await publish(page);
  await visit(site, {javaScriptEnabled: false, expected: [404]}, async other => {
    assert.equal((await other.goto(site.base + path))?.status(), 200);
    await other.getByText('Platform stand-up').first().waitFor();
    await page.goto(site.base + '/my/sharing');
    await page.getByRole('button', {name: /^Revoke:/}).first().click();
    await page.getByText('The link no longer works.').waitFor();
    assert.equal((await other.goto(site.base + path))?.status(), 404);
  });
}));
