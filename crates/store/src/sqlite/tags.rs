//! Answers questions about tags, a page at a time.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use rusqlite::Connection;

use super::fault::Fault;
use super::found::Found;
use super::heads::{self, Head};
use super::lanes::{Key, Lane, Piece, Walk, Window};
use super::neighbours::{Link, Neighbours};
use super::pages;
use super::search::Search;
use crate::{BatchId, Cursor, Page, Scope, Tag, TagId, TagQuery};

/// Up to so many lanes, texts are looked up one by one; beyond, tags are read in order and their texts looked at.
const MOST_TEXT_LANES: usize = 1024;

pub(super) fn page(connection: &Connection, query: &TagQuery) -> Result<Page<Tag>, Fault> {
    let search = query.text.as_deref().map(Search::new).transpose()?;
    match (&query.scope, search) {
        (Scope::Everywhere, Some(search)) => everywhere(connection, query, &search),
        (_, search) => in_order(connection, query, search.as_ref()),
    }
}

/// The tags of some batches by start, end and id.
fn in_order(connection: &Connection, query: &TagQuery, search: Option<&Search>) -> Result<Page<Tag>, Fault> {
    let (heads, after) = match &query.paging.after {
        None => (heads::asked(connection, query)?, None),
        Some(cursor) => {
            let Place { key, batches } = Place::read(cursor)?;
            (again(connection, query, &batches, cursor)?, Some(key))
        }
    };
    let window = Window::new(query.from_ms, query.to_ms);
    let limit = pages::limit(&query.paging) as usize;
    let lanes = text_lanes(connection, &heads, search)?;
    let mut filter = search.filter(|_| lanes.is_none()).map(TextFilter::new);
    let lanes = lanes.unwrap_or_else(|| span_lanes(&heads));
    // A run may touch the window with nothing but the gap between two of its pieces.
    let scanned = |head: &Head| window.widened(if query.is_stitched { head.reach_ms } else { 0 });
    let mut walk = Walk::new(connection, &heads, &lanes, scanned, after, limit + 1)?;
    let mut neighbours = Neighbours::new(connection);
    let mut items: Vec<Tag> = Vec::new();
    let mut last = None;
    while let Some((place, piece)) = walk.next()? {
        let head = &heads[place];
        if let Some(filter) = &mut filter
            && !filter.passes(connection, piece.text_number)?
        {
            continue;
        }
        let key = piece.key();
        let is_met = |link: Link| scanned(head).is_touched(link.start_ms, link.end_ms);
        let run =
            if query.is_stitched { run_of(&mut neighbours, head, &piece, is_met)? } else { Some(Run::of(&piece)) };
        let Some(run) = run.filter(|run| window.is_touched(run.start_ms, run.end_ms)) else { continue };
        if items.len() == limit {
            let batches = heads.iter().map(|head| head.id).collect();
            let next = last.map(|key| Place { key, batches }.written());
            return Ok(Page { items, next });
        }
        items.push(tag(head, piece, run));
        last = Some(key);
    }
    Ok(Page { items, next: None })
}

/// A lane for each text that is searched for in each batch. `None` without a search, or where they are too many.
fn text_lanes(
    connection: &Connection,
    heads: &[Head],
    search: Option<&Search>,
) -> Result<Option<Vec<(usize, Lane)>>, Fault> {
    let Some(search) = search else { return Ok(None) };
    let most = MOST_TEXT_LANES / heads.len().max(1);
    let texts = search.texts(connection, i64::MIN, most + 1)?;
    let lanes = || (0..heads.len()).flat_map(|head| texts.iter().map(move |&text| (head, Lane::Text(text)))).collect();
    Ok((texts.len() <= most).then(lanes))
}

/// A lane for each duration class of each batch.
fn span_lanes(heads: &[Head]) -> Vec<(usize, Lane)> {
    let of_head = |(place, head): (usize, &Head)| {
        let spans = head.spans;
        (0..64).filter(move |span| spans >> span & 1 == 1).map(move |span| (place, Lane::Span(span)))
    };
    heads.iter().enumerate().flat_map(of_head).collect()
}

/// Remembers which texts are found, because they come again and again.
struct TextFilter<'s> {
    search: &'s Search,
    known: HashMap<i64, bool>,
}

impl<'s> TextFilter<'s> {
    fn new(search: &'s Search) -> Self {
        Self { search, known: HashMap::new() }
    }

    fn passes(&mut self, connection: &Connection, text: i64) -> Result<bool, Fault> {
        if let Some(&passes) = self.known.get(&text) {
            return Ok(passes);
        }
        let passes = self.search.finds(connection, text)?;
        self.known.insert(text, passes);
        Ok(passes)
    }
}

/// A tag, or several stitched together.
struct Run {
    id: i64,
    part: u32,
    start_ms: i64,
    end_ms: i64,
}

impl Run {
    fn of(piece: &Piece) -> Self {
        Self { id: piece.id, part: piece.part, start_ms: piece.start_ms, end_ms: piece.end_ms }
    }
}

/// The run that `piece` belongs to. `None` when an earlier piece of it `is_met` too: it comes in the place of that one.
fn run_of(
    neighbours: &mut Neighbours<'_>,
    head: &Head,
    piece: &Piece,
    is_met: impl Fn(Link) -> bool,
) -> Result<Option<Run>, Fault> {
    let Some(link) = Link::of(head, piece) else { return Ok(Some(Run::of(piece))) };
    let mut first = link;
    while let Some(before) = neighbours.before(head, piece.text_number, first)? {
        if is_met(before) {
            return Ok(None);
        }
        first = before;
    }
    let (mut last, mut end_ms) = (first, first.end_ms);
    while let Some(behind) = neighbours.behind(head, piece.text_number, last)? {
        end_ms = end_ms.max(behind.end_ms);
        last = behind;
    }
    Ok(Some(Run { id: first.id, part: first.part, start_ms: first.start_ms, end_ms }))
}

/// The tags of all contents by text and batch, and in each by start, end and id.
fn everywhere(connection: &Connection, query: &TagQuery, search: &Search) -> Result<Page<Tag>, Fault> {
    if query.from_ms.is_some() || query.to_ms.is_some() {
        return Err(Fault::invalid("a search in all contents takes no window: times are a content's own"));
    }
    let after = match &query.paging.after {
        None => None,
        Some(cursor) => Some(numbers(cursor, 'w')?.try_into().map_err(|_| pages::bad(cursor))?),
    };
    let limit = pages::limit(&query.paging) as usize;
    let mut found = Found::new(connection, search, after, limit + 1);
    let mut heads: HashMap<BatchId, Option<Head>> = HashMap::new();
    let mut neighbours = Neighbours::new(connection);
    let mut items: Vec<Tag> = Vec::new();
    let mut last = None;
    while let Some((place, piece)) = found.next()? {
        let head = match heads.entry(BatchId(place[1])) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let head = heads::by_id(connection, *entry.key())?;
                entry.insert(head.filter(|head| heads::is_asked(query, head)))
            }
        };
        let Some(head) = head else { continue };
        // Without a window the first piece of a run is met in any case.
        let run =
            if query.is_stitched { run_of(&mut neighbours, head, &piece, |_| true)? } else { Some(Run::of(&piece)) };
        let Some(run) = run else { continue };
        if items.len() == limit {
            return Ok(Page { items, next: last.map(|place| written('w', place)) });
        }
        items.push(tag(head, piece, run));
        last = Some(place);
    }
    Ok(Page { items, next: None })
}

fn tag(head: &Head, piece: Piece, run: Run) -> Tag {
    Tag {
        id: TagId(run.id),
        batch: head.id,
        job: head.job.clone(),
        content: head.content.clone(),
        stream: head.stream,
        track: head.track.clone(),
        model: head.model.clone(),
        part: run.part,
        start_ms: run.start_ms,
        end_ms: run.end_ms,
        text: piece.text,
        frame_info: piece.frame_info,
        additional_info: piece.additional_info,
    }
}

/// Where a walk goes on, and the batches it began with: it reads these to its end, whatever replaces them meanwhile.
struct Place {
    key: Key,
    batches: Vec<BatchId>,
}

impl Place {
    fn written(self) -> Cursor {
        let (start_ms, end_ms, id) = self.key;
        written('t', [start_ms, end_ms, id].into_iter().chain(self.batches.into_iter().map(|batch| batch.0)))
    }

    fn read(cursor: &Cursor) -> Result<Self, Fault> {
        match numbers(cursor, 't')?[..] {
            [start_ms, end_ms, id, ref batches @ ..] => {
                Ok(Self { key: (start_ms, end_ms, id), batches: batches.iter().copied().map(BatchId).collect() })
            }
            _ => Err(pages::bad(cursor)),
        }
    }
}

/// The batches of a cursor, as they are now.
fn again(connection: &Connection, query: &TagQuery, batches: &[BatchId], cursor: &Cursor) -> Result<Vec<Head>, Fault> {
    let mut heads = Vec::with_capacity(batches.len());
    for &batch in batches {
        let head = heads::by_id(connection, batch)?
            .ok_or_else(|| Fault::conflict("batch", batch, "has been removed meanwhile: begin without a cursor"))?;
        let belongs = match &query.scope {
            Scope::Content(content) => *content == head.content,
            Scope::Job(job) => *job == head.job,
            Scope::Batch(batch) => *batch == head.id,
            Scope::Everywhere => false,
        };
        if !belongs {
            return Err(pages::bad(cursor));
        }
        heads.push(head);
    }
    Ok(heads)
}

fn written(list: char, numbers: impl IntoIterator<Item = i64>) -> Cursor {
    let numbers: Vec<String> = numbers.into_iter().map(|number| number.to_string()).collect();
    Cursor(format!("{list}{}", numbers.join("_")))
}

fn numbers(cursor: &Cursor, list: char) -> Result<Vec<i64>, Fault> {
    let rest = cursor.0.strip_prefix(list).ok_or_else(|| pages::bad(cursor))?;
    rest.split('_').map(|number| number.parse().map_err(|_| pages::bad(cursor))).collect()
}
