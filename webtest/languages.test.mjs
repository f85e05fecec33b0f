// @ts-check
// Dates and times are those of the page's language, as CLDR has them, whatever the browser
// speaks.
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

/** What CLDR has for 7 May 2030 and half past three, and for the first day of a week; beside it the
 * language of the browser, in which all of it is written differently.
 * @type {Record<string, {browser: string, month: string, day: string, clock: string, first: string}>} */
const languages = {
  en: {browser: 'de-DE', month: 'May 2030', day: 'Tuesday, May 7, 2030', clock: '2:00 PM–3:30 PM', first: 'Sun'},
  de: {browser: 'en-US', month: 'Mai 2030', day: 'Dienstag, 7. Mai 2030', clock: '14:00–15:30', first: 'Mo.'},
  fr: {browser: 'ja-JP', month: 'mai 2030', day: 'mardi 7 mai 2030', clock: '14:00–15:30', first: 'lun.'},
  es: {browser: 'en-US', month: 'mayo de 2030', day: 'martes, 7 de mayo de 2030', clock: '14:00–15:30', first: 'lun'},
  ja: {browser: 'fr-FR', month: '2030年5月', day: '2030年5月7日火曜日', clock: '14:00–15:30', first: '日'},
};
for (const [language, {browser, ...want}] of Object.entries(languages))
  test(`${language} in a browser that speaks ${browser}`, () => visit(site, {user: 'george', locale: browser}, async page => {
    await page.context().addCookies([zoneCookie(site, 'Europe/Berlin')]);
    await page.goto(site.base + '/my/account');
    await page.selectOption('#language', language);
    await Promise.all([page.waitForEvent('load'), page.locator('#language').evaluate(e => /** @type {HTMLSelectElement} */ (e).form?.requestSubmit())]);
    const text = (/** @type {string} */ selector) => page.locator(selector).first().innerText();
    await page.goto(site.base + '/my/calendar/month/2030-05-07');
    assert.equal(await page.locator('html').getAttribute('lang'), language);
    const got = {month: await text('h1'), first: await text('thead th:nth-child(2)'), clock: '', day: ''};
    await page.goto(site.base + '/my/calendar/agenda/2030-05-07');
    got.clock = await text('a:has-text("Words") .when');
    got.day = await text('.cal-list h2');
    assert.deepEqual(got, {...want});
    await page.goto(site.base + '/my/event' + path);
    const when = await text('.when');
    for (const part of [want.day, ...want.clock.split('–')]) assert.ok(when.includes(part), `${when} has no ${part}`);
    // A field for a time of day would be written as the browser writes it.
    await page.goto(site.base + '/my/event/edit' + path);
    assert.equal(await page.locator('input[type=time], input[type=datetime-local]').count(), 0);
    assert.equal(await page.locator('#start-time option:checked').innerText(), want.clock.split('–')[0]);
    // Nothing is cut off in the language's own words.
    assert.deepEqual(await page.locator('button:not(.unseen), .button').evaluateAll(all => all.filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.textContent)), []);
  }));
