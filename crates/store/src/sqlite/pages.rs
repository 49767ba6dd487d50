//! Pages: how many, after what, and where the list goes on.

use super::fault::Fault;
use crate::{Cursor, Paging, StoreError};

/// However many are asked for, a page has an end.
const MOST: u32 = 10_000;

/// How many items a page may have: one at least, or a walk would never end.
pub(super) fn limit(paging: &Paging) -> u32 {
    paging.limit.clamp(1, MOST)
}

/// The number in the cursor of a list that is ordered by one.
pub(super) fn number_after(paging: &Paging) -> Result<Option<i64>, Fault> {
    paging.after.as_ref().map(|cursor| cursor.0.parse().map_err(|_| bad(cursor))).transpose()
}

pub(super) fn bad(cursor: &Cursor) -> Fault {
    StoreError::BadCursor { cursor: cursor.0.clone() }.into()
}

/// Cuts what was read beyond the limit. Gives the last item of the page if something follows.
pub(super) fn cut<'a, T>(items: &'a mut Vec<T>, paging: &Paging) -> Option<&'a T> {
    let limit = limit(paging) as usize;
    let goes_on = items.len() > limit;
    items.truncate(limit);
    if goes_on { items.last() } else { None }
}
