// @ts-check
// The views show what a calendar program is told: the same instances of the same objects as a
// REPORT with expand (RFC 4791 §7.8), in zones on both sides of the date line.
import {after, before, test} from 'node:test';
import assert from 'node:assert/strict';
import {dav, start, store, visit, zoneCookie} from './harness.mjs';

/** @type {import('./harness.mjs').Site} */ let site;
const user = 'ann'; // of whose demonstration there is most
before(async () => {
  site = await start();
  const put = (/** @type {string} */ name, /** @type {string[]} */ ...lines) => store(site, user, name, [`SUMMARY:${name}`, ...lines]);
  await put('spring', 'DTSTART;TZID=Europe/Berlin:20300329T023000', 'DURATION:PT30M', 'RRULE:FREQ=DAILY;COUNT=5'); // over the gap
  await put('autumn', 'DTSTART;TZID=America/New_York:20301101T013000', 'DURATION:PT2H', 'RRULE:FREQ=DAILY;COUNT=5', 'EXDATE;TZID=America/New_York:20301104T013000');
  await put('midnight', 'DTSTART:20300331T220000Z', 'DURATION:PT2H');
  await put('nights', 'DTSTART;TZID=Asia/Kathmandu:20300401T220000', 'DURATION:PT4H', 'RRULE:FREQ=WEEKLY;BYDAY=MO,WE;UNTIL=20300410T000000Z');
  await put('days', 'DTSTART;VALUE=DATE:20300330', 'DTEND;VALUE=DATE:20300402', 'RRULE:FREQ=WEEKLY;COUNT=3');
  await put('floating', 'DTSTART:20300331T233000', 'DURATION:PT1H', 'RRULE:FREQ=DAILY;COUNT=3');
  await put('dateline', 'DTSTART;TZID=Pacific/Apia:20111228T090000', 'DURATION:PT1H', 'RRULE:FREQ=DAILY;COUNT=6'); // 30 December 2011 is not there
});
after(async () => { await site?.close(); });

/** The moment at which a day begins in a zone, in milliseconds: the first whose date there is not
 * before the day. @param {string} day @param {string} zone */
function begins(day, zone) {
  const date = new Intl.DateTimeFormat('sv-SE', {timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit'}); // as ISO 8601 writes it
  const noon = Date.parse(day + 'T12:00:00Z'), minute = 60e3;
  let [before, not] = [noon - 48 * 3600e3, noon + 48 * 3600e3];
  while (not - before > minute) {
    const middle = Math.floor((before + not) / 2 / minute) * minute;
    if (date.format(middle) < day) before = middle; else not = middle;
  }
  return not;
}

const utc = (/** @type {number} */ ms) => new Date(ms).toISOString().replace(/[-:]|\.\d+/g, '');
const addDays = (/** @type {string} */ day, /** @type {number} */ n) => new Date(Date.parse(day) + n * 86400e3).toISOString().slice(0, 10);

/** The instances of a calendar between two days of a zone, as paths with the moment of each that
 * is one of several. The first of a series is told without it: then shown says that it is of one.
 * @param {string} calendar @param {string} from @param {string} to @param {string} zone @param {Set<string>} shown */
async function reported(calendar, from, to, zone, shown) {
  const range = `start="${utc(begins(from, zone))}" end="${utc(begins(to, zone))}"`;
  const body = `<C:calendar-query xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:prop><C:calendar-data><C:expand ${range}/></C:calendar-data></D:prop>` +
    `<C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT"><C:time-range ${range}/></C:comp-filter></C:comp-filter></C:filter>` +
    `<C:timezone-id>${zone}</C:timezone-id></C:calendar-query>`;
  const r = await dav(site, user, 'REPORT', calendar, body, {'Content-Type': 'application/xml', Depth: '1'});
  assert.equal(r.status, 207);
  const out = [];
  for (const response of (await r.text()).split(/<(?:\w+:)?response>/).slice(1)) {
    const href = /<(?:\w+:)?href>([^<]+)</.exec(response)?.[1] ?? '';
    for (const event of response.split('BEGIN:VEVENT').slice(1)) {
      const at = (/** @type {string} */ name) => new RegExp(`\\n${name}[^:\\r\\n]*:(\\w+)`).exec(event)?.[1];
      out.push(at('RECURRENCE-ID') || !shown.has(href) ? `${href}?at=${at('RECURRENCE-ID') ?? at('DTSTART')}` : href);
    }
  }
  return out;
}

const monday = new Date(Date.now() - (new Date().getUTCDay() + 6) % 7 * 86400e3).toISOString().slice(0, 10);
for (const zone of ['Europe/Berlin', 'America/New_York', 'Asia/Kathmandu', 'Pacific/Apia'])
  test(`day, week, month and list are those of a calendar program: ${zone}`, () => visit(site, {user, timezoneId: zone}, async page => {
    await page.context().addCookies([zoneCookie(site, zone)]);
    let most = 0;
    for (const day of [monday, '2030-03-31', '2030-11-03', '2011-12-29'])
      for (const view of ['day', 'week', 'month', 'agenda']) {
        await page.goto(`${site.base}/my/calendar/${view}/${day}`);
        const days = view === 'agenda' ? [day, addDays(day, 29)] : await page.locator('[data-date]').evaluateAll(all => all.map(e => e.getAttribute('data-date') ?? ''));
        assert.equal(await page.locator('.rest').count(), 0, 'all of them are on the page');
        const shown = new Set(await page.locator('main li > a[href^="/my/event/"]').evaluateAll(all => all.map(e => e.getAttribute('href')?.slice('/my/event'.length) ?? '')));
        const calendars = await page.locator('.cal-choice input[name=listed]').evaluateAll(all => all.map(e => /** @type {HTMLInputElement} */ (e).value));
        const want = (await Promise.all(calendars.map(c => reported(c, days[0], addDays(days.at(-1) ?? '', 1), zone, shown)))).flat();
        assert.deepEqual([...shown].sort(), want.sort(), `${view} of ${day}`);
        most = Math.max(most, want.length);
      }
    assert.ok(most > 15, `${most} instances at most`);
  }));
