//! What a request carries.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::TryStreamExt;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame};
use serde::Serialize;
use tokio::io::AsyncRead;
use tokio_util::io::ReaderStream;

/// How much of a stream is read at once.
const CHUNK_BYTES: usize = 256 << 10;

/// What a request carries.
pub struct Body {
    pub(crate) content: BoxBody<Bytes, io::Error>,
    pub(crate) content_type: &'static str,
    /// How many pieces have been sent: while it grows, the engine is not waited for in vain.
    pub(crate) sent: Arc<AtomicU64>,
}

impl Body {
    /// Nothing.
    pub fn empty() -> Self {
        Self::whole(Bytes::new(), "application/json")
    }

    /// A value as JSON.
    ///
    /// # Errors
    /// The value has no form in JSON, such as a map with keys that are no strings.
    pub fn json(value: &impl Serialize) -> serde_json::Result<Self> {
        Ok(Self::whole(serde_json::to_vec(value)?.into(), "application/json"))
    }

    /// An archive (tar, possibly compressed) that is read while it is sent.
    pub fn archive(reader: impl AsyncRead + Send + Sync + 'static) -> Self {
        let sent = Arc::<AtomicU64>::default();
        let count = sent.clone();
        let frames = ReaderStream::with_capacity(reader, CHUNK_BYTES).map_ok(move |bytes| {
            count.fetch_add(1, Ordering::Relaxed);
            Frame::data(bytes)
        });
        Self { content: BodyExt::boxed(StreamBody::new(frames)), content_type: "application/x-tar", sent }
    }

    fn whole(bytes: Bytes, content_type: &'static str) -> Self {
        let content = Full::new(bytes).map_err(|never| match never {}).boxed();
        Self { content, content_type, sent: Arc::default() }
    }
}
