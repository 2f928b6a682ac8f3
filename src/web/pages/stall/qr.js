// The VietQR payload and its QR code, made in the page: no network is asked. The same bytes and the
// same modules as the program's own (src/qr), which tests/it compares in Chromium.

/** CRC-16/CCITT-FALSE, as four hexadecimal digits. */
const crc = text => {
  let sum = 0xffff;
  for (let i = 0; i < text.length; i++) {
    sum ^= text.charCodeAt(i) << 8;
    for (let bit = 0; bit < 8; bit++) sum = (sum & 0x8000 ? (sum << 1) ^ 0x1021 : sum << 1) & 0xffff;
  }
  return sum.toString(16).toUpperCase().padStart(4, '0');
};

const tag = (id, value) => value === '' ? '' : id + String(value.length).padStart(2, '0') + value;

/** The payload that pays `amount` đồng (null: the payer types it) into an account. */
export const payload = (bin, account, amount, memo) => {
  const napas = tag('00', 'A000000727') + tag('01', tag('00', bin) + tag('01', account)) + tag('02', 'QRIBFTTA');
  const text = tag('00', '01') + tag('01', amount ? '12' : '11') + tag('38', napas) + tag('53', '704')
    + tag('54', amount ? String(amount) : '') + tag('58', 'VN') + tag('62', tag('08', memo || '')) + '6304';
  return text + crc(text);
};

// Level M, versions 1 to 9: data bytes, bytes of correction in a block, blocks (ISO/IEC 18004, table
// 9). The longest payload has 150 characters; version 9 holds 180.
const DATA = [16, 28, 44, 64, 86, 108, 124, 154, 182];
const CORRECTION = [10, 16, 26, 18, 24, 16, 18, 22, 22];
const BLOCKS = [1, 1, 1, 2, 2, 4, 4, 4, 5];
const ALPHANUMERIC = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:';
// By mode: its indicator and the width of its length.
const INDICATOR = [1, 2, 4];
const LENGTH = [10, 9, 8];

const modeOf = c => c >= '0' && c <= '9' ? 0 : ALPHANUMERIC.includes(c) ? 1 : 2;

const bitsOf = ({ mode, text }) => {
  const n = text.length;
  const body = mode === 0 ? 10 * (n / 3 | 0) + [0, 4, 7][n % 3] : mode === 1 ? 11 * (n / 2 | 0) + 6 * (n % 2) : 8 * n;
  return 4 + LENGTH[mode] + body;
};

/** Runs of one mode, joined from the left while that is no longer. */
const segments = text => {
  const runs = [];
  for (const c of text) {
    const mode = modeOf(c), last = runs[runs.length - 1];
    if (last && last.mode === mode) last.text += c; else runs.push({ mode, text: c });
  }
  const joined = [];
  for (const run of runs) {
    const last = joined[joined.length - 1];
    const both = last && { mode: Math.max(last.mode, run.mode), text: last.text + run.text };
    if (both && bitsOf(last) + bitsOf(run) >= bitsOf(both)) joined[joined.length - 1] = both; else joined.push(run);
  }
  return joined;
};

const codewords = (runs, capacity) => {
  const bits = [];
  const push = (value, width) => { for (let i = width - 1; i >= 0; i--) bits.push(value >> i & 1); };
  for (const { mode, text } of runs) {
    push(INDICATOR[mode], 4);
    push(text.length, LENGTH[mode]);
    if (mode === 0) for (const part of text.match(/.{1,3}/g)) push(+part, [0, 4, 7, 10][part.length]);
    else if (mode === 1) for (const part of text.match(/.{1,2}/g)) {
      push([...part].reduce((sum, c) => sum * 45 + ALPHANUMERIC.indexOf(c), 0), part.length * 5 + 1);
    } else for (const c of text) push(c.charCodeAt(0), 8);
  }
  push(0, Math.min(4, capacity * 8 - bits.length));
  while (bits.length % 8) bits.push(0);
  const bytes = [];
  for (let i = 0; i < bits.length; i += 8) bytes.push(bits.slice(i, i + 8).reduce((sum, bit) => sum * 2 + bit, 0));
  for (let pad = 0xec; bytes.length < capacity; pad ^= 0xfd) bytes.push(pad);
  return bytes;
};

// The field of 256 elements over x^8 + x^4 + x^3 + x^2 + 1.
const EXP = [], LOG = [];
for (let i = 0, x = 1; i < 255; i++, x = x << 1 ^ (x > 127 ? 0x11d : 0)) { EXP[i] = EXP[i + 255] = x; LOG[x] = i; }
const times = (a, b) => a && b ? EXP[LOG[a] + LOG[b]] : 0;

const correction = (block, count) => {
  let generator = [1];
  for (let i = 0; i < count; i++) {
    const next = [...generator, 0];
    generator.forEach((value, j) => { next[j + 1] ^= times(value, EXP[i]); });
    generator = next;
  }
  const rest = [...block, ...Array(count).fill(0)];
  for (let i = 0; i < block.length; i++) {
    const lead = rest[i];
    generator.forEach((value, j) => { rest[i + j] ^= times(value, lead); });
  }
  return rest.slice(block.length);
};

/** Data and correction of all blocks, a byte of each block in turn. */
const interleaved = (bytes, version) => {
  const count = BLOCKS[version - 1], short = bytes.length / count | 0, longer = bytes.length % count;
  const blocks = [];
  for (let i = 0, at = 0; i < count; i++) {
    const size = short + (i >= count - longer ? 1 : 0);
    blocks.push(bytes.slice(at, at += size));
  }
  const sums = blocks.map(block => correction(block, CORRECTION[version - 1]));
  const out = [];
  for (const lists of [blocks, sums]) {
    for (let i = 0; i < lists[count - 1].length; i++) for (const list of lists) if (i < list.length) out.push(list[i]);
  }
  return out;
};

const remainder = (value, divisor, width) => {
  let rest = value << width;
  for (let bit = 31 - Math.clz32(divisor); 31 - Math.clz32(rest) >= bit && rest;) {
    rest ^= divisor << (31 - Math.clz32(rest) - bit);
  }
  return value << width | rest;
};

const MASKS = [
  (x, y) => (x + y) % 2, (x, y) => y % 2, x => x % 3, (x, y) => (x + y) % 3, (x, y) => ((y >> 1) + (x / 3 | 0)) % 2,
  (x, y) => x * y % 2 + x * y % 3, (x, y) => (x * y % 2 + x * y % 3) % 2, (x, y) => ((x + y) % 2 + x * y % 3) % 2,
];

/** What stands at its place in every code of a version; 2 where data go. */
const frame = (version, side) => {
  const grid = new Uint8Array(side * side).fill(2);
  const put = (x, y, dark) => { if (x >= 0 && y >= 0 && x < side && y < side) grid[y * side + x] = dark ? 1 : 0; };
  for (let i = 8; i < side - 8; i++) { put(i, 6, i % 2 === 0); put(6, i, i % 2 === 0); }
  const places = version === 1 ? [] : version < 7 ? [6, side - 7] : [6, (side - 1) / 2, side - 7];
  for (const x of places) for (const y of places) {
    if ((x === 6 && y === 6) || (x === 6 && y === side - 7) || (x === side - 7 && y === 6)) continue;
    for (let dx = -2; dx < 3; dx++) for (let dy = -2; dy < 3; dy++) {
      put(x + dx, y + dy, Math.max(Math.abs(dx), Math.abs(dy)) !== 1);
    }
  }
  for (const [x, y] of [[3, 3], [side - 4, 3], [3, side - 4]]) {
    for (let dx = -4; dx < 5; dx++) for (let dy = -4; dy < 5; dy++) {
      const ring = Math.max(Math.abs(dx), Math.abs(dy));
      put(x + dx, y + dy, ring !== 2 && ring !== 4);
    }
  }
  if (version > 6) {
    const word = remainder(version, 0x1f25, 12);
    for (let i = 0; i < 18; i++) {
      const a = i / 3 | 0, b = side - 11 + i % 3;
      put(a, b, word >> i & 1);
      put(b, a, word >> i & 1);
    }
  }
  format(put, side, 0);
  return grid;
};

/** Level M and the mask, twice. */
const format = (put, side, mask) => {
  const word = remainder(mask, 0x537, 10) ^ 0x5412;
  for (let i = 0; i < 15; i++) {
    const dark = word >> i & 1;
    if (i < 6) put(8, i, dark); else if (i < 8) put(8, i + 1, dark);
    else if (i === 8) put(7, 8, dark); else put(14 - i, 8, dark);
    if (i < 8) put(side - 1 - i, 8, dark); else put(8, side - 15 + i, dark);
  }
  put(8, side - 8, 1);
};

const masked = (base, words, side, mask) => {
  const grid = base.slice();
  let bit = 0;
  for (let right = side - 1; right > 0; right -= 2) {
    if (right === 6) right--;
    const upward = (side - 1 - right - (right < 6 ? 1 : 0)) / 2 % 2 === 0;
    for (let step = 0; step < side; step++) {
      const y = upward ? side - 1 - step : step;
      for (const x of [right, right - 1]) {
        if (base[y * side + x] !== 2) continue;
        const dark = bit < words.length * 8 ? words[bit >> 3] >> (7 - bit % 8) & 1 : 0;
        bit++;
        grid[y * side + x] = dark ^ (MASKS[mask](x, y) === 0 ? 1 : 0);
      }
    }
  }
  format((x, y, dark) => { grid[y * side + x] = dark; }, side, mask);
  return grid;
};

/** How hard a code is to read: runs, blocks, look-alikes of finders, imbalance. */
const penalty = (grid, side) => {
  let score = 0, dark = 0;
  for (const across of [true, false]) {
    const get = (i, j) => across ? grid[i * side + j] : grid[j * side + i];
    for (let i = 0; i < side; i++) {
      const quiet = (from, to) => {
        for (let k = Math.max(0, from); k < Math.min(side, to); k++) if (get(i, k)) return false;
        return true;
      };
      for (let j = 0, run = 0, before = 2, seven = 0; j < side; j++) {
        const own = get(i, j);
        run = own === before ? run + 1 : 1;
        before = own;
        if (run >= 5 && (j === side - 1 || get(i, j + 1) !== own)) score += run - 2;
        seven = (seven << 1 | own) & 127;
        if (j > 5 && seven === 0b1011101 && (quiet(j - 10, j - 6) || quiet(j + 1, j + 5))) score += 40;
      }
    }
  }
  for (let y = 0; y < side; y++) for (let x = 0; x < side; x++) {
    const at = y * side + x, own = grid[at];
    dark += own;
    if (x + 1 < side && y + 1 < side && own === grid[at + 1] && own === grid[at + side] && own === grid[at + side + 1]) {
      score += 3;
    }
  }
  return score + Math.abs((dark * 200 / (side * side) | 0) - 100);
};

/** The code of a text: its side and, row by row, which modules are dark. */
export const modules = text => {
  const runs = segments(text), bits = runs.reduce((sum, run) => sum + bitsOf(run), 0);
  const version = DATA.findIndex(bytes => bytes * 8 >= bits) + 1;
  if (!version) throw new Error('too long for a code');
  const side = version * 4 + 17, base = frame(version, side);
  const words = interleaved(codewords(runs, DATA[version - 1]), version);
  let best = null, least = Infinity;
  for (let mask = 0; mask < 8; mask++) {
    const grid = masked(base, words, side, mask), score = penalty(grid, side);
    if (score < least) { best = grid; least = score; }
  }
  return { side, dark: best };
};

/** Draws a code into an SVG element, with its quiet zone of four modules. */
export const draw = (svg, text, title) => {
  const { side, dark } = modules(text), outer = side + 8;
  let path = '';
  for (let y = 0; y < side; y++) for (let x = 0; x < side;) {
    let run = 0;
    while (x + run < side && dark[y * side + x + run]) run++;
    if (run) path += `M${x + 4} ${y + 4}h${run}v1h-${run}z`;
    x += run || 1;
  }
  svg.setAttribute('viewBox', `0 0 ${outer} ${outer}`);
  svg.querySelector('title').textContent = title;
  const [paper, ink] = svg.querySelectorAll('path');
  paper.setAttribute('d', `M0 0h${outer}v${outer}h-${outer}z`);
  ink.setAttribute('d', path);
};
