// The voice: clips joined without gaps by Web Audio, and the notes before them.

import { words, count } from './words.js';

const CLIPS = {
  'không': 'khong', 'một': 'mot', 'hai': 'hai', 'ba': 'ba', 'bốn': 'bon', 'năm': 'nam', 'sáu': 'sau', 'bảy': 'bay',
  'tám': 'tam', 'chín': 'chin', 'mười': 'muoi', 'mươi': 'muoi-chuc', 'mốt': 'mot-chuc', 'tư': 'tu', 'lăm': 'lam',
  'lẻ': 'le', 'linh': 'le', 'trăm': 'tram', 'ngàn': 'ngan', 'nghìn': 'ngan', 'triệu': 'trieu', 'tỷ': 'ty',
  'đồng': 'dong', 'âm': 'am',
};

const named = list => list.map(word => CLIPS[word]);
const money = (amount, voice) => named(words(amount, voice));

/** The clips of a payment, in the order they are heard. */
export const payment = (amount, verdict, voice) => {
  const out = verdict.alarm ? ['chu-y', 'chi-nhan', ...money(amount, voice)] : ['da-nhan', ...money(amount, voice)];
  if (verdict.kind === 'exact') out.push('du-tien');
  if (verdict.kind === 'short') out.push('thieu', ...money(verdict.difference, voice));
  if (verdict.kind === 'over') out.push('du', ...money(verdict.difference, voice));
  return out;
};

/** Several late payments in one sentence. */
export const caughtUp = (payments, amount, voice) =>
  ['bu', ...named(count(payments, voice)), 'khoan', 'tong', ...money(amount, voice)];

/** The day's total. */
export const dayTotal = (payments, amount, voice) =>
  ['hom-nay', ...named(count(payments, voice)), 'khoan', 'tong', ...money(amount, voice)];

/** An earlier payment, with its age first so that it cannot pass for a new one. */
export const replay = (seconds, amount, voice) => {
  const [value, unit] = seconds < 60 ? [seconds, 'giay-truoc'] : seconds < 3600 ? [seconds / 60, 'phut-truoc'] : [seconds / 3600, 'gio-truoc'];
  return [...named(count(Math.max(0, Math.floor(value)), voice)), unit, ...money(amount, voice)];
};

/** Clips out of one packed file: length and name, length and bytes, again and again. */
export const unpack = buffer => {
  const view = new DataView(buffer), clips = new Map(), text = new TextDecoder();
  for (let at = 0; at < buffer.byteLength;) {
    const named = view.getUint8(at), size = view.getUint16(at + 1 + named);
    clips.set(text.decode(new Uint8Array(buffer, at + 1, named)), buffer.slice(at + 3 + named, at + 3 + named + size));
    at += 3 + named + size;
  }
  return clips;
};

/** Below this a sample counts as silence at a clip's ends. */
const SILENT = 0.01;

/** Where a clip begins and ends to be heard. */
const heard = buffer => {
  const samples = buffer.getChannelData(0);
  let from = 0, to = samples.length;
  while (from < to && Math.abs(samples[from]) < SILENT) from++;
  while (to > from && Math.abs(samples[to - 1]) < SILENT) to--;
  return { buffer, from: from / buffer.sampleRate, length: (to - from) / buffer.sampleRate };
};

export class Loudspeaker {
  constructor(files) {
    this.files = files;
    this.voice = 'nam';
    this.volume = 1;
    this.clips = new Map();
    this.on = false;
    this.end = 0;
  }

  /** To be called in a touch: browsers let no page make a sound before one. */
  async unlock() {
    this.context = this.context || new (window.AudioContext || window.webkitAudioContext)();
    if (!this.gain) {
      this.gain = this.context.createGain();
      this.gain.connect(this.context.destination);
    }
    this.gain.gain.value = this.volume;
    await this.context.resume();
    await this.load();
    this.on = true;
  }

  async load() {
    const voice = this.voice;
    if (this.loaded === voice) return;
    const packed = await (await fetch(`${this.files}/voice-${voice}.bin`)).arrayBuffer();
    const clips = new Map();
    for (const [name, bytes] of unpack(packed)) clips.set(name, heard(await this.context.decodeAudioData(bytes)));
    this.clips = clips;
    this.loaded = voice;
  }

  /** Notes that rise with the amount; two that fall for an alarm. */
  notes(count, at) {
    const tune = count === 0 ? [880, 440, 880, 440] : [523, 659, 784, 1047].slice(0, count);
    const length = count === 0 ? 0.16 : 0.13;
    tune.forEach((pitch, i) => {
      const tone = this.context.createOscillator(), shape = this.context.createGain(), from = at + i * length;
      tone.type = count === 0 ? 'square' : 'sine';
      tone.frequency.value = pitch;
      shape.gain.setValueAtTime(0, from);
      shape.gain.linearRampToValueAtTime(count === 0 ? 0.25 : 0.5, from + 0.01);
      shape.gain.exponentialRampToValueAtTime(0.001, from + length * 1.4);
      tone.connect(shape).connect(this.gain);
      tone.start(from);
      tone.stop(from + length * 1.5);
    });
    return at + tune.length * length + 0.06;
  }

  /** Says clips, notes first (null: none), after what is being said. Resolves when all is said. */
  say(notes, names) {
    if (!this.on || this.context.state !== 'running') return Promise.resolve(false);
    this.gain.gain.value = this.volume;
    let at = Math.max(this.context.currentTime + 0.02, this.end);
    if (notes !== null) at = this.notes(notes, at);
    for (const name of names) {
      const clip = this.clips.get(name);
      if (!clip) continue;
      const source = this.context.createBufferSource();
      source.buffer = clip.buffer;
      source.connect(this.gain);
      source.start(at, clip.from, clip.length);
      at += clip.length;
    }
    this.end = at + 0.15;
    return new Promise(done => { setTimeout(() => done(true), (this.end - this.context.currentTime) * 1000); });
  }
}
