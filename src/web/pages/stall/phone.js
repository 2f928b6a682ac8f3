// The stall's page. Everything it shows without this file, it shows with it; this adds hearing.

import { payload, draw } from './qr.js';
import { words, dong, ago } from './words.js';
import { listen, judge, tier } from './hear.js';
import { Loudspeaker, payment, caughtUp, dayTotal, replay } from './sound.js';

const at = id => document.getElementById(id);
const page = JSON.parse(at('phone').dataset.page), say = JSON.parse(at('phone').dataset.texts);

/** Older than this when heard, and it is caught up on, not announced. */
const LATE_S = 90;
/** How long late ones are gathered before they are summed up. */
const GATHER_MS = 700;
/** How long money fills the screen. */
const SHOWN_MS = 8000;
/** Age at which a payment turns grey. */
const OLD_S = 60;
/** More than so many waiting to be said are summed up. */
const QUEUE_MAX = 4;
const AMOUNT_MAX = 9999999999999;

const speaker = new Loudspeaker(page.files);
speaker.voice = page.voice;
speaker.volume = page.volume / 100;
const inWords = amount => words(amount, page.voice).join(' ');
const unit = { s: say.seconds_ago, m: say.minutes_ago, h: say.hours_ago };
const aged = seconds => seconds < 3 ? say.just_now : ago(seconds, (value, part) => `${value} ${unit[part]}`);

document.body.classList.add('js');
at('sound').hidden = false;
at('type').hidden = !page.account;

// --- The code -------------------------------------------------------------------------------------

let price = 0, since = 0;

const showCode = amount => {
  price = amount;
  since = 0;
  if (!page.account) return;
  at('ask').classList.toggle('free', !amount);
  at('ask').textContent = amount ? dong(amount) : say.any_amount;
  at('ask-words').textContent = amount ? inWords(amount) : '';
  at('clear-place').hidden = !amount;
  const text = payload(page.bin, page.account, amount || null, page.memo);
  draw(at('qr').querySelector('svg'), text, amount ? `VietQR ${dong(amount)}` : 'VietQR');
  at('qr').dataset.payload = text;
};

let typed = 0;
const showTyped = value => {
  const fits = value <= AMOUNT_MAX;
  if (fits) typed = value;
  at('typed').textContent = dong(typed);
  at('typed-words').textContent = fits ? (typed ? inWords(typed) : '') : say.amount_too_large;
  at('keypad-done').disabled = !typed;
};
const press = key => {
  if (key === 'erase') showTyped(Math.floor(typed / 10));
  else showTyped(Number(`${typed}${key}`));
};
at('keypad').addEventListener('click', event => {
  const { key, set } = event.target.dataset;
  if (key) press(key);
  if (set) showTyped(Number(set));
});
at('keypad').addEventListener('keydown', event => {
  if (event.key >= '0' && event.key <= '9' && event.key.length === 1) press(event.key);
  if (event.key === 'Backspace') press('erase');
  if (event.key === 'Enter' && typed && event.target.dataset.key === undefined) at('keypad-done').click();
});
at('type').addEventListener('click', () => { showTyped(0); at('keypad').showModal(); });
at('keypad-close').addEventListener('click', () => at('keypad').close());
at('keypad-done').addEventListener('click', () => { at('keypad').close(); showCode(typed); at('code').scrollIntoView(); });
if (page.account) {
  at('clear').addEventListener('click', event => { event.preventDefault(); showCode(0); });
  at('qr').addEventListener('click', () => at('qr').classList.toggle('full'));
  if (page.amount) showCode(page.amount);
}

// --- The day --------------------------------------------------------------------------------------

const day = { date: page.date, amount: page.day_amount, count: page.day_count };
const showDay = () => {
  if (!at('today')) return;
  at('today-sum').textContent = dong(day.amount);
  at('today-count').textContent = day.count;
};
const count = (news, id) => {
  if (id <= page.cursor || news.business_date < day.date) return;
  if (news.business_date > day.date) Object.assign(day, { date: news.business_date, amount: 0, count: 0 });
  if (['settle', 'assign', 'reversal'].includes(news.kind)) {
    day.amount += news.amount;
    day.count += Math.sign(news.amount);
  }
  showDay();
};
const showTotals = () => {
  let hide = 0;
  at('hear-total').hidden = false;
  at('today').addEventListener('toggle', () => {
    clearTimeout(hide);
    // Neighbours read over shoulders: it hides itself again.
    if (at('today').open) hide = setTimeout(() => { at('today').open = false; }, 10000);
  });
  at('hear-total').addEventListener('click', () => speaker.say(null, dayTotal(day.count, day.amount, page.voice)));
};
// A helper's phone may be one that shows no totals.
if (at('today')) showTotals();

// --- Money ----------------------------------------------------------------------------------------

let last = page.last && { ...page.last, happened: Date.now() - page.last.age_s * 1000 }, shown = null, closing = 0;

const secondsSince = news => Math.max(0, (Date.now() - news.happened) / 1000);
const clock = news => news.time ? `${say.at} ${news.time}` : '';

const showAge = () => {
  if (last) at('last-time').textContent = `${last.time} · ${aged(secondsSince(last))}`;
  if (!shown) return;
  const seconds = secondsSince(shown), old = seconds >= OLD_S;
  at('money').classList.toggle('old', old);
  if (old && !shown.sum) at('money-title').textContent = say.old_payment;
  at('money-age').textContent = aged(seconds);
  const payer = !shown.sum && shown.payer_last_four ? `${say.paid_by} …${shown.payer_last_four}` : '';
  at('money-from').textContent = [clock(shown), payer, shown.posting.replace('-', '\u2011')].filter(Boolean).join(' · ');
};
setInterval(showAge, 1000);

const show = (news, verdict, fresh) => {
  const box = at('money');
  shown = news;
  box.className = verdict.alarm ? 'alarm' : verdict.kind === 'short' ? 'short' : '';
  at('money-title').textContent = news.sum ? `${say.made_up} ${news.sum} ${say.payments}, ${say.total}`
    : verdict.alarm ? say.only_received : say.received;
  at('money-amount').textContent = dong(news.amount);
  at('money-words').textContent = inWords(news.amount);
  const told = { none: '', exact: `✓ ${say.exact}`, short: `▼ ${say.short} ${dong(verdict.difference)}`, over: `▲ ${say.over} ${dong(verdict.difference)}` };
  at('money-verdict').textContent = (verdict.thousandth ? `⚠ ${say.thousandth}\n` : '') + told[verdict.kind];
  at('money-verdict').hidden = verdict.kind === 'none' && !verdict.thousandth;
  at('money-wrong').href = news.sum ? '/stall/book' : `/stall/dispute?posting=${news.posting}`;
  showAge();
  if (!box.open) box.showModal();
  clearTimeout(closing);
  // What she must not miss stays until she has seen it.
  if (fresh && !verdict.alarm && verdict.kind !== 'short') closing = setTimeout(() => box.close(), SHOWN_MS);
};

const plain = { alarm: false, thousandth: false, kind: 'none', difference: 0 };
const queue = [];
let busy = false;

const announce = async () => {
  if (busy) return;
  busy = true;
  while (queue.length) {
    if (queue.length > QUEUE_MAX) sumUp(queue.splice(0));
    const next = queue.shift();
    if (next.sum) {
      show(next, plain, true);
      await said(null, caughtUp(next.sum, next.amount, page.voice));
      continue;
    }
    const verdict = judge(next.amount, price, since);
    since += next.amount;
    show(next, verdict, true);
    // Paid: the next price may be keyed in while this one is still spoken.
    if (verdict.kind === 'exact' || verdict.kind === 'over') showCode(0);
    const clips = payment(next.amount, verdict, page.voice), notes = verdict.alarm ? 0 : tier(next.amount);
    await said(notes, clips);
    if (verdict.alarm) await said(notes, clips);
  }
  busy = false;
};
const said = async (notes, clips) => {
  if (!await speaker.say(notes, clips)) await new Promise(done => { setTimeout(done, 2500); });
};

const sumUp = several => {
  const amount = several.reduce((sum, one) => sum + one.amount, 0);
  const payments = several.reduce((sum, one) => sum + (one.sum || 1), 0);
  queue.push({ ...several[several.length - 1], sum: payments, amount });
};

let late = [], gathering = 0;
const hear = (kind, news, id) => {
  if (kind === 'resync') location.reload();
  if (kind !== 'payment') return;
  count(news, id);
  if (!['settle', 'assign'].includes(news.kind) || news.amount <= 0) {
    at('told').textContent = `${say.correction}: ${dong(news.amount)}`;
    return;
  }
  news.happened = Date.now() - news.age_s * 1000;
  news.time = (news.event_at || '').slice(11, 16);
  if (!last || news.happened >= last.happened) last = news;
  at('last-amount').textContent = dong(last.amount);
  at('last').disabled = false;
  if (news.age_s > LATE_S) {
    late.push(news);
    clearTimeout(gathering);
    gathering = setTimeout(() => { const all = late; late = []; sumUp(all); announce(); }, GATHER_MS);
  } else {
    queue.push(news);
    announce();
  }
};

at('last').disabled = !last;
at('last').addEventListener('click', () => show(last, { ...plain, alarm: last.amount < 1000 }, false));
at('money-close').addEventListener('click', () => at('money').close());
at('money').addEventListener('close', () => { shown = null; });
at('money-replay').addEventListener('click', () => {
  if (shown) speaker.say(null, replay(secondsSince(shown), shown.amount, page.voice));
});

// --- The line and the loudspeaker -----------------------------------------------------------------

const key = `socho ${page.market} ${page.stall}`;
const stored = () => { try { return Number(localStorage.getItem(key)) || 0; } catch { return 0; } };

const forget = async () => {
  try { localStorage.clear(); } catch { /* Nothing was kept then. */ }
  if (!('serviceWorker' in navigator)) return;
  for (const name of await caches.keys()) await caches.delete(name);
  for (const one of await navigator.serviceWorker.getRegistrations()) await one.unregister();
};

let state = '';
const line = now => {
  if (now === state) return;
  if (now === 'lost' && state === 'listening') speaker.say(null, ['mat-mang']);
  if (now === 'listening' && state === 'lost') speaker.say(null, ['co-mang']);
  state = now;
  at('line').className = `line ${{ listening: 'good', lost: 'lost', removed: 'lost', connecting: 'off' }[now]}`;
  at('line-text').textContent = say[now];
  if (now === 'removed') {
    at('code').hidden = true;
    forget();
  }
};

const setSound = on => {
  at('sound').setAttribute('aria-pressed', String(on));
  at('sound').textContent = on ? `${say.sound_on}. ${say.sound_needs_page}` : say.sound_off;
};
let lock = null;
const keepAwake = async () => {
  try { lock = lock || await navigator.wakeLock.request('screen'); lock.onrelease = () => { lock = null; }; } catch { /* She keeps it on herself. */ }
};
at('sound').addEventListener('click', async () => {
  if (speaker.on) {
    speaker.on = false;
    setSound(false);
    return;
  }
  try {
    await speaker.unlock();
    setSound(true);
    keepAwake();
    await speaker.say(2, ['loa-bat']);
  } catch {
    at('sound').textContent = say.sound_none;
  }
});
document.addEventListener('visibilitychange', () => {
  if (document.hidden || !speaker.on) return;
  keepAwake();
  // A call or another app may have taken the sound away: never pretend that it is on.
  speaker.context.resume().then(() => setSound(speaker.context.state === 'running'));
});

showDay();
listen(`/v1/stream?market=${encodeURIComponent(page.market)}&stall=${encodeURIComponent(page.stall)}`, stored() || page.cursor, {
  state: line,
  event: hear,
  cursor: seq => { try { localStorage.setItem(key, String(seq)); } catch { /* The page's own place serves. */ } },
});
if ('serviceWorker' in navigator) navigator.serviceWorker.register('/stall/worker.js', { scope: '/stall' }).catch(() => {});
