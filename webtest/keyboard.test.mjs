// @ts-check
// What people do every day, from the start page with the keyboard alone: how many pages they
// see, and how many keys they press besides the words that they type.
import {after, before, test} from 'node:test';
import assert from 'node:assert/strict';
import {start, visit} from './harness.mjs';

/** @type {import('./harness.mjs').Site} */ let site;
before(async () => { site = await start(); });
after(async () => { await site?.close(); });

const most = {pages: 3, keys: 25};

/** A page's keyboard, and nothing else of it. */
class Keyboard {
  pages = 0;
  keys = 0;

  /** @param {import('playwright-core').Page} page */
  constructor(page) {
    this.page = page;
    page.on('response', r => {
      if (r.request().isNavigationRequest() && r.frame() === page.mainFrame() && !(r.status() >= 300 && r.status() < 400)) this.pages++;
    });
  }

  /** Presses a key; counted. @param {string} key */
  async press(key) {
    this.keys++;
    await this.page.keyboard.press(key);
  }

  /** Types a word; not counted. @param {string} word */
  type(word) { return this.page.keyboard.type(word); }

  /** Presses a key that leads to another page, and waits for that. @param {string} key */
  async open(key) {
    const loaded = this.page.waitForEvent('load');
    await this.press(key);
    await loaded;
  }

  /** Presses Tab until something has the focus, and is seen. @param {import('playwright-core').Locator} what */
  async to(what) {
    while (!await what.evaluate(e => e === document.activeElement)) {
      assert.ok(this.keys < 100, `Tab does not come to ${what}`);
      await this.press('Tab');
    }
    await still(this.page);
    assert.ok(await inSight(what), `${what} is seen while it has the focus`);
  }

  /** Presses a key until something is seen. @param {import('playwright-core').Locator} what @param {string} key */
  async until(what, key) {
    await what.first().waitFor({state: 'attached'});
    while (!await inSight(what)) {
      assert.ok(this.keys < 100, `${key} does not show ${what}`);
      await this.press(key);
      await still(this.page);
    }
  }
}

/** Waits until nothing scrolls. @param {import('playwright-core').Page} page */
const still = page => page.evaluate(async () => {
  const frame = () => new Promise(resolve => requestAnimationFrame(resolve));
  for (let was = -1, same = 0; same < 3; same = was === scrollY ? same + 1 : 0) { was = scrollY; await frame(); }
});

/** Whether something is in the window, and nothing over it.
 * @param {import('playwright-core').Locator} what */
const inSight = what => what.first().evaluate(e => {
  const b = e.getClientRects()[0], top = document.elementFromPoint(b.x + b.width / 2, b.y + b.height / 2);
  return top !== null && (e.contains(top) || top.contains(e));
});

/** From the start page, by keyboard: fn does it, and it is counted.
 * @param {string} name @param {string} user @param {(k: Keyboard, page: import('playwright-core').Page) => Promise<void>} fn */
const walk = (name, user, fn) => test(name, t => visit(site, {user}, async page => {
  await page.goto(site.base + '/my/');
  const k = new Keyboard(page);
  await fn(k, page);
  t.diagnostic(`${name}: ${k.pages} pages, ${k.keys} keys besides typed words`);
  assert.ok(k.pages <= most.pages, `${k.pages} pages`);
  assert.ok(k.keys <= most.keys, `${k.keys} keys`);
}));

/** The day that is so many days from today, as digits in the order of the browser's date fields.
 * @param {number} days */
const digits = days => {
  const d = new Date(Date.now() + days * 86400e3);
  return String(d.getMonth() + 1).padStart(2, '0') + String(d.getDate()).padStart(2, '0') + d.getFullYear();
};

/** @param {number} days */
const iso = days => {
  const s = digits(days);
  return s.slice(4) + '-' + s.slice(0, 2) + '-' + s.slice(2, 4);
};

walk('book a room for four people tomorrow', 'ann', async (k, page) => {
  await k.to(page.getByRole('navigation').getByRole('link', {name: 'Rooms'}));
  await k.open('Enter');
  await k.to(page.locator('#date'));
  await k.type(digits(1));
  assert.equal(await page.locator('#date').inputValue(), iso(1));
  await k.to(page.locator('#heads'));
  await k.type('4');
  await k.open('Enter');
  await k.to(page.getByRole('button', {name: /^Book: /}).first());
  await k.open('Enter');
  assert.match(await page.locator('.done').innerText(), /is booked/);
});

walk('see why another room is refused', 'ben', async (k, page) => {
  await k.to(page.getByRole('navigation').getByRole('link', {name: 'Rooms'}));
  await k.open('Enter');
  await k.to(page.locator('#date'));
  await k.type(digits(1));
  await k.to(page.locator('#heads'));
  await k.type('4');
  await k.open('Enter');
  await k.until(page.getByText('taken at this time'), 'PageDown'); // the one that ann has booked
  await k.until(page.getByText('2 seats'), 'PageDown');
  assert.match(await page.locator('.rooms', {hasText: '2 seats'}).innerText(), /Too small[\s\S]*Harbor/);
});

walk('give an assistant access for two weeks', 'ann', async (k, page) => {
  await k.to(page.getByRole('navigation').getByRole('link', {name: 'Delegates'}));
  await k.open('Enter');
  await k.to(page.locator('#q'));
  await k.type('tom');
  await page.getByText('1 found.').first().waitFor();
  await k.to(page.getByRole('link', {name: /^Tom/}));
  await k.open('Enter');
  await k.to(page.getByRole('radio').first());
  await k.press('ArrowDown');
  await k.to(page.locator('#until'));
  await k.type(digits(14));
  assert.equal(await page.locator('#until').inputValue(), iso(14));
  await k.open('Enter');
  assert.match(await page.locator('.done').innerText(), /Saved: Tom/);
  assert.match(await page.locator('tbody tr').innerText(), /May read and change all calendars.* until /);
});

walk('put a phone in', 'ann', async (k, page) => {
  await k.press('Tab'); // to what leads past the navigation
  await k.press('Enter');
  await k.to(page.locator('h2 a[href="/my/devices"]'));
  await k.open('Enter');
  await k.to(page.locator('#name'));
  await k.type('Phone');
  await k.open('Enter');
  const secret = await page.locator('#secret').innerText();
  const asks = await page.request.fetch(site.base + '/', {method: 'PROPFIND', headers: {Depth: '0', Authorization: 'Basic ' + Buffer.from('ann:' + secret).toString('base64')}});
  assert.equal(asks.status(), 207);
});
