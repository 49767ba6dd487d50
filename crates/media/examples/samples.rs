//! Prints the blocks of a file's sound, for comparison with another decoder.
//!
//! `samples FILE [rate=N] [channels=N|mono] [stream=N] [block=N] [planar] [-o RAW]`: a line a block with the index of its
//! first sample, ticks and base of its time, rate, channels and samples; a last line of JSON says what was lost and
//! repaired. With `-o` the floats of all blocks, one after the other, in the machine's byte order.

use std::{
    env,
    error::Error,
    fs::File,
    io::{BufWriter, Write},
    path::PathBuf,
};

use tagger_media::{Arrangement, Audio, AudioOptions, Channels};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let path = PathBuf::from(arguments.next().ok_or("name a file")?);
    let (mut options, mut raw) = (AudioOptions::default(), None);
    while let Some(argument) = arguments.next() {
        match argument.split_once('=') {
            Some(("rate", rate)) => options.rate = Some(rate.parse()?),
            Some(("channels", "mono")) => options.channels = Channels::Mono,
            Some(("channels", count)) => options.channels = Channels::Count(count.parse()?),
            Some(("stream", index)) => options.stream = Some(index.parse()?),
            Some(("block", samples)) => options.block_samples = samples.parse()?,
            None if argument == "planar" => options.arrangement = Arrangement::Planar,
            None if argument == "-o" => {
                raw = Some(BufWriter::new(File::create(arguments.next().ok_or("name an output file")?)?));
            }
            _ => return Err(format!("`{argument}` is no option").into()),
        }
    }
    let mut audio = Audio::open(&path, &options)?;
    for samples in &mut audio {
        let samples = samples?;
        let (time, count) = (samples.time, samples.len());
        println!("{} {} {} {} {} {count}", samples.index, time.ticks, time.base, samples.rate, samples.channels);
        if let Some(raw) = &mut raw {
            samples.data.iter().try_for_each(|sample| raw.write_all(&sample.to_ne_bytes()))?;
        }
    }
    println!("{}", serde_json::json!({ "skipped": audio.skipped(), "repairs": audio.repairs() }));
    Ok(raw.iter_mut().try_for_each(Write::flush)?)
}
