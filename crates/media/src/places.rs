//! Finds where a stream can be cut, and chooses where it is.
//!
//! Plain arithmetic on a table of packets, with no libav in sight. A place is safe when a decoder that begins there
//! needs nothing that came before, and when no picture behind it is shown before one in front of it: then the parts'
//! pictures, one part after the other, are the stream's.

use crate::access::{Access, Start};

/// A packet, in the order of the file, which is that of decoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// When it is shown, in ticks.
    pub pts: i64,
    /// Whether it is shown at all.
    pub shown: bool,
    pub access: Access,
}

/// A place to cut: in front of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The packet's number.
    pub packet: usize,
    /// When the first picture behind the place is shown, in ticks.
    pub pts: i64,
}

/// All places where it is safe to cut, in order. The beginning and the end are none.
pub fn safe(entries: &[Entry]) -> Vec<Place> {
    let mut earliest_behind = vec![i64::MAX; entries.len() + 1];
    for (packet, entry) in entries.iter().enumerate().rev() {
        earliest_behind[packet] = earliest_behind[packet + 1].min(entry.pts);
    }
    let mut places = Vec::new();
    let (mut latest_before, mut shown_before, mut parameters_changed) = (i64::MIN, false, false);
    for (packet, entry) in entries.iter().enumerate() {
        let pts = earliest_behind[packet];
        let decodes_alone = match entry.access.start {
            Start::No => false,
            Start::Open => pts == entry.pts,
            Start::Closed => true,
        };
        let knows_parameters = entry.access.has_parameters || !parameters_changed;
        if shown_before && decodes_alone && knows_parameters && latest_before < pts {
            places.push(Place { packet, pts });
        }
        latest_before = latest_before.max(entry.pts);
        shown_before |= entry.shown;
        parameters_changed |= entry.access.new_parameters;
    }
    places
}

/// Chooses places so that the parts are as close to `target` ticks long as they can be, one after the other. The stream
/// goes from `start` to `end`. What is left is not cut when it is shorter than one and a half targets, and no part at
/// the end is shorter than half of one.
pub fn choose(places: &[Place], start: i64, end: i64, target: i64) -> Vec<Place> {
    let (mut chosen, mut from, mut places) = (Vec::new(), start, places);
    let half = target / 2;
    while end.saturating_sub(from) > target.saturating_add(half) {
        let aim = from.saturating_add(target);
        let usable = |place: &&Place| end.saturating_sub(place.pts) >= half;
        // The first of equals: the earlier one.
        let Some(&nearest) = places.iter().filter(usable).min_by_key(|place| place.pts.abs_diff(aim)) else { break };
        chosen.push(nearest);
        from = nearest.pts;
        places = &places[places.partition_point(|place| place.pts <= from)..];
    }
    chosen
}

/// The places around `[from, to)`: the last one that is not behind `from`, and the first one that is not before `to`.
/// `None` stands for the beginning and the end.
pub fn around(places: &[Place], from: i64, to: i64) -> (Option<Place>, Option<Place>) {
    let begin = places[..places.partition_point(|place| place.pts <= from)].last().copied();
    let end = places.iter().find(|place| place.pts >= to && begin.is_none_or(|begin| place.pts > begin.pts));
    (begin, end.copied())
}

/// When packets that are shown at these times are decoded: in their order, strictly one after the other, none after it is
/// shown, and as late as that allows. The times have to differ.
pub fn decode_times(shown: &[i64]) -> Vec<i64> {
    let mut times = shown.to_vec();
    times.sort_unstable();
    let early = times.iter().zip(shown).map(|(decoded, shown)| decoded.saturating_sub(*shown)).max().unwrap_or(0);
    times.iter_mut().for_each(|time| *time = time.saturating_sub(early));
    times
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(pts: i64, start: Start) -> Entry {
        Entry { pts, shown: true, access: Access { start, ..Access::default() } }
    }

    fn packets(places: &[Place]) -> Vec<usize> {
        places.iter().map(|place| place.packet).collect()
    }

    #[test]
    fn a_closed_group_is_cut_and_an_open_one_with_leading_pictures_is_not() {
        for (start, cut) in [(Start::Closed, vec![3]), (Start::Open, vec![]), (Start::No, vec![])] {
            // In order of decoding: a key frame, two pictures, the next key frame, a picture shown before it.
            let table = [
                entry(0, Start::Closed),
                entry(2, Start::No),
                entry(1, Start::No),
                entry(4, start),
                entry(3, Start::No),
            ];
            assert_eq!(packets(&safe(&table)), cut, "{start:?}");
        }
    }

    #[test]
    fn an_open_group_without_leading_pictures_is_cut() {
        let table = [entry(0, Start::Closed), entry(1, Start::No), entry(2, Start::Open), entry(3, Start::No)];
        assert_eq!(safe(&table), [Place { packet: 2, pts: 2 }]);
    }

    #[test]
    fn a_picture_behind_the_place_that_is_shown_in_front_of_it_forbids_it() {
        let table = [entry(0, Start::Closed), entry(5, Start::No), entry(6, Start::Closed), entry(4, Start::No)];
        assert_eq!(safe(&table), []);
    }

    #[test]
    fn parameters_that_changed_have_to_be_there() {
        let with = |has_parameters, new_parameters| Entry {
            access: Access { start: Start::Closed, has_parameters, new_parameters, drops_pictures: false },
            ..entry(0, Start::Closed)
        };
        let numbered = |entries: [Entry; 3]| {
            let mut pts = -1;
            entries.map(|entry| {
                pts += 1;
                Entry { pts, ..entry }
            })
        };
        let table = numbered([with(false, false), with(true, true), with(false, false)]);
        assert_eq!(packets(&safe(&table)), [1]);
        let table = numbered([with(true, false), with(false, false), with(true, false)]);
        assert_eq!(packets(&safe(&table)), [1, 2]);
    }

    #[test]
    fn the_places_nearest_to_the_target_are_chosen() {
        let places: Vec<Place> = (1..30).map(|n| Place { packet: n, pts: 4 * n as i64 }).collect();
        let pts = |chosen: Vec<Place>| chosen.iter().map(|place| place.pts).collect::<Vec<_>>();
        assert_eq!(pts(choose(&places, 0, 120, 30)), [28, 56, 84]);
        assert_eq!(pts(choose(&places, 0, 45, 30)), [] as [i64; 0]);
        assert_eq!(pts(choose(&places[20..], 0, 120, 30)), [84]);
        assert_eq!(pts(choose(&[], 0, 120, 30)), [] as [i64; 0]);
    }

    #[test]
    fn a_range_is_covered_by_the_places_around_it() {
        let places = [10, 20, 30].map(|pts| Place { packet: pts as usize, pts });
        let pts = |(begin, end): (Option<Place>, Option<Place>)| (begin.map(|b| b.pts), end.map(|e| e.pts));
        assert_eq!(pts(around(&places, 15, 25)), (Some(10), Some(30)));
        assert_eq!(pts(around(&places, 20, 30)), (Some(20), Some(30)));
        assert_eq!(pts(around(&places, 5, 31)), (None, None));
        assert_eq!(pts(around(&places, 20, 20)), (Some(20), Some(30)));
    }

    /// Streams of closed and open groups with pictures out of order.
    fn streams() -> impl Strategy<Value = Vec<Entry>> {
        let group = (1usize..6, 0usize..4, prop_oneof![Just(Start::Open), Just(Start::Closed)]);
        proptest::collection::vec(group, 1..12).prop_map(|groups| {
            let (mut table, mut pts) = (Vec::new(), 0);
            for (pictures, leading, start) in groups {
                table.push(entry(pts + leading as i64, start));
                table.extend((0..leading as i64).map(|nth| entry(pts + nth, Start::No)));
                pts += leading as i64 + 1;
                table.extend((0..pictures as i64).rev().map(|nth| entry(pts + nth, Start::No)));
                pts += pictures as i64;
            }
            table
        })
    }

    proptest! {
        #[test]
        fn pictures_of_parts_one_after_the_other_are_those_of_the_stream(table in streams(), target in 1i64..40) {
            let end = table.len() as i64;
            let chosen = choose(&safe(&table), 0, end, target);
            let bounds: Vec<usize> = [0].into_iter().chain(packets(&chosen)).chain([table.len()]).collect();
            let mut joined = Vec::new();
            for pair in bounds.windows(2) {
                let part = &table[pair[0]..pair[1]];
                prop_assert!(part[0].access.start != Start::No);
                // What an open group's leading pictures need is in another part.
                prop_assert!(pair[0] == 0 || part[0].access.start == Start::Closed || part.iter().all(|entry| entry.pts >= part[0].pts));
                let mut shown: Vec<i64> = part.iter().map(|entry| entry.pts).collect();
                shown.sort_unstable();
                joined.extend(shown);
            }
            prop_assert_eq!(joined, (0..end).collect::<Vec<_>>());
        }

        #[test]
        fn no_safe_place_is_nearer_to_the_target_than_the_chosen_one(table in streams(), target in 1i64..40) {
            let (places, end) = (safe(&table), table.len() as i64);
            let mut from = 0;
            for place in choose(&places, 0, end, target) {
                let usable = places.iter().filter(|other| other.pts > from && end - other.pts >= target / 2);
                prop_assert!(usable.clone().all(|other| (other.pts - from - target).abs() >= (place.pts - from - target).abs()));
                from = place.pts;
            }
        }

        #[test]
        fn packets_are_decoded_in_order_and_in_time(shown in proptest::collection::btree_set(-1000i64..1000, 1..40).prop_map(|set| set.into_iter().collect::<Vec<_>>()).prop_shuffle()) {
            let decoded = decode_times(&shown);
            prop_assert!(decoded.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert!(decoded.iter().zip(&shown).all(|(decoded, shown)| decoded <= shown));
            prop_assert!(decoded.iter().zip(&shown).any(|(decoded, shown)| decoded == shown));
        }
    }
}
