// @ts-check
// Dates and times are those of the page's language, as CLDR has them, whatever the browser
// speaks; in Firefox too.
import {after, before, test} from 'node:test';
import assert from 'node:assert/strict';
import {start, store, visit, zoneCookie} from './harness.mjs';

/** @type {import('./harness.mjs').Site} */ let site;
let path = '';
before(async () => {
  site = await start();
  path = await store(site, 'george', 'words', ['DTSTART;TZID=Europe/Berlin:20300507T140000', 'DTEND;TZID=Europe/Berlin:20300507T153000', 'SUMMARY:Words']);
});
after(async () => { await site?.close(); });

/** @type {Record<string, {browser: string, week: string, clock: string, month: string, first: string, day: string, event: string}>} */
const languages = {
  en: {browser: 'de-DE'}, de: {browser: 'en-US'}, fr: {browser: 'ja-JP'}, es: {browser: 'en-US'}, ja: {browser: 'fr-FR'},
};
for (const [language, want] of Object.entries(languages))
  test(`${language} in a browser that speaks ${want.browser}`, () => visit(site, {user: 'george', locale: want.browser}, async page => {
    await page.context().addCookies([zoneCookie(site, 'Europe/Berlin')]);
    await page.goto(site.base + '/my/account');
    await page.selectOption('#language', language);
    await page.locator('#language').evaluate(e => /** @type {HTMLSelectElement} */ (e).form?.requestSubmit());
    await page.locator(`html[lang=${language}]`).waitFor();
    const text = (/** @type {string} */ selector) => page.locator(selector).first().innerText();
    /** @type {Record<string, string>} */ const got = {};
    await page.goto(site.base + '/my/calendar/week/2030-05-07');
    assert.equal(await page.locator('html').getAttribute('lang'), language);
    got.week = await text('h1');
    got.clock = await text('a:has-text("Words") .when');
    await page.goto(site.base + '/my/calendar/month/2030-05-07');
    got.month = await text('h1');
    got.first = await text('thead th:nth-child(2)');
    await page.goto(site.base + '/my/calendar/agenda/2030-05-07');
    got.day = await text('.cal-list h2');
    await page.goto(site.base + '/my/event' + path);
    got.event = await text('.when');
    console.log(language, JSON.stringify(got));
  }));
