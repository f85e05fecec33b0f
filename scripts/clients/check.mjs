// What the clients in JavaScript share; see lib.sh for the environment and for
// the lines that they write.
export const url = process.env.URL;
export const user = process.env.CLIENT_USER;
export const password = process.env.CLIENT_PASSWORD;
export const principal = process.env.PRINCIPAL;
export const home = process.env.HOME_PATH;

// check runs f, whose result must be true; anything else is the detail.
export async function check(name, f) {
	let got;
	try {
		got = await f();
	} catch (e) {
		got = `${e?.name ?? 'error'} ${e?.message ?? e} ${e?.status ?? ''} ${e?.body ?? ''}`;
	}
	const detail = typeof got === 'string' ? got : JSON.stringify(got);
	console.log(got === true ? `${name}: ok` : `${name}: FAILED ${String(detail).replace(/\s+/g, ' ').slice(0, 300)}`);
	return got === true;
}

// must is check for what all the rest needs.
export async function must(name, f) {
	if (!(await check(name, f))) process.exit(1);
}

// same is true, or says what there is in place of what should be.
export function same(got, want) {
	return JSON.stringify(got) === JSON.stringify(want) || `${JSON.stringify(got)}, not ${JSON.stringify(want)}`;
}

// event is an object with one VEVENT in March 2031.
export function event(uid, summary, ...more) {
	return ['BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:-//convene//clients//EN', 'BEGIN:VEVENT', `UID:${uid}`,
		'DTSTAMP:20300101T000000Z', 'DTSTART:20310305T100000Z', 'DTEND:20310305T110000Z', `SUMMARY:${summary}`, ...more,
		'END:VEVENT', 'END:VCALENDAR', ''].join('\r\n');
}

// todo is an object with one VTODO.
export function todo(uid, summary) {
	return ['BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:-//convene//clients//EN', 'BEGIN:VTODO', `UID:${uid}`,
		'DTSTAMP:20300101T000000Z', 'DUE:20310310T170000Z', `SUMMARY:${summary}`, 'END:VTODO', 'END:VCALENDAR', ''].join('\r\n');
}

const authorization = 'Basic ' + Buffer.from(`${user}:${password}`).toString('base64');

// device is the user's other device: a request of its own, which must succeed.
export async function device(method, path, body) {
	const r = await fetch(new URL(path, url), { method, body, headers: { authorization, ...(method === 'PROPFIND' && { depth: '0' }), 'content-type': method === 'PROPFIND' ? 'application/xml' : 'text/calendar; charset=utf-8' } });
	if (!r.ok) throw new Error(`other device: ${method} ${path}: ${r.status}`);
	return r.text();
}

// status is what a request of the other device comes back with.
export async function status(method, path) {
	const r = await fetch(new URL(path, url), { method, headers: { authorization, depth: '0' } });
	await r.text();
	return r.status;
}
