// @ts-check
// Shows what a device does as soon as it does it.
import {say} from './app.js';

const arrived = document.getElementById('arrived');
if (arrived && location.hash === '#arrived') {
  arrived.focus();
  say(arrived.dataset.news ?? '');
}

async function look() {
  if (document.hidden) return;
  const r = await fetch('/my/setup/test/news', {headers: {Accept: 'application/json'}}).catch(() => null);
  if (!r?.ok) return;
  const now = await r.json();
  if (now.state !== arrived?.dataset.state || !now.watching) {
    clearInterval(timer);
    location.replace('/my/setup/test?now=' + now.state + '#arrived');
  }
}

const timer = setInterval(look, 2000);
if (!arrived) clearInterval(timer);
