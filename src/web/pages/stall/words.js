// Amounts in words and as clips: the rules of src/domain/words.rs, word for word.

const DIGITS = ['không', 'một', 'hai', 'ba', 'bốn', 'năm', 'sáu', 'bảy', 'tám', 'chín'];

const threeDigits = (group, north, inFull, out) => {
  const hundreds = group / 100 | 0, tens = (group / 10 | 0) % 10, units = group % 10;
  const hasHundreds = hundreds > 0 || inFull;
  if (hasHundreds) out.push(DIGITS[hundreds], 'trăm');
  if (tens === 0 && units === 0) return;
  if (tens === 0) {
    if (hasHundreds) out.push(north ? 'linh' : 'lẻ');
    out.push(DIGITS[units]);
    return;
  }
  if (tens === 1) out.push('mười'); else out.push(DIGITS[tens], 'mươi');
  if (units === 0) return;
  if (units === 5) out.push('lăm');
  else if (tens > 1 && units === 1) out.push('mốt');
  else if (tens > 1 && units === 4) out.push('tư');
  else out.push(DIGITS[units]);
};

const number = (value, north, inFull, out) => {
  const billions = Math.floor(value / 1e9), rest = value % 1e9;
  let spoken = inFull;
  if (billions > 0) {
    number(billions, north, inFull, out);
    out.push('tỷ');
    spoken = true;
  }
  const groups = [[rest / 1e6 | 0, 'triệu'], [(rest / 1e3 | 0) % 1e3, north ? 'nghìn' : 'ngàn'], [rest % 1e3, '']];
  for (const [group, name] of groups) {
    if (group === 0) continue;
    threeDigits(group, north, spoken, out);
    if (name) out.push(name);
    spoken = true;
  }
};

/** The amount's words with its unit; voice is `bac` or `nam`. */
export const words = (amount, voice) => {
  const out = amount < 0 ? ['âm'] : [];
  if (amount === 0) out.push('không');
  number(Math.abs(amount), voice === 'bac', false, out);
  return [...out, 'đồng'];
};

/** A count's words, without a unit. */
export const count = (value, voice) => words(value, voice).slice(0, -1);

/** `1.250.000 ₫`, the unit behind a blank that does not break. */
export const dong = amount => String(amount).replace(/\B(?=(\d{3})+$)/g, '.') + '\u00a0₫';

/** How long ago, for people. */
export const ago = (seconds, say) => seconds < 60 ? say(Math.max(0, Math.floor(seconds)), 's')
  : seconds < 3600 ? say(Math.floor(seconds / 60), 'm') : say(Math.floor(seconds / 3600), 'h');
