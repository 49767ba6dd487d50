//! What libav's decoder of WebP must not be given.

/// Whether libav would end the process over a WebP file.
///
/// Its decoder (seen in FFmpeg 5.1) goes through all chunks of the file. When one behind the picture is an error, it says
/// that it has failed and that there is a picture, and an assertion finds none. Two chunks there are errors: an extended
/// header, which belongs to the front, and one of a size that cannot be.
pub(super) fn is_deadly(file: &[u8]) -> bool {
    const FILE_HEADER_BYTES: usize = 12;
    let mut rest = file.get(FILE_HEADER_BYTES..).unwrap_or_default();
    let mut has_picture = false;
    while let Some((&[a, b, c, d, size @ ..], behind)) = rest.split_first_chunk::<8>() {
        let (name, size) = ([a, b, c, d], u32::from_le_bytes(size));
        if has_picture && (size == u32::MAX || name == *b"VP8X") {
            return true;
        }
        has_picture |= matches!(&name, b"VP8 " | b"VP8L");
        // Chunks begin at even places.
        let padded = usize::try_from(size).unwrap_or(usize::MAX).saturating_add(size as usize & 1);
        rest = behind.get(padded..).unwrap_or_default();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::is_deadly;

    fn file(chunks: &[(&[u8; 4], u32, &[u8])]) -> Vec<u8> {
        let chunk = |(name, size, data): &(&[u8; 4], u32, &[u8])| [name.as_slice(), &size.to_le_bytes(), data].concat();
        [b"RIFF\0\0\0\0WEBP".to_vec(), chunks.iter().flat_map(chunk).collect()].concat()
    }

    #[test]
    fn only_errors_behind_the_picture_are_deadly() {
        let (picture, extended) = ((b"VP8L", 3, &[0; 4][..]), (b"VP8X", 10, &[0; 10][..]));
        assert!(is_deadly(&file(&[picture, extended])));
        assert!(is_deadly(&file(&[picture, (b"\xff\xff\xff\xff", u32::MAX, &[])])));
        assert!(!is_deadly(&file(&[extended, picture, (b"EXIF", 2, &[0; 2])])));
        assert!(!is_deadly(&file(&[(b"ICCP", u32::MAX, &[]), picture])));
        assert!(!is_deadly(&file(&[picture])[..15]) && !is_deadly(b""));
    }
}
