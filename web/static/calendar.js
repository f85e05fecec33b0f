// @ts-check
// Keys of the calendar's pages, and what is more comfortable with a script.

const off = () => { try { return localStorage.getItem('convene-keys') === 'off'; } catch { return false; } };

/** Whether somebody is typing. @param {EventTarget | null} e */
const typing = e => e instanceof HTMLElement && (e.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(e.tagName) && e.getAttribute('type') !== 'checkbox');

/** The elements between which arrows move. */
const events = () => [...document.querySelectorAll('main li > a[href^="/my/event/"]')];

/** Moves the focus from an event: to another of its day, or to a day beside it.
 * @param {Element} from @param {string} key */
function step(from, key) {
  const day = from.closest('[data-date], .cal-list');
  if (key === 'ArrowUp' || key === 'ArrowDown') {
    const all = day ? events().filter(e => day.contains(e)) : events();
    const next = all[all.indexOf(from) + (key === 'ArrowDown' ? 1 : -1)];
    return next ?? null;
  }
  const days = [...document.querySelectorAll('[data-date], .cal-list')];
  const by = (key === 'ArrowRight') === (document.documentElement.dir !== 'rtl') ? 1 : -1;
  for (let i = days.indexOf(/** @type {Element} */ (day)) + by; i >= 0 && i < days.length; i += by) {
    const found = days[i].querySelector('li > a[href^="/my/event/"]');
    if (found) return found;
  }
  return null;
}

document.addEventListener('keydown', event => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || document.querySelector('dialog[open]')) return;
  const at = document.activeElement;
  if (event.key.startsWith('Arrow') && at?.matches('main li > a[href^="/my/event/"]')) {
    const next = step(at, event.key);
    if (next instanceof HTMLElement) { event.preventDefault(); next.focus(); }
    return;
  }
  if (off()) return;
  if (event.key === '?') {
    const keys = document.querySelector('.cal-keys');
    if (keys instanceof HTMLDetailsElement) {
      event.preventDefault();
      keys.open = !keys.open;
      keys.querySelector('summary')?.focus();
    }
    return;
  }
  if (!/^[a-z/]$/.test(event.key)) return;
  const found = document.querySelector(`[data-key~="${event.key}"]`);
  if (!(found instanceof HTMLElement)) return;
  event.preventDefault();
  if (found instanceof HTMLInputElement) found.focus(); else found.click();
});

const box = document.getElementById('cal-keys-off');
if (box instanceof HTMLInputElement) {
  box.checked = off();
  box.addEventListener('change', () => { try { localStorage.setItem('convene-keys', box.checked ? 'off' : ''); } catch { /* then it holds for this page */ } });
}

// A tick is a choice: the button is for whoever has no script.
document.documentElement.classList.add('scripted');
document.addEventListener('change', event => {
  const form = event.target instanceof Element && event.target.closest('form.cal-choice');
  if (form instanceof HTMLFormElement) form.requestSubmit();
});

// The day begins in the morning, or a little before now.
for (const scroll of document.querySelectorAll('[data-grid]')) {
  const now = scroll.querySelector('.now');
  const seven = scroll.querySelectorAll('.cal-hours li')[7];
  const target = now ?? seven;
  if (!(target instanceof HTMLElement) || !(seven instanceof HTMLElement)) continue;
  const head = scroll.querySelector('.cal-day-head')?.clientHeight ?? 0;
  const top = (/** @type {Element} */ e) => e.getBoundingClientRect().top - scroll.getBoundingClientRect().top + scroll.scrollTop - head;
  scroll.scrollTop = now ? Math.min(top(seven), top(now) - 60) : top(seven);
  const today = scroll.querySelector('.cal-day.today');
  if (today instanceof HTMLElement && scroll.scrollWidth > scroll.clientWidth) {
    const b = today.getBoundingClientRect(), s = scroll.getBoundingClientRect();
    const hours = [...scroll.querySelectorAll('.cal-hours')].reduce((sum, e) => sum + e.clientWidth, 0);
    scroll.scrollLeft += document.documentElement.dir === 'rtl' ? b.right - s.right + hours : b.left - s.left - hours;
  }
}
