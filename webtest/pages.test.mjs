// @ts-check
// Every page in every way in which it is looked at.
import {after, before, test} from 'node:test';
import assert from 'node:assert/strict';
import {readdir} from 'node:fs/promises';
import {axe, start, tooWide, tour, ways} from './harness.mjs';

/** @type {import('./harness.mjs').Site} */ let site;
before(async () => { site = await start(); });
after(async () => { await site?.close(); });

for (const [way, options] of Object.entries(ways))
  test(`axe finds nothing: ${way}`, t => tour(t, site, options, async page => {
    assert.equal(await page.locator('h1').count(), 1);
    if (way === 'right to left') assert.equal(await page.locator('html').getAttribute('dir'), 'rtl');
    if (way === 'longer')
      assert.deepEqual(await page.locator('button:not(.unseen), .button').evaluateAll(all => all.filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.textContent)), []);
    assert.deepEqual(await axe(page), []);
  }));

const narrow = {
  '320 px': {viewport: {width: 320, height: 640}}, '400 %': {viewport: {width: 320, height: 215}, deviceScaleFactor: 4},
  '320 px of longer texts': {viewport: {width: 320, height: 640}, locale: 'en-XA'},
};
for (const [way, options] of Object.entries(narrow))
  test(`nothing is too wide: ${way}`, t => tour(t, site, options, async page => {
    assert.ok(await tooWide(page) <= 0, `${await tooWide(page)} px too wide`);
  }));

// A key is the name of its area, a dot and a word.
const key = new RegExp(`\\b(${(await readdir(new URL('../web/i18n/messages', import.meta.url))).join('|')})\\.[a-z]`);
for (const locale of ['en-GB', 'de-DE', 'fr-FR', 'es-ES', 'ja-JP'])
  test(`no key is shown: ${locale}`, t => tour(t, site, {locale}, async page => {
    assert.equal(await page.locator('html').getAttribute('lang'), locale.slice(0, 2));
    assert.doesNotMatch(await page.locator('body').innerText(), key);
  }));
