//! What the head of a coded picture says, as libav's own parsers read it.

use std::{
    ffi::c_int,
    ptr::{self, NonNull},
};

use ffmpeg_sys_the_third as ffi;

use super::{AvError, Packet, input::Stream};

/// A parser that is shown the whole packets of a stream one by one, in the order of the file.
pub struct Parser {
    parser: NonNull<ffi::AVCodecParserContext>,
    /// Never opened: it carries what the container says of the stream.
    context: NonNull<ffi::AVCodecContext>,
}

// SAFETY: both contexts may be used from any thread, by one at a time, which `&mut self` sees to.
unsafe impl Send for Parser {}

/// What a packet's head says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Whether the first slice is of type I. `None` when the parser cannot tell.
    pub intra: Option<bool>,
    /// Whether the first picture is one field of two.
    pub is_field: bool,
}

impl Parser {
    /// `Ok(None)` when libav has no parser for the stream's codec.
    pub fn open(stream: &Stream<'_>) -> Result<Option<Self>, AvError> {
        let parameters = stream.parameters();
        // SAFETY: takes any number, gives a parser or null.
        let Some(mut parser) = NonNull::new(unsafe { ffi::av_parser_init(parameters.codec_id.0 as c_int) }) else {
            return Ok(None);
        };
        // SAFETY: just made, and nobody else knows it.
        unsafe { parser.as_mut() }.flags |= ffi::PARSER_FLAG_COMPLETE_FRAMES as c_int;
        // SAFETY: takes a codec or null, gives a context or null.
        let Some(context) = NonNull::new(unsafe { ffi::avcodec_alloc_context3(ptr::null()) }) else {
            // SAFETY: the parser is ours and closed once.
            unsafe { ffi::av_parser_close(parser.as_ptr()) };
            return Err(AvError::NO_MEMORY);
        };
        let opened = Self { parser, context };
        // SAFETY: context and parameters are valid; the parameters are copied.
        AvError::check(unsafe { ffi::avcodec_parameters_to_context(context.as_ptr(), parameters) })?;
        Ok(Some(opened))
    }

    /// Reads the head of the next packet.
    pub fn head(&mut self, packet: &Packet) -> Head {
        // SAFETY: the parser is alive, and `&mut self` keeps others out.
        let parser = unsafe { self.parser.as_mut() };
        parser.pict_type = ffi::AVPictureType::NONE.0 as c_int;
        parser.picture_structure = ffi::AVPictureStructure::UNKNOWN;
        let data = packet.data();
        let (mut out, mut out_bytes) = (ptr::null_mut(), 0);
        let bytes = c_int::try_from(data.len()).unwrap_or(c_int::MAX);
        let (pts, dts) = (packet.pts().unwrap_or(ffi::AV_NOPTS_VALUE), packet.dts().unwrap_or(ffi::AV_NOPTS_VALUE));
        // SAFETY: both contexts are valid, and the data of a packet has libav's padding behind it. For whole packets
        // the parser answers with the very data it was given.
        unsafe {
            ffi::av_parser_parse2(
                self.parser.as_ptr(),
                self.context.as_ptr(),
                &mut out,
                &mut out_bytes,
                data.as_ptr(),
                bytes,
                pts,
                dts,
                0,
            )
        };
        // SAFETY: as above.
        let parser = unsafe { self.parser.as_ref() };
        let kind = ffi::AVPictureType(parser.pict_type as _);
        let fields = [ffi::AVPictureStructure::TOP_FIELD, ffi::AVPictureStructure::BOTTOM_FIELD];
        Head {
            intra: (kind != ffi::AVPictureType::NONE).then_some(kind == ffi::AVPictureType::I),
            is_field: fields.contains(&parser.picture_structure),
        }
    }
}

impl Drop for Parser {
    fn drop(&mut self) {
        // SAFETY: the parser came from `av_parser_init`, `Parser` is its only owner, and drop runs once.
        unsafe { ffi::av_parser_close(self.parser.as_ptr()) };
        let mut context = self.context.as_ptr();
        // SAFETY: likewise, from `avcodec_alloc_context3`.
        unsafe { ffi::avcodec_free_context(&mut context) }
    }
}
