// tsdav: discovery, calendars made and removed, objects with ETags, both kinds of sync.
import { createDAVClient } from 'tsdav';
import { check, device, event, home, must, password, same, status, todo, url, user } from './check.mjs';

const client = () => createDAVClient({ serverUrl: url + '/', credentials: { username: user, password }, authMethod: 'Basic', defaultAccountType: 'caldav' });
const calendarUrl = url + home + 'with-tsdav/';
let c, calendar, objects, synced;
const whole = () => ({ ...calendar, fetchObjects: (p) => c.fetchCalendarObjects({ ...p, calendar }), objectMultiGet: c.calendarMultiGet });

await must('discovery from bare URL', async () => { c = await client(); return true; });
await check('list calendars', async () => same((await c.fetchCalendars()).some((x) => x.url === url + home + 'calendar/'), true));
await must('make a calendar', async () => {
	const [r] = await c.makeCalendar({ url: calendarUrl, props: { 'd:displayname': 'Zürich ✈', 'ca:calendar-color': '#3366FFFF' } });
	calendar = (await c.fetchCalendars()).find((x) => x.url === calendarUrl);
	return calendar !== undefined || JSON.stringify(r);
});
await check('name', () => same(calendar.displayName, 'Zürich ✈'));
await check('colour', () => same(calendar.calendarColor, '#3366FFFF'));
await check('create', async () => same((await c.createCalendarObject({ calendar, filename: 'one.ics', iCalString: event('ts-1', 'Café ☕', 'RRULE:FREQ=WEEKLY;COUNT=4') })).status, 201));
await check('create a task', async () => same((await c.createCalendarObject({ calendar, filename: 'two.ics', iCalString: todo('ts-2', 'Úkol') })).status, 201));
await check('create twice is refused', async () => same((await c.createCalendarObject({ calendar, filename: 'one.ics', iCalString: event('ts-1', 'Again') })).status, 412));
await check('read', async () => {
	objects = await c.fetchCalendarObjects({ calendar });
	return same(objects.map((o) => [o.url, /SUMMARY:Café ☕/.test(o.data), o.etag !== undefined]), [[calendarUrl + 'one.ics', true, true]]);
});
await check('read a range, expanded', async () => {
	const got = await c.fetchCalendarObjects({ calendar, expand: true, timeRange: { start: '2031-03-10T00:00:00Z', end: '2031-03-21T00:00:00Z' } });
	return same(got.map((o) => o.data.match(/RECURRENCE-ID/g)?.length), [2]);
});
await check('multiget', async () => {
	const got = await c.calendarMultiGet({ url: calendarUrl, props: { 'd:getetag': {}, 'c:calendar-data': {} }, objectUrls: [home + 'with-tsdav/two.ics'], depth: '1' });
	return same(got.map((r) => /SUMMARY:Úkol/.test(JSON.stringify(r.props))), [true]);
});
await check('change with the ETag', async () => {
	const [o] = objects;
	return same((await c.updateCalendarObject({ calendarObject: { ...o, data: o.data.replace('Café', 'Tea') } })).status, 204);
});
await check('change with an old ETag is refused', async () => same((await c.updateCalendarObject({ calendarObject: objects[0] })).status, 412));
await check('the change is there', async () => /SUMMARY:Tea ☕/.test(await device('GET', home + 'with-tsdav/one.ics')));
await check('first sync', async () => {
	calendar = (await c.fetchCalendars()).find((x) => x.url === calendarUrl);
	calendar.objects = await c.fetchCalendarObjects({ calendar });
	return same(calendar.objects.length, 1);
});
await check('sync: made and changed elsewhere', async () => {
	await device('PUT', home + 'with-tsdav/three.ics', event('ts-3', 'Made elsewhere'));
	await device('PUT', home + 'with-tsdav/one.ics', event('ts-1', 'Changed elsewhere'));
	synced = await c.smartCollectionSync({ collection: whole(), method: 'webdav', detailedResult: true });
	return same([synced.objects.created.map((o) => o.url), synced.objects.updated.map((o) => /Changed elsewhere/.test(o.data))], [[calendarUrl + 'three.ics'], [true]]);
});
await check('sync: deleted elsewhere', async () => {
	calendar.syncToken = synced.syncToken;
	calendar.objects = [...synced.objects.created, ...synced.objects.updated];
	await device('DELETE', home + 'with-tsdav/three.ics');
	synced = await c.smartCollectionSync({ collection: whole(), method: 'webdav', detailedResult: true });
	return same(synced.objects.deleted.map((o) => o.url), [calendarUrl + 'three.ics']);
});
await check('sync by ctag', async () => {
	calendar = (await c.fetchCalendars()).find((x) => x.url === calendarUrl);
	calendar.objects = [];
	return same((await c.smartCollectionSync({ collection: { ...whole(), ctag: 'old' }, method: 'basic', detailedResult: true })).objects.created.length, 1);
});
await check('sync: another device sees a new calendar', async () => {
	const other = await client();
	const [account] = await Promise.all([other.createAccount({ account: { serverUrl: url + '/', accountType: 'caldav' }, loadCollections: true })]);
	return same(account.calendars.some((x) => x.url === calendarUrl), true);
});
await check('free-busy', async () => {
	const r = await c.freeBusyQuery({ url: calendarUrl, timeRange: { start: '2031-03-01T00:00:00Z', end: '2031-04-01T00:00:00Z' }, depth: '1' });
	return /FREEBUSY[^]*20310305T100000Z/.test(String(r.raw ?? JSON.stringify(r))) || JSON.stringify(r);
});
await check('delete', async () => {
	const [o] = await c.fetchCalendarObjects({ calendar });
	return same((await c.deleteCalendarObject({ calendarObject: o })).status, 204);
});
await check('delete the calendar', async () => same((await c.deleteObject({ url: calendarUrl })).status, 204));
await check('calendar is gone', async () => same(await status('PROPFIND', home + 'with-tsdav/'), 404));
