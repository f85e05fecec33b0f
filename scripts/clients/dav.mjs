// dav, which asks for the principal without Depth.
import { createRequire } from 'node:module';
import { check, device, event, home, must, password, same, status, url, user } from './check.mjs';

const dav = createRequire(import.meta.url)('dav');
const xhr = new dav.transport.Basic(new dav.Credentials({ username: user, password }));
const path = home + 'with-dav/';
let account, calendar;

await device('MKCALENDAR', path);
await must('discovery from bare URL', async () => {
	account = await dav.createAccount({ server: url + '/', accountType: 'caldav', xhr, loadCollections: true, loadObjects: false });
	return same(account.homeUrl, url + home);
});
await must('list calendars', async () => {
	calendar = account.calendars.find((x) => x.url === url + path);
	return calendar !== undefined || JSON.stringify(account.calendars.map((x) => x.url));
});
await check('create', async () => {
	await dav.createCalendarObject(calendar, { filename: 'one.ics', data: event('dav-1', 'Café ☕', 'RRULE:FREQ=WEEKLY;COUNT=4'), xhr });
	return /Café ☕/.test(await device('GET', path + 'one.ics'));
});
await check('read', async () => {
	calendar.objects = await dav.listCalendarObjects(calendar, { xhr });
	return same(calendar.objects.map((o) => /SUMMARY:Café ☕/.test(o.calendarData)), [true]);
});
await check('change', async () => {
	const [o] = calendar.objects;
	o.calendarData = o.calendarData.replace('Café', 'Tea');
	await dav.updateCalendarObject(o, { xhr });
	return /SUMMARY:Tea ☕/.test(await device('GET', path + 'one.ics'));
});
await check('basic sync: made elsewhere', async () => {
	await device('PUT', path + 'two.ics', event('dav-2', 'Made elsewhere'));
	calendar.ctag = 'old';
	await dav.syncCalendar(calendar, { syncMethod: 'basic', xhr });
	return same(calendar.objects.map((o) => /SUMMARY:(.*)/.exec(o.calendarData)[1]).sort(), ['Made elsewhere', 'Tea ☕']);
});
await check('basic sync: deleted elsewhere', async () => {
	await device('DELETE', path + 'two.ics');
	calendar.ctag = 'old';
	await dav.syncCalendar(calendar, { syncMethod: 'basic', xhr });
	return same(calendar.objects.length, 1);
});
await check('delete', async () => {
	await dav.deleteCalendarObject(calendar.objects[0], { xhr });
	return same(await status('GET', path + 'one.ics'), 404);
});
await device('DELETE', path);
