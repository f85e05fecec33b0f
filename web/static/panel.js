// @ts-check
// The panel at a door, or the screen in a lobby: the clock, a fresh page each half minute, and
// a notice while the server cannot be reached. What was shown last stays.
const clock = document.querySelector('[data-clock]');
const offline = document.querySelector('[data-offline]');
let shown = Date.now();

async function look() {
  try {
    // Where a screen is sent on, the server is there; it need not find out how the rooms are.
    const r = await fetch('/panel/', {method: 'HEAD', cache: 'no-store', redirect: 'manual', signal: AbortSignal.timeout(5000)});
    const there = r.ok || r.type === 'opaqueredirect';
    if (offline instanceof HTMLElement) offline.hidden = there;
    if (there && Date.now() - shown > (clock ? 25000 : 4000)) location.replace('/panel/');
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
