// @ts-check
// What all browser tests use: a demonstration server of their own, browsers that fail on
// whatever goes wrong in them, and axe.
import {spawn} from 'node:child_process';
import {mkdtemp, readFile, rm} from 'node:fs/promises';
import {createServer} from 'node:net';
import {tmpdir} from 'node:os';
import path from 'node:path';
import assert from 'node:assert/strict';
import {chromium, firefox} from 'playwright-core';

const program = process.env.CONVENE ?? '../build/convene';
const chromiumPath = process.env.CHROMIUM ?? '/usr/bin/chromium';
const firefoxPath = process.env.FIREFOX ?? '/usr/bin/firefox-esr';
const axeSource = await readFile(new URL('node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');

/** A free port on loopback. @returns {Promise<number>} */
function freePort() {
  return new Promise((resolve, reject) => {
    const s = createServer().once('error', reject).listen(0, '127.0.0.1', () => {
      const {port} = /** @type {import('node:net').AddressInfo} */ (s.address());
      s.close(() => resolve(port));
    });
  });
}

/** The browser that tests use: Debian's Chromium, or with BROWSER=firefox its Firefox, by
 * WebDriver BiDi, since it has not been changed for Playwright. */
const launch = () => process.env.BROWSER === 'firefox'
  ? firefox.launch({channel: 'moz-firefox', executablePath: firefoxPath, headless: true})
  : chromium.launch({executablePath: chromiumPath, headless: true, args: [
    '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
  ]});

/** Starts the demonstration and a browser. close ends both. */
export async function start() {
  const data = await mkdtemp(path.join(tmpdir(), 'convene-webtest-'));
  const profile = await mkdtemp(path.join(tmpdir(), 'convene-chromium-'));
  const [http, https] = [await freePort(), await freePort()];
  const server = spawn(program, ['demo', '--data', data, '--http', String(http), '--https', String(https)], {stdio: ['ignore', 'pipe', 'pipe']});
  let output = '';
  const ended = new Promise(resolve => server.once('exit', resolve));
  for (const stream of [server.stdout, server.stderr]) stream.on('data', text => { output += text; });
  const base = `http://localhost:${http}`;
  for (let i = 0; !output.includes('Evolution'); i++) {
    if (i > 600 || server.exitCode !== null) throw new Error('the server is not up:\n' + output);
    await new Promise(resolve => setTimeout(resolve, 100));
  }
  const browser = await launch();
  return {
    base, secure: `https://localhost:${https}`, browser,
    async close() {
      await browser.close();
      server.kill('SIGTERM');
      await ended;
      await Promise.all([data, profile].map(dir => rm(dir, {recursive: true, force: true})));
    },
  };
}

/** @typedef {Awaited<ReturnType<typeof start>>} Site */

/** @typedef {import('playwright-core').BrowserContextOptions & {user?: string, device?: string, expected?: number[]}} Options */

/** Opens a fresh context, in which user, if there is one, has signed in, or which is that of a
 * device that was paired. faults is filled with
 * policy violations, errors in scripts or on the console, and requests to other hosts.
 * expected are statuses of pages that the console may name.
 * @param {Site} site @param {Options} options */
async function open(site, options) {
  const {user, device, expected = [], ...rest} = options;
  const context = await site.browser.newContext({viewport: {width: 1280, height: 860}, locale: 'en-GB', timezoneId: 'Europe/Berlin', ...rest});
  /** @type {string[]} */ const faults = [];
  context.on('request', r => { if (!r.url().startsWith(site.base) && !r.url().startsWith(site.secure)) faults.push('foreign request: ' + r.url()); });
  context.on('weberror', e => faults.push('script: ' + e.error().message));
  context.on('console', m => {
    if (m.type() !== 'error') return;
    const status = /status of (\d+)/.exec(m.text());
    if (!status || !expected.includes(Number(status[1]))) faults.push(`console: ${m.text()} (${m.location().url})`);
  });
  await context.exposeBinding('conveneViolation', (_, text) => { faults.push('policy: ' + text); }).catch(e => faults.push(String(e)));
  await context.addInitScript(() => document.addEventListener('securitypolicyviolation', e =>
    // @ts-ignore
    window.conveneViolation(`${e.effectiveDirective} ${e.blockedURI} ${e.sample}`)));
  if (user) await signIn(context, site, user);
  if (device) await pair(context, site, device);
  return {context, faults};
}

/** Runs fn with a page of a fresh context, and fails on what goes wrong in it: see open.
 * @param {Site} site @param {Options} options
 * @param {(page: import('playwright-core').Page) => Promise<void>} fn */
export async function visit(site, options, fn) {
  const {context, faults} = await open(site, options);
  try {
    const page = await context.newPage();
    await fn(page);
    await page.waitForTimeout(50);
  } finally {
    await context.close();
  }
  assert.deepEqual(faults, []);
}

/** Looks at all pages in one way, each as a test of its own below t: one context for each
 * user and each device. fn has each when it was loaded.
 * @param {import('node:test').TestContext} t @param {Site} site @param {Options} options
 * @param {(page: import('playwright-core').Page) => Promise<void>} fn */
export async function tour(t, site, options, fn) {
  for (const who of new Set(pages.map(p => p.user ?? p.device))) {
    const theirs = pages.filter(p => (p.user ?? p.device) === who);
    const {user, device} = theirs[0];
    const {context, faults} = await open(site, {...options, user, device, expected: theirs.map(p => p.status).filter(status => status !== 200)});
    try {
      const page = await context.newPage();
      for (const {path, status} of theirs)
        await t.test(`${path} as ${who ?? 'nobody'}`, async () => {
          faults.length = 0;
          const r = await page.goto(site.base + path);
          assert.equal(r?.status(), status);
          await fn(page);
          assert.deepEqual(faults, []);
        });
    } finally {
      await context.close();
    }
  }
}

/** Signs in through the form, as the browser would send it.
 * @param {import('playwright-core').BrowserContext} context @param {Site} site @param {string} user */
export async function signIn(context, site, user) {
  const r = await context.request.post(site.base + '/signin', {form: {login: user, password: 'demo', next: '/my/'}, maxRedirects: 0});
  assert.equal(r.status(), 303, await r.text());
}

/** Pairs a device: 'door' with a room, 'lobby' with all rooms.
 * @param {import('playwright-core').BrowserContext} context @param {Site} site @param {string} device */
export async function pair(context, site, device) {
  await context.request.post(site.base + '/panel/offer', {maxRedirects: 0});
  const code = /<\/span>(\d{6})<\/p>/.exec(await (await context.request.get(site.base + '/panel/')).text())?.[1];
  const porter = await site.browser.newContext();
  try {
    await signIn(porter, site, 'fatima');
    const [path, what] = device === 'door' ? ['panels', {room: 'locations/flint'}] : ['lobbies', {place: 'building=&floor='}];
    const r = await porter.request.post(`${site.base}/my/rooms/${path}/pair`, {form: {...what, code: code ?? ''}, maxRedirects: 0});
    assert.equal(r.status(), 303, await r.text());
  } finally {
    await porter.close();
  }
}

/** A request of a calendar program.
 * @param {Site} site @param {string} user @param {string} method @param {string} path
 * @param {string} [body] @param {Record<string, string>} [headers] */
export const dav = (site, user, method, path, body, headers = {}) => fetch(site.base + path, {method, body,
  headers: {Authorization: 'Basic ' + Buffer.from(user + ':demo').toString('base64'), 'Content-Type': 'text/calendar', ...headers}});

/** Stores an event in somebody's calendar, and returns its path.
 * @param {Site} site @param {string} user @param {string} name @param {string[]} lines of the event */
export async function store(site, user, name, lines) {
  const path = `/calendars/users/${user}/calendar/${name}.ics`;
  const r = await dav(site, user, 'PUT', path, ['BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:-//test//EN', 'X-OUTER;X-Y=1:kept', 'BEGIN:VEVENT', `UID:${name}`,
    'DTSTAMP:20260101T000000Z', ...lines, 'END:VEVENT', 'END:VCALENDAR', ''].join('\r\n'));
  assert.equal(r.status, 201, await r.text());
  return path;
}

/** What the zone is that the pages are in, as app.js makes it known with the first of them.
 * @param {Site} site @param {string} zone */
export const zoneCookie = (site, zone) => ({name: 'convene-zone', value: encodeURIComponent(zone), url: site.base});

/** What axe finds wrong. It is put into the page by the debugger, which no policy forbids.
 * @param {import('playwright-core').Page} page */
export async function axe(page) {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('Page.enable');
  const {frameTree} = await cdp.send('Page.getFrameTree');
  const world = await cdp.send('Page.createIsolatedWorld', {frameId: frameTree.frame.id, worldName: 'axe'});
  const run = async (/** @type {string} */ expression) => {
    const r = await cdp.send('Runtime.evaluate', {expression, contextId: world.executionContextId, awaitPromise: true, returnByValue: true});
    if (r.exceptionDetails) throw new Error(JSON.stringify(r.exceptionDetails));
    return r.result.value;
  };
  await run(axeSource);
  return run(`axe.run(document, {runOnly: ['wcag2a','wcag2aa','wcag21a','wcag21aa','wcag22aa','best-practice']})
    .then(r => r.violations.map(v => v.id + ' (' + v.impact + ') ' + v.nodes.map(n => n.target.join() + ': ' + n.failureSummary).join('; ')))`);
}

/** How far the page is wider than the window, in pixels.
 * @param {import('playwright-core').Page} page */
export const tooWide = page => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

/** The pages that there are, with who looks at them, or the device that does, and the status that
 * they have. A new page is a new line.
 * @type {{path: string, user?: string, device?: string, status: number}[]} */
export const pages = [
  {path: '/signin', status: 401}, {path: '/help/', status: 200},
  {path: '/my/', user: 'ann', status: 200}, {path: '/my/account', user: 'ann', status: 200}, {path: '/help/', user: 'ann', status: 200},
  {path: '/my/delegates', user: 'maria', status: 200}, {path: '/my/delegates?q=an', user: 'ann', status: 200}, {path: '/my/for/', user: 'tom', status: 200}, {path: '/my/for/', user: 'ann', status: 200},
  {path: '/my/for/stand-in', user: 'tom', status: 200}, {path: '/admin/principals?q=an', user: 'hana', status: 200}, {path: '/admin/delegates', user: 'hana', status: 200}, {path: '/admin/rooms', user: 'hana', status: 200},
  {path: '/my/devices', user: 'ann', status: 200}, {path: '/my/setup', user: 'ann', status: 200}, {path: '/my/setup?for=apple', user: 'ann', status: 200},
  {path: '/my/setup/test', user: 'ann', status: 200}, {path: '/my/sharing', user: 'ann', status: 200}, {path: '/publish/none', status: 404},
  {path: '/my/none', user: 'ann', status: 404}, {path: '/admin/', user: 'ann', status: 403},
  ...['day', 'week', 'workweek', 'month', 'agenda', 'year'].map(view => ({path: `/my/calendar/${view}/today`, user: 'ann', status: 200})),
  {path: '/my/people/?who=ann&who=ben&who=aurora', user: 'ann', status: 200}, {path: '/my/people/?add=a', user: 'ann', status: 200},
  {path: '/my/event/new', user: 'ann', status: 200}, {path: '/my/invitations', user: 'ann', status: 200},
  {path: '/my/rooms', user: 'ann', status: 200}, {path: '/my/rooms/aurora', user: 'ann', status: 200}, {path: '/my/bookings', user: 'ann', status: 200},
  {path: '/my/rooms/manage', user: 'fatima', status: 200}, {path: '/my/rooms/manage', user: 'ann', status: 200}, {path: '/panel/', status: 200}, {path: '/admin/rooms/use', user: 'hana', status: 200},
  {path: '/panel/', device: 'door', status: 200}, {path: '/panel/lobby', device: 'lobby', status: 200},
  {path: '/my/', user: 'hana', status: 200}, {path: '/admin/', user: 'hana', status: 200},
];

/** In what ways each of them is looked at.
 * @type {Record<string, import('playwright-core').BrowserContextOptions>} */
export const ways = {
  light: {}, dark: {colorScheme: 'dark'}, 'right to left': {locale: 'ar-XB'}, longer: {locale: 'en-XA'},
  phone: {viewport: {width: 390, height: 844}, hasTouch: true, isMobile: true}, 'forced colours': {forcedColors: 'active'},
};
