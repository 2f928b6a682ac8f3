// Keeps the stall's page for times without a connection: its code works, and it says that it hears
// nothing. What the server refuses is forgotten at once.

const FILES = '{files}', NAME = `socho ${FILES}`, PAGE = '/stall';
const KEPT = ['phone.js', 'qr.js', 'words.js', 'sound.js', 'hear.js', 'phone.css', 'icon-192.png'].map(file => `${FILES}/${file}`);
/** How long the network may take before the kept page is shown. */
const PATIENCE_MS = 4000;

const keep = async response => {
  // Only her own page in good order: no redirect to a login, no refusal, no amount typed in.
  const url = new URL(response.url);
  const cache = await caches.open(NAME);
  if (response.ok && !response.redirected && url.pathname === PAGE && !url.search) await cache.put(PAGE, response.clone());
  else if ((response.redirected || [401, 403, 404, 410].includes(response.status)) && new URL(response.url).origin === location.origin) {
    await cache.delete(PAGE);
  }
  return response;
};

self.addEventListener('install', event => event.waitUntil((async () => {
  const cache = await caches.open(NAME);
  await cache.addAll(KEPT);
  await keep(await fetch(PAGE, { credentials: 'same-origin' }));
  await self.skipWaiting();
})()));

self.addEventListener('activate', event => event.waitUntil((async () => {
  for (const name of await caches.keys()) if (name !== NAME) await caches.delete(name);
  await self.clients.claim();
})()));

const SORRY = '{offline_never}';
const offline = `<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Sổ Chợ</title><h1>${SORRY}</h1>`;

const page = async (request, plain) => {
  const slow = new Promise((_, refuse) => { setTimeout(refuse, PATIENCE_MS, new Error('slow')); });
  const answer = fetch(request).then(response => plain ? keep(response) : response);
  try {
    return await Promise.race([answer, slow]);
  } catch {
    const kept = await (await caches.open(NAME)).match(PAGE);
    if (kept) return kept;
    return answer.catch(() => new Response(offline, { headers: { 'Content-Type': 'text/html; charset=utf-8' } }));
  }
};

self.addEventListener('fetch', event => {
  const { request } = event, url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== location.origin) return;
  if (url.pathname.startsWith(FILES)) {
    event.respondWith(caches.open(NAME).then(cache => cache.match(request)).then(kept => kept || fetch(request)));
  } else if (request.mode === 'navigate' && (url.pathname === PAGE || url.pathname.startsWith(`${PAGE}/`))) {
    event.respondWith(page(request, url.pathname === PAGE && !url.search));
  }
});
