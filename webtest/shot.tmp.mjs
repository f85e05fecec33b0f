import {start, visit, axe, tooWide} from '/tmp/w/wcal/webtest/harness.mjs';
import {mkdirSync} from 'node:fs';
mkdirSync('/tmp/w/wcal-bin/shots', {recursive: true});
const site = await start();
const ways = {light: {}, dark: {colorScheme: 'dark'}, rtl: {locale: 'ar-XB'}, phone: {viewport: {width: 390, height: 844}, hasTouch: true, isMobile: true}};
const only = process.argv[2]?.split(',');
const paths = {week: '/my/calendar/week/today', day: '/my/calendar/day/today', month: '/my/calendar/month/today', agenda: '/my/calendar/agenda/today', year: '/my/calendar/year/today', people: '/my/people/?who=ann&who=ben&who=aurora&who=maria', start: '/my/', workweek: '/my/calendar/workweek/today'};
try {
for (const [name, path] of Object.entries(paths)) {
  if (only && !only.includes(name)) continue;
  for (const [way, options] of Object.entries(ways)) {
    try {
    await visit(site, {...options, user: process.env.AS ?? 'ann'}, async page => {
      const r = await page.goto(site.base + path);
      const t = Date.now();
      const v = await axe(page);
      console.log(name, way, r.status(), 'wide', await tooWide(page), 'axe', v.length ? v : 0);
      await page.screenshot({path: `/tmp/w/wcal-bin/shots/${name}-${way}.png`});
    });
    } catch (e) { console.log(name, way, String(e.message).slice(0, 600)); }
  }
}
} finally { await site.close(); }
