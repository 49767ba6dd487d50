//! Any bytes, split anywhere, give the same lines, and a message that was read is written and read again as itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tagger_wire::{Line, LineReader};

fuzz_target!(|bytes: &[u8]| {
    let whole = read(&[bytes]);
    let cut = bytes.iter().fold(0usize, |sum, byte| sum.wrapping_mul(31).wrapping_add((*byte).into()));
    let (head, tail) = bytes.split_at(cut % (bytes.len() + 1));
    assert_eq!(read(&[head, tail]), whole);
    for line in &whole {
        if let Line::Message(message) = line {
            let again = serde_json::to_vec(message).expect("a message can be written");
            assert_eq!(read(&[&again]), [line.clone()]);
        }
    }
});

fn read(chunks: &[&[u8]]) -> Vec<Line> {
    let mut reader = LineReader::new();
    let mut lines = Vec::new();
    for chunk in chunks {
        reader.push(chunk, |line| lines.push(line));
    }
    lines.extend(reader.finish());
    lines
}
