// @ts-check
// Makes pages more comfortable; each works without.

/** Says something to who does not see it.
 * @param {string} text */
export function say(text) {
  const said = document.getElementById('said');
  if (said) said.textContent = text;
}

// The server writes times in the reader's zone. It learns of the zone here.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone && !document.cookie.includes('convene-zone=' + encodeURIComponent(zone)))
  document.cookie = 'convene-zone=' + encodeURIComponent(zone) + '; path=/; max-age=31536000; samesite=lax' +
    (location.protocol === 'https:' ? '; secure' : '');

// A browser that loads its Kerberos library late sends its ticket only when asked twice.
if (document.body.hasAttribute('data-ticket') && !sessionStorage.getItem('convene-ticket')) {
  sessionStorage.setItem('convene-ticket', 'asked');
  if (!document.querySelector('[role=alert]')) location.reload();
}

// What cannot be taken back is asked about once more: the form says how.
for (const form of document.querySelectorAll('form[data-confirm]'))
  form.addEventListener('submit', event => {
    if (!confirm(form.getAttribute('data-confirm') ?? '')) event.preventDefault();
  });
