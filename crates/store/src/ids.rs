//! What things are called.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A job's name, chosen by who submits it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobId(pub Arc<str>);

/// A content's name, chosen by who submits it; a path where nothing else is said.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ContentId(pub Arc<str>);

/// A content's media as they were at one time. Media that changed are another version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct VersionId(pub i64);

/// A batch. Never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BatchId(pub i64);

/// A tag. Never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TagId(pub i64);

macro_rules! named {
    ($($id:ident),*) => {$(
        impl From<&str> for $id {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }
        impl From<String> for $id {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }
        impl AsRef<str> for $id {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}
named!(JobId, ContentId);

macro_rules! numbered {
    ($($id:ident),*) => {$(
        impl fmt::Display for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}
numbered!(VersionId, BatchId, TagId);
