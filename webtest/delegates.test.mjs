// @ts-check
// Delegates: by keyboard, without script, and the pages of those whom somebody acts for.
import {after, before, test} from 'node:test';
import assert from 'node:assert/strict';
import {axe, start, tooWide, visit, ways} from './harness.mjs';

/** @type {import('./harness.mjs').Site} */ let site;
before(async () => { site = await start(); });
after(async () => { await site?.close(); });

test('by keyboard: find as one types, choose, save, remove', () => visit(site, {user: 'ann'}, async page => {
  await page.goto(site.base + '/my/delegates');
  await page.focus('#q');
  await page.keyboard.type('chen');
  await page.getByRole('link', {name: 'Chen Li'}).waitFor();
  assert.equal(await page.locator('#said').innerText(), '1 found.');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', {name: 'Chen Li'}).waitFor();
  await page.getByRole('radio', {name: 'Read and change'}).focus();
  await page.keyboard.press('Space');
  await page.getByRole('button', {name: 'Save'}).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('status').filter({hasText: 'Saved: Chen Li.'}).waitFor();
  assert.match(await page.locator('tbody tr').innerText(), /Chen Li[\s\S]*May read and change all calendars, invite and answer/);
  await page.getByRole('button', {name: 'Remove: Chen Li'}).focus();
  await page.keyboard.press('Enter');
  await page.getByText('Removed: Chen Li.').waitFor();
}));

test('without script: find, choose, save with an end', () => visit(site, {user: 'ann', javaScriptEnabled: false}, async page => {
  await page.goto(site.base + '/my/delegates');
  await page.fill('#q', 'ben');
  await page.click('button:has-text("Find")');
  await page.click('a:has-text("Ben Achterberg")');
  await page.fill('#until', '2030-12-01');
  await page.click('button:has-text("Save")');
  await page.waitForSelector('text=Saved: Ben Achterberg.');
  assert.match(await page.locator('tbody tr').innerText(), /until Sun, Dec 1, 2030/);
}));

for (const [way, options] of Object.entries(ways))
  test(`acting for somebody: banner, axe and width, ${way}`, () => visit(site, {...options, user: 'tom'}, async page => {
    await page.goto(site.base + '/my/for/');
    await page.click('h2 a:has-text("Maria Okafor")');
    for (let i = 0; i < 2; i++) {
      assert.match(await page.locator('.acting p').innerText(), /Maria Okafor/);
      assert.deepEqual(await axe(page), []);
      assert.ok(await tooWide(page) <= 0);
      if (i === 0) await page.locator('.acting li a').nth(1).click();
    }
    await page.locator('.acting .button').click();
    await page.waitForURL(site.base + '/my/for/');
    assert.equal(await page.locator('.acting').count(), 0);
  }));
