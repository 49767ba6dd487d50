//! Prints the chosen frames of a video, or a still, for comparison with another decoder.
//!
//! `frames FILE RATE|all|key [gray|yuv] [WIDTHxHEIGHT|within=WIDTHxHEIGHT] [-o RAW]`: a line a frame with index, ticks, base, time in ms,
//! duration in ms, width and height; with `-o` the pixels of all frames, one after the other.
//! `full` decodes everything, `alone` decodes with one thread. With `report` a last line to standard error tells how they were come by.
//! `frames FILE still [-o RAW]`: a line with width and height.

use std::{env, error::Error, fs::File, io::Write, num::NonZeroUsize, path::PathBuf};

use tagger_media::{FrameOptions, Frames, Limits, Pixels, Rate, Size, read_still, set_decode_threads};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let path = PathBuf::from(arguments.next().ok_or("name a file")?);
    let (mut options, mut still, mut report, mut raw) = (FrameOptions::default(), false, false, None);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "still" => still = true,
            "report" => report = true,
            "full" => options.decode_all = true,
            "alone" => set_decode_threads(NonZeroUsize::MIN),
            "all" => options.rate = Rate::All,
            "key" => options.rate = Rate::KeyFrames,
            "gray" => options.pixels = Pixels::Gray8,
            "yuv" => options.pixels = Pixels::Yuv420p,
            "-o" => raw = Some(File::create(arguments.next().ok_or("name an output file")?)?),
            size if size.contains('x') => {
                let within = size.strip_prefix("within=");
                let (width, height) = within.unwrap_or(size).split_once('x').ok_or("a size is WIDTHxHEIGHT")?;
                let (width, height) = (width.parse()?, height.parse()?);
                options.size =
                    if within.is_some() { Size::Within { width, height } } else { Size::Fit { width, height } };
            }
            rate => options.rate = Rate::Fps(rate.parse()?),
        }
    }
    if still {
        let image = read_still(&path, &Limits::default())?;
        println!("{} {}", image.width, image.height);
        return Ok(raw.iter_mut().try_for_each(|raw| raw.write_all(&image.data))?);
    }
    let mut frames = Frames::open(&path, &options)?;
    for frame in &mut frames {
        let frame = frame?;
        let (image, pts) = (&frame.image, frame.pts);
        let (time, duration) = (frame.time.to_millis(), frame.duration.to_millis());
        println!("{} {} {} {time} {duration} {} {}", frame.index, pts.ticks, pts.base, image.width, image.height);
        raw.iter_mut().try_for_each(|raw| raw.write_all(&image.data))?;
    }
    if report {
        eprintln!("{:?}", frames.report());
    }
    let skipped = frames.skipped();
    if !skipped.is_nothing() {
        eprintln!("{skipped:?}");
    }
    Ok(())
}
