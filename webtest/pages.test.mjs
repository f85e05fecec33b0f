// @ts-check
// Every page in every way in which it is looked at.
import {after, before, test} from 'node:test';
import assert from 'node:assert/strict';
import {axe, pages, start, tooWide, visit, ways} from './harness.mjs';

/** @type {import('./harness.mjs').Site} */ let site;
before(async () => { site = await start(); });
after(async () => { await site?.close(); });

for (const [way, options] of Object.entries(ways))
  for (const {path, user, status} of pages)
    test(`axe finds nothing: ${path} as ${user ?? 'nobody'}, ${way}`, () =>
      visit(site, {...options, user, expected: [status]}, async page => {
        const r = await page.goto(site.base + path);
        assert.equal(r?.status(), status);
        assert.equal(await page.locator('h1').count(), 1);
        if (way === 'right to left') assert.equal(await page.locator('html').getAttribute('dir'), 'rtl');
        if (way === 'longer')
          assert.deepEqual(await page.locator('button, .button').evaluateAll(all => all.filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.textContent)), []);
        assert.deepEqual(await axe(page), []);
      }));

for (const {path, user, status} of pages)
  test(`320 px and 400 %: ${path} as ${user ?? 'nobody'}`, async () => {
    for (const options of [{viewport: {width: 320, height: 640}}, {viewport: {width: 320, height: 215}, deviceScaleFactor: 4}, {viewport: {width: 320, height: 640}, locale: 'en-XA'}])
      await visit(site, {...options, user, expected: [status]}, async page => {
        await page.goto(site.base + path);
        assert.ok(await tooWide(page) <= 0, `${await tooWide(page)} px too wide`);
      });
  });

for (const locale of ['en-GB', 'de-DE', 'fr-FR', 'es-ES', 'ja-JP'])
  for (const {path, user, status} of pages)
    test(`no key is shown: ${path} as ${user ?? 'nobody'}, ${locale}`, () =>
      visit(site, {locale, user, expected: [status]}, async page => {
        await page.goto(site.base + path);
        assert.equal(await page.locator('html').getAttribute('lang'), locale.slice(0, 2));
        assert.doesNotMatch(await page.locator('body').innerText(), /\b(shell|my|manage)\.[a-z]/);
      }));
