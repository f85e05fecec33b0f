// @ts-check
// Finds people while somebody types. Without it the button finds them.
import {say} from './app.js';

/** @typedef {{name: string, mail: string, group: boolean, link: string}} Found */

/** @param {Found} f @param {string} group */
function item(f, group) {
  const li = document.createElement('li'), a = document.createElement('a'), name = document.createElement('bdi'), mail = document.createElement('span');
  a.href = f.link;
  name.textContent = f.name;
  mail.className = 'dim';
  mail.textContent = f.mail;
  a.append(name, ' ');
  if (f.group) {
    const tag = document.createElement('span');
    tag.className = 'tag';
    tag.textContent = group;
    a.append(tag, ' ');
  }
  a.append(mail);
  li.append(a);
  return li;
}

for (const form of document.querySelectorAll('form[data-finder]')) {
  const url = form.getAttribute('data-finder'), input = form.querySelector('input[type=search]');
  const list = form.querySelector('[data-found]'), hint = form.querySelector('[data-hint]');
  if (!url || !(input instanceof HTMLInputElement) || !list || !hint) continue;
  let timer = 0, asked = 0;
  input.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      const number = ++asked, q = input.value.trim();
      if (q.length < 2) {
        list.replaceChildren();
        hint.textContent = '';
        return;
      }
      const r = await fetch(url + '?q=' + encodeURIComponent(q)).catch(() => null);
      if (!r || !r.ok || number !== asked) return; // the button still works
      /** @type {{found: Found[], said: string, group: string}} */
      const answer = await r.json();
      if (number !== asked) return;
      list.replaceChildren(...answer.found.map(f => item(f, answer.group)));
      hint.textContent = answer.said;
      say(answer.said);
    }, 250);
  });
}
