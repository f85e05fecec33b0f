// @ts-check
// Moves events, makes them longer, and makes new ones, by pointer and by Alt and arrows. A finger
// that only moves scrolls; one that rests a moment takes what is under it.
// The server does it: what is dropped is a form that it gets. Who has no script, or no
// pointer, changes the times on the event's page.
import {say} from './app.js';
import {turn} from './live.js';

const quarter = 15;
const threshold = 5; // pixels before a press is a drag
const slop = 10; // pixels that a resting finger moves
const hold = 400; // milliseconds until it takes something
const dwell = 700; // milliseconds at the edge until the next page comes

/** @param {string} text of a local time: 2026-11-30T09:00 */
const parse = text => new Date(text.length === 10 ? text + 'T00:00Z' : text + 'Z');
/** @param {Date} date @param {boolean} day */
const write = (date, day) => date.toISOString().slice(0, day ? 10 : 16);
/** @param {Date} date @param {number} minutes */
const plus = (date, minutes) => new Date(date.getTime() + minutes * 60000);
const clock = new Intl.DateTimeFormat(document.documentElement.lang, {weekday: 'short', hour: 'numeric', minute: '2-digit', timeZone: 'UTC'});

/** Asks which dates of a series are meant; '' is none.
 * @param {HTMLElement} event @returns {Promise<string>} */
function scope(event) {
  const dialog = document.getElementById('cal-scope');
  if (!event.getAttribute('href')?.includes('?at=') || !(dialog instanceof HTMLDialogElement)) return Promise.resolve('all');
  return new Promise(resolve => {
    dialog.returnValue = '';
    dialog.addEventListener('close', () => resolve(dialog.returnValue), {once: true});
    dialog.showModal();
  });
}

/** Sends an event to another time. @param {HTMLElement} event @param {Date} start @param {Date} end
 * @returns {Promise<boolean>} whether it was sent */
async function send(event, start, end) {
  const which = await scope(event);
  if (!which) return false;
  const url = new URL(event.getAttribute('href') ?? '', location.href);
  const [from, , etag] = moved(event), day = from.length === 10;
  const form = document.createElement('form');
  form.method = 'post';
  form.action = '/my/event/move';
  form.hidden = true;
  const fields = {
    path: decodeURIComponent(url.pathname.slice('/my/event/'.length)), at: url.searchParams.get('at') ?? '',
    start: write(start, day), end: write(end, day), scope: which, etag, back: location.pathname + location.search,
  };
  for (const [name, value] of Object.entries(fields)) {
    const input = document.createElement('input');
    input.type = 'hidden';
    input.name = name;
    input.value = value;
    form.append(input);
  }
  document.body.append(form);
  form.submit();
  return true;
}

/** Start, end and ETag. @param {Element} event */
const moved = event => (event.getAttribute('data-move') ?? '').split(' ');
/** @param {Element} event */
const times = event => moved(event).slice(0, 2).map(parse);

/** Says where an event would be. @param {Date} start @param {Date} end */
function tell(start, end) {
  const text = document.getElementById('cal-texts')?.dataset.moved ?? '%';
  say(text.replace('%', clock.formatRange(start, end)));
}

// By keys: Alt and arrows move, Alt, Shift and arrows change the length. Enter sends it.
/** @type {{event: HTMLElement, start: Date, end: Date} | null} */
let pending = null;

document.addEventListener('keydown', async e => {
  const event = document.activeElement;
  if (!(event instanceof HTMLElement) || !event.hasAttribute('data-move')) return;
  if (pending && pending.event === event && (e.key === 'Enter' || e.key === 'Escape')) {
    e.preventDefault();
    const p = pending;
    pending = null;
    event.classList.remove('ghost');
    if (e.key === 'Enter' && await send(event, p.start, p.end)) return;
    say('');
    return;
  }
  if (!e.altKey || !e.key.startsWith('Arrow')) return;
  e.preventDefault();
  if (!pending || pending.event !== event) {
    const [start, end] = times(event);
    pending = {event, start, end};
  }
  const day = moved(event)[0].length === 10;
  const ahead = (e.key === 'ArrowRight') === (document.documentElement.dir !== 'rtl');
  let by = day ? 0 : e.key === 'ArrowDown' ? quarter : -quarter;
  if (e.key === 'ArrowLeft' || e.key === 'ArrowRight') by = ahead ? 1440 : -1440;
  const end = plus(pending.end, by);
  if (e.shiftKey) {
    if (end > pending.start) pending.end = end;
  } else {
    pending.start = plus(pending.start, by);
    pending.end = end;
  }
  event.classList.add('ghost');
  const when = event.querySelector('.when');
  if (when) when.textContent = clock.formatRange(pending.start, pending.end);
  tell(pending.start, pending.end);
});
document.addEventListener('focusout', () => { pending?.event.classList.remove('ghost'); pending = null; });

/** The day and the minute of it under a point of a grid.
 * @param {Element} grid @param {number} x @param {number} y */
function under(grid, x, y) {
  for (const day of grid.querySelectorAll('.cal-day')) {
    const slots = day.querySelector('.cal-slots');
    const b = slots?.getBoundingClientRect();
    if (!slots || !b || x < b.left || x >= b.right) continue;
    const rows = getComputedStyle(slots).gridTemplateRows.split(' ').length;
    const row = Math.min(Math.max(Math.floor((y - b.top) / b.height * rows), 0), rows - 1);
    return {slots, date: day.getAttribute('data-date') ?? '', row, rows, height: b.height / rows};
  }
  return null;
}

/** A drag in a grid. */
for (const grid of document.querySelectorAll('[data-grid]')) {
  if (!(grid instanceof HTMLElement)) continue;
  grid.addEventListener('dragstart', e => e.preventDefault());
  grid.addEventListener('pointerdown', down => {
    if (down.button !== 0 || !down.isPrimary || !(down.target instanceof Element)) return;
    const touch = down.pointerType === 'touch';
    const event = down.target.closest('.block > a[data-move]');
    const from = under(grid, down.clientX, down.clientY);
    if (!from || !event && (down.target.closest('a, button') || !down.target.closest('.cal-slots'))) return;
    const box = event?.getBoundingClientRect();
    const resizing = box !== undefined && down.clientY > box.bottom - 8;
    /** @type {HTMLElement | null} */ let ghost = null;
    let dragged = false;
    let held = 0, edge = 0, turning = 0;
    /** @type {Date} */ let start, /** @type {Date} */ end;
    const place = (/** @type {PointerEvent} */ e) => {
      const to = under(grid, e.clientX, e.clientY) ?? from;
      // Where rows are not those of an ordinary day, the clock has changed on one of the days.
      const moved = (to.row - from.row) * quarter;
      if (event) {
        const days = (parse(to.date).getTime() - parse(from.date).getTime()) / 60000;
        [start, end] = times(event);
        if (resizing) end = new Date(Math.max(plus(end, moved).getTime(), plus(start, quarter).getTime()));
        else { start = plus(start, moved + days); end = plus(end, moved + days); }
      } else {
        const [a, b] = [from.row, to.row].sort((m, n) => m - n);
        start = plus(parse(from.date), a * quarter);
        end = plus(parse(from.date), (b + 1) * quarter);
      }
      const column = event && !resizing ? to : from;
      if (!ghost) {
        ghost = document.createElement('li');
        ghost.className = 'block ghost';
        const what = ghost.appendChild(document.createElement('span'));
        what.className = 'what';
        const when = what.appendChild(document.createElement('span'));
        when.className = 'when';
      }
      const first = event && resizing ? from.row - Math.round((down.clientY - (box?.top ?? 0)) / from.height) + 1
        : event ? to.row - Math.floor((down.clientY - (box?.top ?? 0)) / from.height) : Math.min(from.row, to.row);
      const span = Math.max(Math.round((end.getTime() - start.getTime()) / 60000 / quarter), 1);
      const row = Math.min(Math.max(first, 0), from.rows - 1);
      ghost.className = `block ghost r${row} s${Math.min(span, from.rows - row)}`;
      const when = ghost.querySelector('.when');
      if (when) when.textContent = clock.formatRange(start, end);
      column.slots.querySelector('ol')?.append(ghost);
    };
    const move = (/** @type {PointerEvent} */ e) => {
      const far = Math.hypot(e.clientX - down.clientX, e.clientY - down.clientY);
      if (!dragged && touch && far > slop) cancel(); // it scrolls
      if (!dragged && (touch || far < threshold)) return;
      take();
      place(e);
      // Near the edge there is more to see: further up or down, aside, and the page behind.
      const b = grid.getBoundingClientRect();
      if (e.clientY > b.bottom - 24) grid.scrollTop += 12;
      if (e.clientY < b.top + 60) grid.scrollTop -= 12;
      const side = e.clientX < b.left + 16 ? -1 : e.clientX > b.right - 16 ? 1 : 0, left = grid.scrollLeft;
      grid.scrollLeft += 12 * side;
      if (side === edge) return;
      clearTimeout(turning);
      edge = side;
      if (side && event && !resizing && grid.scrollLeft === left) turning = setTimeout(leaf, dwell, e);
    };
    const take = () => {
      if (!dragged) grid.setPointerCapture(down.pointerId);
      dragged = true;
    };
    /** Goes to the page behind the edge, and on while the pointer stays there. @param {PointerEvent} e */
    const leaf = async e => {
      const later = (edge > 0) === (document.documentElement.dir !== 'rtl');
      const link = document.querySelector(`.cal-steps a[rel=${later ? 'next' : 'prev'}]`);
      if (!(link instanceof HTMLAnchorElement) || !await turn(link.href) || !edge) return;
      place(e);
      turning = setTimeout(leaf, dwell, e);
    };
    const still = (/** @type {Event} */ e) => { if (dragged) e.preventDefault(); };
    const menu = (/** @type {Event} */ e) => { if (touch) e.preventDefault(); };
    const stop = () => {
      grid.removeEventListener('pointermove', move);
      grid.removeEventListener('pointerup', up);
      grid.removeEventListener('pointercancel', cancel);
      grid.removeEventListener('touchmove', still);
      grid.removeEventListener('contextmenu', menu);
      document.removeEventListener('keydown', escape);
      clearTimeout(held);
      clearTimeout(turning);
      edge = 0;
    };
    const cancel = () => { stop(); ghost?.remove(); };
    const escape = (/** @type {KeyboardEvent} */ e) => { if (e.key === 'Escape') cancel(); };
    const up = async () => {
      stop();
      if (!dragged) return;
      // The click that follows is not one on the event.
      grid.addEventListener('click', e => { e.preventDefault(); e.stopPropagation(); }, {capture: true, once: true});
      setTimeout(() => grid.dispatchEvent(new MouseEvent('click')), 0);
      if (event instanceof HTMLElement) {
        if (!await send(event, start, end)) ghost?.remove();
        return;
      }
      location.href = fresh(start, end);
    };
    grid.addEventListener('pointermove', move);
    grid.addEventListener('pointerup', up);
    grid.addEventListener('pointercancel', cancel);
    grid.addEventListener('touchmove', still, {passive: false});
    grid.addEventListener('contextmenu', menu);
    if (touch) held = setTimeout(() => { take(); place(down); }, hold);
    document.addEventListener('keydown', escape);
  });
  grid.addEventListener('dblclick', e => {
    if (!(e.target instanceof Element) || e.target.closest('a') || !e.target.closest('.cal-slots')) return;
    const at = under(grid, e.clientX, e.clientY);
    if (!at) return;
    const start = plus(parse(at.date), Math.floor(at.row / 2) * 2 * quarter);
    location.href = fresh(start, plus(start, 60));
  });

  /** The path of the form for a new event. @param {Date} start @param {Date} end */
  const fresh = (start, end) => {
    const url = new URL(grid.dataset.new ?? '', location.href);
    url.searchParams.set('start', write(start, false));
    url.searchParams.set('end', write(end, false));
    return url.href;
  };
}
