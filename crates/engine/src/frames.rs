//! What a container says: frames of standard output and error on one connection.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

/// What precedes each frame: which stream, three zeros, the length.
const HEAD_BYTES: usize = 8;

/// Reads the frames of [`crate::Streams::Output`].
#[derive(Debug)]
pub struct Frames<R> {
    reader: R,
    /// How much of the current frame is still to come, and whether it is standard error.
    left: usize,
    is_error: bool,
}

impl<R: AsyncRead + Unpin> Frames<R> {
    /// Reads them from a connection.
    pub fn new(reader: R) -> Self {
        Self { reader, left: 0, is_error: false }
    }

    /// Reads some bytes into `buffer`, which must not be empty. Gives how many, and whether they came on standard error.
    /// `None`: the container has ended, or the engine.
    ///
    /// # Errors
    /// The connection's.
    pub async fn read(&mut self, buffer: &mut [u8]) -> io::Result<Option<(usize, bool)>> {
        while self.left == 0 {
            let mut head = [0; HEAD_BYTES];
            match self.reader.read_exact(&mut head).await {
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
                read => read?,
            };
            let [stream, _, _, _, length @ ..] = head;
            (self.left, self.is_error) = (u32::from_be_bytes(length) as usize, stream == 2);
        }
        let room = buffer.len().min(self.left);
        match self.reader.read(&mut buffer[..room]).await? {
            0 => Ok(None),
            count => {
                self.left -= count;
                Ok(Some((count, self.is_error)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn frames_are_told_apart_however_they_are_cut() {
        let sent: &[u8] = b"\x01\0\0\0\0\0\0\x03out\x02\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\x05error\x01\0";
        let mut frames = Frames::new(sent);
        let mut buffer = [0; 4];
        let mut told = Vec::new();
        while let Some((count, is_error)) = frames.read(&mut buffer).await.unwrap() {
            told.push((String::from_utf8(buffer[..count].to_vec()).unwrap(), is_error));
        }
        let told: Vec<(&str, bool)> = told.iter().map(|(text, is_error)| (text.as_str(), *is_error)).collect();
        assert_eq!(told, [("out", false), ("erro", true), ("r", true)]);
    }
}
