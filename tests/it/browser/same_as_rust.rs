//! What the page computes by itself is what the program computes, to the byte and to the module.

use serde_json::{Value, json};
use socho::app::qr_codes::{Service, VietQr};
use socho::app::words::{Voice, in_words};
use socho::domain::money::Dong;

use super::money::site;

/// Amounts, payloads and texts of one run.
const CASES: usize = 400;

fn random() -> fastrand::Rng {
    let seed = fastrand::u64(..);
    eprintln!("seed {seed}");
    fastrand::Rng::with_seed(seed)
}

fn amount(random: &mut fastrand::Rng) -> i64 {
    let digits = random.u32(1..=13);
    let amount = random.i64(1..10_i64.pow(digits));
    // Prices end in noughts.
    let round = 10_i64.pow(random.u32(0..digits));
    (amount / round * round).max(1)
}

/// Evaluates a function of one of the page's modules for many inputs at once.
fn each(page: &mut super::Page<'_>, module: &str, call: &str, inputs: &[Value]) -> Vec<Value> {
    let files = page.ask("JSON.parse(document.getElementById('phone').dataset.page).files");
    let asked = format!(
        "import('{}/{module}').then(m => {}.map(x => {call}))",
        files.as_str().unwrap(),
        serde_json::to_string(inputs).unwrap()
    );
    page.ask(&asked).as_array().unwrap().clone()
}

#[test]
fn words_and_clips_are_those_of_the_program() {
    let Some((site, mut browser)) = site() else { return };
    let mut page = browser.page();
    site.open(&mut page, "/stall");
    let mut random = random();
    let table = include_str!("../../../fixtures/number-words.tsv").lines().skip(1);
    let written = table.map(|line| line.split('\t').next().unwrap().parse().unwrap());
    let amounts: Vec<i64> = written.chain((0..CASES).map(|_| amount(&mut random))).collect();
    let inputs: Vec<Value> = amounts.iter().map(|amount| json!(amount)).collect();
    let clips = include_str!("../../../src/web/pages/stall/voice/clips.tsv");
    for (voice, name, column) in [(Voice::South, "nam", 1), (Voice::North, "bac", 2)] {
        let words = each(&mut page, "words.js", &format!("m.words(x, '{name}').join(' ')"), &inputs);
        let said = each(
            &mut page,
            "sound.js",
            &format!("m.payment(x, {{ alarm: false, kind: 'none', difference: 0 }}, '{name}')"),
            &inputs,
        );
        for ((amount, words), said) in amounts.iter().zip(words).zip(said) {
            let expected = in_words(Dong::new(*amount), voice);
            assert_eq!(words.as_str().unwrap(), expected, "{amount}");
            let spoken: Vec<&str> = said
                .as_array()
                .unwrap()
                .iter()
                .map(|clip| {
                    let row = clips.lines().find(|row| row.split('\t').next() == clip.as_str()).unwrap();
                    row.split('\t').nth(column).unwrap()
                })
                .collect();
            assert_eq!(spoken.join(" "), format!("đã nhận {expected}"), "{amount}");
        }
    }
}

#[test]
fn every_clip_of_both_voices_is_heard_in_chromium() {
    let Some((site, mut browser)) = site() else { return };
    let mut page = browser.page();
    site.open(&mut page, "/stall");
    let files = page.ask("JSON.parse(document.getElementById('phone').dataset.page).files");
    let listed = include_str!("../../../src/web/pages/stall/voice/clips.tsv").lines().skip(1).count();
    for voice in ["nam", "bac"] {
        let lengths = page.ask(&format!(
            "import('{0}/sound.js').then(async m => {{ const s = new m.Loudspeaker('{0}'); s.voice = '{voice}'; \
             await s.unlock(); return [...s.clips.values()].map(c => c.length); }})",
            files.as_str().unwrap()
        ));
        let lengths = lengths.as_array().unwrap();
        assert_eq!(lengths.len(), listed);
        assert!(lengths.iter().all(|length| (0.08..1.5).contains(&length.as_f64().unwrap())), "{lengths:?}");
    }
}

#[test]
fn payloads_and_codes_are_those_of_the_program() {
    let Some((site, mut browser)) = site() else { return };
    let mut page = browser.page();
    site.open(&mut page, "/stall");
    let mut random = random();
    let mut inputs = Vec::new();
    let mut expected = Vec::new();
    for case in 0..CASES {
        let length = random.usize(1..=19);
        let account: String =
            (0..length).map(|_| if random.u8(0..4) == 0 { random.uppercase() } else { random.digit(10) }).collect();
        let bin = format!("97{:04}", random.u32(0..10_000));
        let amount = random.bool().then(|| amount(&mut random));
        let memo: String = match case % 3 {
            0 => "SC22EV9H".to_owned(),
            1 => (0..random.usize(1..=25)).map(|_| char::from(random.u8(0x20..0x7F))).collect(),
            _ => String::new(),
        };
        let code = VietQr::new(bin.parse().unwrap(), &account, Service::ToAccount, amount.map(Dong::new), Some(&memo));
        let payload = code.unwrap().to_string();
        let code = qrcode::QrCode::with_error_correction_level(&payload, qrcode::EcLevel::M).unwrap();
        let dark: String =
            code.to_colors().iter().map(|color| if *color == qrcode::Color::Dark { '1' } else { '0' }).collect();
        inputs.push(json!([bin, account, amount, memo]));
        expected.push((payload, code.width(), dark));
    }
    let made = each(
        &mut page,
        "qr.js",
        "(() => { const p = m.payload(x[0], x[1], x[2], x[3]), c = m.modules(p); return [p, c.side, c.dark.join('')]; })()",
        &inputs,
    );
    for (made, (payload, side, dark)) in made.iter().zip(&expected) {
        assert_eq!(made[0].as_str().unwrap(), payload);
        assert_eq!(made[1], *side, "{payload}");
        assert_eq!(made[2].as_str().unwrap(), dark, "{payload}");
    }
}
