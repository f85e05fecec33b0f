// @ts-check
// The form of an event looks for people, rooms and free times while it is filled in: it is
// sent as with its buttons, and the part with the guests is taken from the answer.

const form = /** @type {HTMLFormElement | null} */ (document.querySelector('form[data-event]'));
let timer = 0;
let asked = 0;

/** Sends the form with a button, and takes the guests from the page that comes.
 * @param {string} what the button's value @param {string} focus id of what has the focus then */
function ask(what, focus) {
  if (!form) return;
  const n = ++asked;
  const data = new URLSearchParams();
  for (const [name, value] of new FormData(form)) data.append(name, String(value));
  data.set('do', what);
  const x = new XMLHttpRequest();
  x.open('POST', form.action);
  x.responseType = 'document';
  x.onload = () => {
    const fresh = x.status === 200 && x.responseXML?.getElementById('guests');
    const old = document.getElementById('guests');
    if (!fresh || !old || n !== asked) return;
    const typed = /** @type {HTMLInputElement | null} */ (document.getElementById('q'));
    const [value, at] = [typed?.value ?? '', typed?.selectionStart ?? 0];
    old.replaceWith(document.importNode(fresh, true));
    const [save, says] = [document, x.responseXML].map(d => d?.querySelector('.save .primary'));
    if (save && says) save.textContent = says.textContent; // whether somebody is told
    const place = /** @type {HTMLInputElement | null} */ (document.getElementById('place'));
    const filled = /** @type {HTMLInputElement | null | undefined} */ (x.responseXML?.getElementById('place'));
    if (place && filled && !place.value) place.value = filled.value;
    const q = /** @type {HTMLInputElement | null} */ (document.getElementById('q'));
    if (focus !== 'q' || !q) return;
    if (what === 'find') q.value = value;
    q.focus();
    q.setSelectionRange(at, at);
  };
  x.send(data);
}

form?.addEventListener('input', event => {
  const e = /** @type {HTMLInputElement} */ (event.target);
  clearTimeout(timer);
  if (e.id === 'q' && e.value.trim().length >= 3) timer = window.setTimeout(() => ask('find', 'q'), 250);
  if (/^(start|end)-|^day$|^zone$/.test(e.id) && form.querySelector('[name=guest]')) timer = window.setTimeout(() => ask('check', ''), 400);
});

// An event that begins later ends later.
const start = /** @type {HTMLInputElement | null} */ (document.getElementById('start-day'));
const end = /** @type {HTMLInputElement | null} */ (document.getElementById('end-day'));
start?.addEventListener('change', () => { if (end && end.value < start.value) end.value = start.value; });
const from = /** @type {HTMLSelectElement | null} */ (document.getElementById('start-time'));
const to = /** @type {HTMLSelectElement | null} */ (document.getElementById('end-time'));
from?.addEventListener('change', () => {
  if (to && start?.value === end?.value && to.value <= from.value) to.selectedIndex = Math.min(from.selectedIndex + 4, to.options.length - 1);
});

form?.addEventListener('click', event => {
  const b = /** @type {HTMLElement} */ (event.target).closest('button');
  const what = b?.getAttribute('value') ?? '';
  if (!b || !/^(add|remove|find|rooms|check)\b/.test(what)) return;
  event.preventDefault();
  ask(what, 'q');
  if (what.startsWith('add')) { const q = /** @type {HTMLInputElement} */ (document.getElementById('q')); q.value = ''; }
});

document.getElementById('clash')?.focus();
