// @ts-check
// The panel at a door: the clock, a fresh page each half minute, and a notice while the
// server cannot be reached. What was shown last stays.
const clock = document.querySelector('[data-clock]');
const offline = document.querySelector('[data-offline]');
let shown = Date.now();

async function look() {
  try {
    const r = await fetch('/panel/', {method: 'HEAD', cache: 'no-store', signal: AbortSignal.timeout(5000)});
    if (offline instanceof HTMLElement) offline.hidden = r.ok;
    if (r.ok && Date.now() - shown > (clock ? 25000 : 4000)) location.replace('/panel/');
  } catch {
    if (offline instanceof HTMLElement) offline.hidden = false;
  }
}

setInterval(() => {
  const zone = clock?.getAttribute('data-clock');
  if (!clock || !zone) return;
  try {
    clock.textContent = new Intl.DateTimeFormat(document.documentElement.lang, {hour: 'numeric', minute: '2-digit', timeZone: zone,
      hour12: /[^\d\s:.]/.test(clock.textContent ?? '')}).format(new Date());
  } catch { /* the server's time stays: it calls the zone by a name that this browser does not know */ }
}, 5000);
if (document.querySelector('[data-clock], .code')) setInterval(look, 5000);
