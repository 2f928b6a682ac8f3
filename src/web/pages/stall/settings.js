// Lets her hear the voice that she is about to choose.

import { Loudspeaker, payment } from './sound.js';

const form = document.querySelector('form'), button = document.getElementById('try');
const speaker = new Loudspeaker(document.getElementById('settings').dataset.files);

button.hidden = false;
button.addEventListener('click', async () => {
  const chosen = new FormData(form);
  speaker.voice = chosen.get('voice');
  speaker.volume = Number(chosen.get('volume')) / 100;
  await speaker.unlock();
  speaker.say(2, payment(54000, { alarm: false, kind: 'none', difference: 0 }, speaker.voice));
});
