//! Writes the seeds into `fuzz/corpus/TARGET/`, one file each.

use std::fs;
use std::path::Path;

#[path = "../seeds.rs"]
mod seeds;

fn main() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR"));
    let seeds = seeds::seeds(fuzz.parent().expect("the project's folder"));
    for (number, (target, bytes)) in seeds.iter().enumerate() {
        let folder = fuzz.join("corpus").join(target);
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join(format!("seed-{number:03}")), bytes).expect("a seed");
    }
    println!("{} seeds", seeds.len());
}
