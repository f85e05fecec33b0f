// @ts-check
// Shows what others change while a page is open: the server says that something has, the page
// asks for itself anew, and what differs is exchanged, but for what somebody is busy with.
// Where the server cannot say so, the page looks when somebody comes back to it.
import {say} from './app.js';

const texts = document.getElementById('live');
let shown = texts?.dataset.state ?? '';
let asking = false, again = false;
let here = location.pathname + location.search;
/** @type {EventSource | null} */ let source = null;

/** Whether something is being moved or asked for, which must not be taken away. */
const busy = () => document.querySelector('.ghost, dialog[open], [data-live] :is(input:not([type=checkbox]), textarea):focus') !== null;

/** The elements of root that are like one: the same link or field.
 * @param {Element} root @param {Element} one */
const like = (root, one) => [...root.querySelectorAll(one.localName)].filter(e =>
  ['href', 'name', 'value', 'id'].every(name => e.getAttribute(name) === one.getAttribute(name)));

/** Puts a fresh element into the place of an old one; the focus and the hours stay where they are.
 * @param {Element} old @param {Element} fresh */
function exchange(old, fresh) {
  const at = old.contains(document.activeElement) ? document.activeElement : null;
  const number = at ? like(old, at).indexOf(at) : 0;
  const scroll = old.closest('.cal-scroll');
  const [top, left] = [scroll?.scrollTop ?? 0, scroll?.scrollLeft ?? 0];
  const hours = () => scroll?.querySelector('.cal-slots')?.getBoundingClientRect().top ?? 0;
  const before = hours();
  fresh = document.importNode(fresh, true);
  old.replaceWith(fresh);
  scroll?.scrollTo({top, left, behavior: 'instant'});
  scroll?.scrollBy({top: hours() - before, behavior: 'instant'});
  if (!at) return;
  const same = like(fresh, at);
  const next = same[number] ?? same[0] ?? fresh.closest('[tabindex]');
  if (next instanceof HTMLElement) next.focus({preventScroll: true});
}

/** Shows what differs in a fresh copy of this page. @param {Document} fresh */
function show(fresh) {
  if (fresh.URL !== location.href.replace(/#.*/, '')) return; // another page has taken its place
  if (busy()) { setTimeout(() => show(fresh), 300); return; }
  let differs = false;
  for (const old of document.querySelectorAll('[data-live]')) {
    const next = fresh.getElementById(old.id);
    if (!next || old.isEqualNode(next)) continue;
    exchange(old, next);
    differs = true;
  }
  shown = fresh.getElementById('live')?.dataset.state ?? '';
  if (differs) say(texts?.dataset.changed ?? '');
}

/** The page of a path, null if there is none. @param {string} path @returns {Promise<Document | null>} */
function page(path) {
  const x = new XMLHttpRequest(); // makes a document without the page's making one of a text
  x.open('GET', path);
  x.setRequestHeader('Convene-Refresh', '1');
  x.responseType = 'document';
  return new Promise(resolve => {
    x.onloadend = () => resolve(x.status === 200 ? x.responseXML : null);
    x.send();
  });
}

/** Asks for this page anew. */
async function refresh() {
  if (asking) { again = true; return; }
  asking = true;
  const fresh = await page(location.href);
  asking = false;
  if (fresh) show(fresh);
  if (again) { again = false; refresh(); }
}

/** Shows another page of the same kind in the place of this one, while something is moved.
 * @param {string} path @returns {Promise<boolean>} whether it is there */
export async function turn(path) {
  const fresh = await page(path);
  if (!fresh) return false;
  for (const old of document.querySelectorAll('[data-live], [data-turn]')) {
    const next = fresh.getElementById(old.id);
    if (next) exchange(old, next);
  }
  const [grid, next] = [document, fresh].map(d => d.querySelector('[data-grid]'));
  for (const name of next?.getAttributeNames() ?? []) grid?.setAttribute(name, next?.getAttribute(name) ?? '');
  shown = fresh.getElementById('live')?.dataset.state ?? '';
  document.title = fresh.title;
  history.pushState(null, '', path);
  here = location.pathname + location.search;
  say(fresh.querySelector('h1')?.textContent ?? '');
  return true;
}
addEventListener('popstate', () => { if (location.pathname + location.search !== here) location.reload(); });

function begin() {
  if (source || document.hidden) return;
  source = new EventSource('/my/changes');
  source.addEventListener('state', e => { if (e.data !== shown) refresh(); });
  source.addEventListener('end', end);
}

function end() {
  source?.close();
  source = null;
}

// A page that nobody sees is told nothing: it would take one of the browser's few connections.
document.addEventListener('visibilitychange', () => { if (document.hidden) end(); else begin(); });
addEventListener('pagehide', end);
addEventListener('pageshow', begin);
for (const back of ['focus', 'online'])
  addEventListener(back, () => {
    if (source?.readyState === EventSource.OPEN) return;
    if (source?.readyState === EventSource.CLOSED) end();
    begin();
    refresh();
  });
begin();
