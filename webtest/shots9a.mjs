import {start, visit, axe} from './harness.mjs';
const site = await start();
const auth = {Authorization: 'Basic ' + btoa('chen:demo')};
const inbox = await fetch(`${site.base}/calendars/users/chen/inbox/`, {method: 'PROPPATCH', headers: {...auth, 'Content-Type': 'application/xml'}, body: `<?xml version="1.0"?><D:propertyupdate xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:set><D:prop><C:calendar-availability>BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//t//EN\nBEGIN:VAVAILABILITY\nUID:a\nDTSTAMP:20260101T000000Z\nBEGIN:AVAILABLE\nUID:b\nDTSTAMP:20260101T000000Z\nDTSTART;TZID=Europe/Berlin:20260105T083000\nDTEND;TZID=Europe/Berlin:20260105T173000\nRRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR\nEND:AVAILABLE\nEND:VAVAILABILITY\nEND:VCALENDAR\n</C:calendar-availability></D:prop></D:set></D:propertyupdate>`});
console.log(inbox.status, (await inbox.text()).slice(0, 300));
const out = process.env.SHOTS;
for (const [name, o] of Object.entries({light: {}, dark: {colorScheme: 'dark'}, rtl: {locale: 'ar-XB'}, ja: {locale: 'ja'}, phone: {viewport: {width: 390, height: 844}, hasTouch: true, isMobile: true}}))
  await visit(site, {user: 'chen', ...o}, async page => {
    await page.context().request.post(site.base + '/my/account', {form: {zone: 'Europe/Berlin', zone2: 'America/New_York'}, headers: {'Sec-Fetch-Site': 'same-origin'}});
    await page.goto(site.base + '/my/calendar/week/2026-12-02');
    await page.goto(site.base + '/my/calendar/week/2026-12-02');
    await page.screenshot({path: `${out}/week-${name}.png`});
    console.log(name, await axe(page));
    if (name === 'light') { await page.goto(site.base + '/my/account'); await page.screenshot({path: `${out}/account.png`}); await page.goto(site.base + '/my/calendar/month/2026-12-02'); await page.screenshot({path: `${out}/month.png`}); }
  });
await site.close();
