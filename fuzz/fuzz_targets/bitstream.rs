//! Any bytes are packets with facts, whatever the codec; and any times can be counted with.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tagger_media::nonsense;

fuzz_target!(|bytes: &[u8]| {
    nonsense::bitstream(bytes);
    nonsense::times(bytes);
});
