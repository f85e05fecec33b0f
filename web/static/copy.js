// @ts-check
// Puts a button for copying behind each value that says how it is called.
import {say} from './app.js';

for (const value of document.querySelectorAll('[data-copy]')) {
  if (!navigator.clipboard) break;
  const button = document.createElement('button');
  const text = value.getAttribute('data-copy') ?? '', done = value.getAttribute('data-copied') ?? '';
  button.type = 'button';
  button.textContent = text;
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(value.textContent ?? '');
    button.textContent = done;
    say(done);
    setTimeout(() => { button.textContent = text; }, 3000);
  });
  value.after(button);
}
