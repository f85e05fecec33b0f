// @nextcloud/cdav-library, in a browser's place with jsdom. It sends Depth: 0 with
// whatever has no depth of its own, DELETE of a calendar too.
import { JSDOM } from 'jsdom';
import { createRequire } from 'node:module';
import { check, device, event, home, must, password, principal, same, status, todo, url, user } from './check.mjs';

const { window } = new JSDOM('', { url: url + '/' });
for (const name of ['window', 'document', 'DOMParser', 'XMLSerializer', 'XMLHttpRequest', 'XPathResult', 'Document', 'Node']) {
	globalThis[name] = name === 'window' ? window : window[name];
}
globalThis.self = window;
// What jsdom's XPath does not have, and browsers do.
const evaluate = window.Document.prototype.evaluate;
window.Document.prototype.evaluate = function (expression, node, ...rest) {
	return expression === 'namespace-uri(.)' ? { stringValue: node.namespaceURI ?? '' } : evaluate.call(this, expression, node, ...rest);
};
const { default: Client, namespaces } = createRequire(import.meta.url)('@nextcloud/cdav-library');

const authorization = 'Basic ' + Buffer.from(`${user}:${password}`).toString('base64');
const client = () => new Client({ rootUrl: url + '/' }, () => {
	const xhr = new window.XMLHttpRequest();
	const open = xhr.open.bind(xhr);
	xhr.open = (...args) => { open(...args); xhr.setRequestHeader('Authorization', authorization); };
	return xhr;
});
let c, calendar, one;
const componentsOnly = '<propfind xmlns="DAV:"><prop><supported-calendar-component-set xmlns="urn:ietf:params:xml:ns:caldav"/></prop></propfind>';

await must('discovery from bare URL', async () => {
	c = client();
	await c.connect({ enableCalDAV: true });
	return same([c.currentUserPrincipal.principalUrl ?? c.currentUserPrincipal.url, c.calendarHomes.map((h) => h.url)], [principal, [home]]);
});
await check('list calendars', async () => same((await c.calendarHomes[0].findAllCalendars()).some((x) => x.url === home + 'calendar/'), true));
await check('inbox and outbox', async () => {
	const g = await c.calendarHomes[0].findAllCalDAVCollectionsGrouped();
	return same([g.scheduleInboxes.length, g.scheduleOutboxes.length], [1, 1]);
});
await must('make a calendar', async () => {
	calendar = await c.calendarHomes[0].createCalendarCollection('Zürich ✈', '#3366FF', ['VEVENT', 'VTODO'], 7);
	return calendar !== undefined;
});
await check('name, colour, order', () => same([calendar.displayname, calendar.color, Number(calendar.order)], ['Zürich ✈', '#3366FF', 7]));
// Read by the other device: jsdom's XPath wants the prefix that the response has.
await check('components', async () => same((await device('PROPFIND', calendar.url, componentsOnly)).match(/comp name="\w+"/g), ['comp name="VEVENT"', 'comp name="VTODO"']));
await check('may be written', () => same(calendar.isWriteable(), true));
await check('change colour', async () => {
	calendar.color = '#AA0000';
	await calendar.update();
	return same((await c.calendarHomes[0].find(calendar.url.split('/').at(-2))).color, '#AA0000');
});
await check('create', async () => {
	one = await calendar.createVObject(event('nc-1', 'Café ☕', 'RRULE:FREQ=WEEKLY;COUNT=4'));
	return /SUMMARY:Café ☕/.test(one.data);
});
await check('create a task', async () => /BEGIN:VTODO/.test((await calendar.createVObject(todo('nc-2', 'Úkol'))).data));
await check('read', async () => same((await calendar.findAllVObjects()).length, 2));
await check('tasks alone', async () => same((await calendar.findByType('VTODO')).map((o) => /Úkol/.test(o.data)), [true]));
await check('time range, in the series', async () => {
	const got = await calendar.findByTypeInTimeRange('VEVENT', new Date('2031-03-25T00:00:00Z'), new Date('2031-03-28T00:00:00Z'));
	return same(got.map((o) => o.url), [one.url]);
});
await check('multiget', async () => same((await calendar.calendarMultiget([one.url])).map((o) => o.url), [one.url]));
await check('change', async () => {
	one.data = one.data.replace('Café', 'Tea');
	await one.update();
	return /SUMMARY:Tea ☕/.test(await device('GET', one.url));
});
await check('change of an old state is refused', async () => {
	await device('PUT', one.url, event('nc-1', 'Changed elsewhere'));
	one.data = one.data.replace('Tea', 'Lost');
	return one.update().then(() => 'accepted', (e) => same(e.status, 412));
});
await check('changed elsewhere', async () => {
	await one.fetchCompleteData(true);
	return /SUMMARY:Changed elsewhere/.test(one.data);
});
await check('another device sees it all', async () => {
	const other = client();
	await other.connect({ enableCalDAV: true });
	const there = (await other.calendarHomes[0].findAllCalendars()).find((x) => x.url === calendar.url);
	return same((await there.findAllVObjects()).length, 2);
});
await check('find a colleague', async () => {
	const got = await c.principalPropertySearchByDisplayname('Ben');
	return same(got.some((p) => /^Ben /.test(p.displayname)), true) === true || JSON.stringify(got.map((p) => p.displayname));
});
await check('delete', async () => {
	await one.delete();
	return same(await status('GET', one.url), 404);
});
await check('delete the calendar', async () => {
	await calendar.delete();
	return same(await status('PROPFIND', calendar.url), 404);
});
window.close();
