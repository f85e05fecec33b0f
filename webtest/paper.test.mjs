// @ts-check
// What calendars are on paper: a page each where it fits, and every word of it.
import {after, before, test} from 'node:test';
import assert from 'node:assert/strict';
import {execFile} from 'node:child_process';
import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {promisify} from 'node:util';
import {start, store, visit, zoneCookie} from './harness.mjs';

const run = promisify(execFile);
/** @type {import('./harness.mjs').Site} */ let site;
before(async () => {
  site = await start();
  const put = (/** @type {string} */ name, /** @type {string[]} */ ...lines) => store(site, 'george', name, lines);
  await put('fair', 'DTSTART;VALUE=DATE:20300508', 'DTEND;VALUE=DATE:20300510', 'SUMMARY:Fair');
  await put('desk', 'DTSTART;TZID=Europe/Berlin:20300506T080000', 'DURATION:PT2H', 'RRULE:FREQ=DAILY;COUNT=5', 'SUMMARY:Front desk', 'LOCATION:South building');
  await put('fire', 'DTSTART;TZID=Europe/Berlin:20300507T143000', 'DURATION:PT45M', 'SUMMARY:Fire drill');
  await put('late', 'DTSTART;TZID=Europe/Berlin:20300510T220000', 'DURATION:PT4H', 'SUMMARY:Night shift');
});
after(async () => { await site?.close(); });

for (const view of ['week', 'month', 'agenda'])
  test(`${view} on paper`, () => visit(site, {user: 'george'}, async page => {
    await page.context().addCookies([zoneCookie(site, 'Europe/Berlin')]);
    await page.goto(`${site.base}/my/calendar/${view}/2030-05-06`);
    const dir = await mkdtemp(path.join(tmpdir(), 'convene-paper-'));
    try {
      const file = path.join(dir, 'page.pdf');
      await page.pdf({path: file, preferCSSPageSize: true, format: 'A4'});
      const {stdout: info} = await run('pdfinfo', [file]);
      assert.match(info, /^Pages: +1$/m);
      // In the order of the page, whatever the lines are broken into.
      const {stdout} = await run('pdftotext', ['-raw', '-enc', 'UTF-8', file, '-']);
      const text = stdout.replace(/\s+/g, ' ').trim() + '\n';
      const golden = new URL(`testdata/paper-${view}.txt`, import.meta.url);
      if (process.env.UPDATE) await writeFile(golden, text);
      assert.equal(text, await readFile(golden, 'utf8'));
      for (const gone of [await page.locator('.top nav').innerText(), await page.locator('.cal-kinds').innerText()])
        for (const word of gone.split('\n').filter(Boolean)) assert.ok(!stdout.split('\n').includes(word), `${word} is on the paper`);
    } finally {
      await rm(dir, {recursive: true, force: true});
    }
  }));
