// Hearing of money: the stream, and what an amount means against a price. No pixel and no sound here.

/** Silence after which the connection counts as dead: the server says something every 15 s. */
const SILENCE_MS = 40000;
/** Longest wait before the next try. */
const RETRY_MAX_MS = 15000;

/** Splits what a stream delivers into events; `feed` takes text in pieces of any size. */
export const parser = onEvent => {
  let rest = '';
  return text => {
    rest += text;
    const blocks = rest.split('\n\n');
    rest = blocks.pop();
    for (const block of blocks) {
      const event = { id: null, event: 'message', data: '', retry: null };
      for (const line of block.split('\n')) {
        const at = line.indexOf(':');
        if (at > 0) event[line.slice(0, at)] = line.slice(at + 1).replace(/^ /, '');
      }
      onEvent(event);
    }
  };
};

/**
 * Listens for as long as the page lives. `tell.state` hears `connecting`, `listening`, `lost` or
 * `removed`; `tell.event` each event once; `tell.cursor` up to which posting everything is known.
 */
export const listen = (url, after, tell) => {
  let cursor = after, wait = 1000, retry = 3000, current = null, timer = 0, heard = 0;
  const seen = event => {
    const id = event.id === null ? null : Number(event.id);
    if (event.retry) retry = Number(event.retry);
    const news = event.data && !(event.event === 'payment' && id <= cursor);
    if (news) tell.event(event.event, JSON.parse(event.data), id);
    if (id !== null && (id > cursor || event.event === 'resync')) tell.cursor(cursor = id);
  };
  const again = delay => {
    clearTimeout(timer);
    timer = setTimeout(run, delay);
  };
  const run = async () => {
    clearTimeout(timer);
    if (current) current.abort();
    const own = current = new AbortController();
    const watch = setInterval(() => { if (Date.now() - heard > SILENCE_MS) own.abort(); }, 5000);
    heard = Date.now();
    try {
      const response = await fetch(`${url}&after=${cursor}`, {
        signal: own.signal, cache: 'no-store', headers: { Accept: 'text/event-stream' },
      });
      if ([401, 403, 404].includes(response.status)) {
        tell.state('removed');
        return;
      }
      if (!response.ok || !response.body) throw new Error(response.status);
      const feed = parser(seen), decoder = new TextDecoder(), reader = response.body.getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        heard = Date.now();
        wait = 1000;
        tell.state('listening');
        feed(decoder.decode(value, { stream: true }));
      }
      // The server ended it in good order: it restarts, or asks us to come back.
      tell.state('connecting');
      if (own === current) again(retry / 3);
    } catch {
      if (own !== current) return;
      tell.state('lost');
      again(wait);
      wait = Math.min(RETRY_MAX_MS, wait * 2);
    } finally {
      clearInterval(watch);
    }
  };
  addEventListener('online', run);
  addEventListener('offline', () => { if (current) current.abort(); tell.state('lost'); });
  document.addEventListener('visibilitychange', () => {
    // A phone that slept may hold a connection that died without a word.
    if (!document.hidden && Date.now() - heard > SILENCE_MS / 2) run();
  });
  tell.state('connecting');
  run();
};

/** Below this nobody sells anything: the trick is 200 đ for 200.000 đ. */
export const ALARM_BELOW = 1000;

/**
 * What an amount means. `price` is what was keyed in, 0 for none; `before` what came in since.
 * `kind`: none, exact, short, over; `difference` is what is missing or too much.
 */
export const judge = (amount, price, before) => {
  const tiny = amount < ALARM_BELOW, thousandth = price > 0 && amount * 1000 === price;
  const alarm = tiny || thousandth;
  if (!price) return { alarm, thousandth, kind: 'none', difference: 0 };
  // Another customer's money must not hide what this one still owes: only what fits exactly counts.
  if (amount === price || before + amount === price) return { alarm, thousandth, kind: 'exact', difference: 0 };
  const kind = amount > price ? 'over' : 'short';
  return { alarm, thousandth, kind, difference: Math.abs(price - amount) };
};

/** How many notes come before the words: the ear tells 20 ngàn from 200 ngàn. */
export const tier = amount => amount < ALARM_BELOW ? 0 : amount < 10000 ? 1 : amount < 100000 ? 2 : amount < 1000000 ? 3 : 4;
