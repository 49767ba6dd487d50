//! Made-up input for the pure parts: whatever bytes they are given, they keep their promises. Fuzz targets and tests
//! come in here.

use crate::{
    Rational, Timestamp,
    bitstream::Reader,
    crew::Means,
    entries::{Entries, Entry},
    index::Index,
    plan::Plan,
};

/// Makes an index and a choice of frames of the bytes, and plans for it.
///
/// # Panics
/// When the plan is none: something wanted is missing or comes twice, in a wrong order, or out of a task that is not fed.
pub fn plan(bytes: &[u8]) {
    let Some((&[late_by, choice], facts)) = bytes.split_first_chunk() else { return };
    let frame_bytes = u64::from(late_by) << 10;
    let mut time = 0i64;
    let entries: Entries = facts
        .chunks_exact(2)
        .map(|fact| {
            // Mostly a step ahead, as in real streams; sometimes back or far away.
            time = match fact[0] {
                step @ 0..=15 => time.saturating_sub(i64::from(step)),
                255 => time.wrapping_mul(0x0101_0101_0101),
                step => time.saturating_add(i64::from(step % 4)),
            };
            let bits = fact[1];
            Entry {
                pts: time,
                bytes: u32::from(bits) << (bits % 25),
                starts: bits & 7 == 0,
                unreferenced: bits & 8 != 0,
                layer: bits >> 4 & 3,
                shown: bits & 0xc0 != 0xc0,
                intra: Some(bits & 7 == 0),
            }
        })
        .collect();
    let late_by = (late_by > 0).then_some(usize::from(late_by));
    let Ok(index) = Index::new(entries, Rational { num: 1, den: 25 }, late_by) else { return };
    let is_wanted = |place: &u32| (place * 7 + place / 5) % 16 < u32::from(choice % 17);
    let wanted: Vec<u32> = (0..index.shown().len() as u32).filter(is_wanted).collect();
    let plan = Plan::new(&index, wanted.clone());
    let mut given = Vec::new();
    for nth in 0..plan.tasks() {
        let (task, whole) = (plan.task(&index, nth), plan.whole_task(&index, nth));
        for task in [&task, &whole] {
            assert!(task.feed.windows(2).all(|pair| pair[0] < pair[1]), "packets go in the order of the file");
            assert!(task.feed.iter().all(|&entry| entry < index.entries().len()));
            let shown: Vec<u32> = task.feed.iter().copied().filter(|&entry| index.entries().at(entry).shown).collect();
            assert!(
                task.comes_out.len() == shown.len()
                    && task.comes_out.iter().all(|coming| shown.contains(&coming.entry))
            );
            let times: Vec<i64> = task.comes_out.iter().map(|coming| index.time(coming.entry).ticks).collect();
            assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "pictures come out in the order of time");
        }
        assert!(task.feed.iter().all(|entry| whole.feed.contains(entry)), "nothing is fed that the whole is not");
        given.extend(task.comes_out.iter().filter_map(|coming| coming.wanted));
    }
    assert_eq!(given, wanted, "every wanted frame comes once, in order");
    for threads in 1..5 {
        let means = Means { threads, packet_bytes: 1 << 20, queue_bytes: 1 << 20, frame_bytes };
        let crew = plan.crew(&index, &means);
        assert!(crew.workers >= 1 && crew.threads_each >= 1 && crew.workers * crew.threads_each <= threads);
    }
}

/// Reads the bytes as packets of some codec, with headers beside them or without.
///
/// # Panics
/// When a packet is a start without being a picture.
pub fn bitstream(bytes: &[u8]) {
    const CODECS: [&str; 9] = ["h264", "hevc", "mpeg1video", "mpeg2video", "mpeg4", "vp8", "vp9", "av1", "mjpeg"];
    let Some((&[codec, headers, packet], rest)) = bytes.split_first_chunk() else { return };
    let (headers, rest) = rest.split_at(usize::from(headers).min(rest.len()));
    let Some(mut reader) = Reader::new(CODECS[usize::from(codec) % CODECS.len()], headers) else { return };
    reader.headers(headers);
    for (nth, data) in rest.chunks(usize::from(packet) + 1).enumerate() {
        let facts = reader.read(data, nth % 3 == 0, nth % 5 == 0);
        assert!(!facts.lost || facts.spliced, "what is lost cannot be planned over");
    }
}

/// Adds up times that a file may claim.
pub fn times(bytes: &[u8]) {
    let number = |at: usize| {
        let number = bytes.get(at..at + 8).and_then(|number| number.try_into().ok());
        number.map_or(1, i64::from_le_bytes)
    };
    let base = |at| Rational::new(number(at), number(at + 8));
    let (Some(base), Some(other)) = (base(0), base(16)) else { return };
    let (time, origin) = (Timestamp { ticks: number(32), base }, Timestamp { ticks: number(40), base: other });
    let _ = (time.since(origin), time.plus(origin), time.to_millis(), time.seconds(), base.inverse());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn no_index_makes_a_plan_break_its_promises(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            super::plan(&bytes);
        }

        #[test]
        fn no_bytes_confuse_the_readers_of_packets(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            super::bitstream(&bytes);
        }

        #[test]
        fn no_times_overflow(bytes in prop::collection::vec(any::<u8>(), 48)) {
            super::times(&bytes);
        }
    }
}
