//! Unpacking an answer's body as it comes, never beyond a number of bytes (outsend 11.5).

use std::io::{self, Write};

use brotli_decompressor::DecompressorWriter;
use flate2::write::MultiGzDecoder;
use zstd::stream::write::Decoder;

/// What a page may ask of memory before its first byte: 8 MiB, as RFC 9659 allows for zstd on the web.
const ZSTD_WINDOW_LOG: u32 = 23;
/// Bytes that brotli hands over at a time.
const BROTLI_BUFFER: usize = 16 * 1024;

/// Why a body is not read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stopped {
    /// It is larger than it may be.
    Large,
    /// It is not packed as it says.
    Broken,
}

/// Bytes up to a number of them.
struct Capped {
    bytes: Vec<u8>,
    max: usize,
    /// Whether there were more.
    over: bool,
}

impl Write for Capped {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + piece.len() > self.max {
            self.over = true;
            return Err(io::Error::other("larger than it may be"));
        }
        self.bytes.extend_from_slice(piece);
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A body on its way.
pub(super) struct Unpacker {
    packed: Packed,
    /// Bytes that came, packed as they are.
    came: usize,
    max: usize,
}

enum Packed {
    Plain(Capped),
    Gzip(MultiGzDecoder<Capped>),
    Brotli(Box<DecompressorWriter<Capped>>),
    Zstd(Decoder<'static, Capped>),
}

impl Unpacker {
    /// For a body of at most `max` bytes that is packed as `Content-Encoding` says; `None` when we did not ask for that.
    pub(super) fn new(encoding: &str, max: usize) -> Option<Self> {
        let capped = Capped { bytes: Vec::new(), max, over: false };
        let packed = match encoding.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Packed::Plain(capped),
            "gzip" | "x-gzip" => Packed::Gzip(MultiGzDecoder::new(capped)),
            "br" => Packed::Brotli(Box::new(DecompressorWriter::new(capped, BROTLI_BUFFER))),
            "zstd" => {
                let mut decoder = Decoder::new(capped).ok()?;
                decoder.window_log_max(ZSTD_WINDOW_LOG).ok()?;
                Packed::Zstd(decoder)
            }
            _ => return None,
        };
        Some(Self { packed, came: 0, max })
    }

    /// Takes the next piece.
    ///
    /// # Errors
    /// When the body is too large, or not packed as it says.
    pub(super) fn take(&mut self, piece: &[u8]) -> Result<(), Stopped> {
        self.came += piece.len();
        if self.came > self.max {
            return Err(Stopped::Large);
        }
        let written = match &mut self.packed {
            Packed::Plain(capped) => capped.write_all(piece),
            Packed::Gzip(decoder) => decoder.write_all(piece),
            Packed::Brotli(decoder) => decoder.write_all(piece),
            Packed::Zstd(decoder) => decoder.write_all(piece),
        };
        written.map_err(|_| self.stopped())
    }

    /// The whole body.
    ///
    /// # Errors
    /// When its end is missing, or it is too large.
    pub(super) fn finish(mut self) -> Result<Vec<u8>, Stopped> {
        if self.came > 0 {
            let ended = match &mut self.packed {
                Packed::Plain(_) => Ok(()),
                Packed::Gzip(decoder) => decoder.try_finish(),
                Packed::Brotli(decoder) => decoder.close(),
                Packed::Zstd(decoder) => decoder.flush(),
            };
            ended.map_err(|_| self.stopped())?;
        }
        Ok(std::mem::take(&mut self.capped_mut().bytes))
    }

    fn stopped(&mut self) -> Stopped {
        if self.capped_mut().over { Stopped::Large } else { Stopped::Broken }
    }

    fn capped_mut(&mut self) -> &mut Capped {
        match &mut self.packed {
            Packed::Plain(capped) => capped,
            Packed::Gzip(decoder) => decoder.get_mut(),
            Packed::Brotli(decoder) => decoder.get_mut(),
            Packed::Zstd(decoder) => decoder.get_mut(),
        }
    }
}

#[cfg(test)]
pub(super) mod testing {
    use std::io::Write as _;

    use flate2::{Compression, write::GzEncoder};

    /// Bytes, packed as `Content-Encoding` would say.
    pub(in crate::net) fn packed(encoding: &str, bytes: &[u8]) -> Vec<u8> {
        match encoding {
            "gzip" => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            }
            "br" => {
                let mut out = Vec::new();
                let parameters = brotli::enc::BrotliEncoderParams { quality: 5, ..Default::default() };
                brotli::BrotliCompress(&mut &*bytes, &mut out, &parameters).unwrap();
                out
            }
            "zstd" => zstd::bulk::compress(bytes, 3).unwrap(),
            _ => bytes.to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{testing::packed, *};

    fn unpacked(encoding: &str, bytes: &[u8], max: usize, piece: usize) -> Result<Vec<u8>, Stopped> {
        let mut unpacker = Unpacker::new(encoding, max).unwrap();
        for piece in bytes.chunks(piece) {
            unpacker.take(piece)?;
        }
        unpacker.finish()
    }

    #[test]
    fn what_was_packed_comes_out() {
        let page: Vec<u8> = (0..50_000_u32).flat_map(|number| (number % 251).to_string().into_bytes()).collect();
        for encoding in ["", "identity", "gzip", "br", "zstd"] {
            let bytes = packed(encoding, &page);
            for piece in [1, 1_000, usize::MAX] {
                assert_eq!(unpacked(encoding, &bytes, page.len(), piece).unwrap(), page, "{encoding} {piece}");
            }
            assert_eq!(unpacked(encoding, &bytes, page.len() - 1, 1_000), Err(Stopped::Large), "{encoding}");
            assert_eq!(unpacked(encoding, b"", 10, 1), Ok(Vec::new()), "{encoding}");
        }
        assert!(Unpacker::new("gzip, br", 10).is_none() && Unpacker::new("deflate", 10).is_none());
    }

    #[test]
    fn bombs_go_off_in_a_small_room() {
        let bomb = vec![b' '; 48 * 1024 * 1024];
        for encoding in ["gzip", "br", "zstd"] {
            let bytes = packed(encoding, &bomb);
            assert!(bytes.len() < 64 * 1024, "{encoding} {}", bytes.len());
            let info = allocation_counter::measure(|| {
                assert_eq!(unpacked(encoding, &bytes, 2 * 1024 * 1024, 16 * 1024), Err(Stopped::Large), "{encoding}");
            });
            // the page, its growth, and what the format asks for
            assert!(info.bytes_max < 24 * 1024 * 1024, "{encoding} {}", info.bytes_max);
        }
    }

    #[test]
    fn a_window_larger_than_the_web_s_is_refused() {
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
        encoder.window_log(27).unwrap();
        encoder.long_distance_matching(true).unwrap();
        encoder.write_all(&vec![b'x'; 16 * 1024 * 1024]).unwrap();
        let bytes = encoder.finish().unwrap();
        assert_eq!(unpacked("zstd", &bytes, 2 * 1024 * 1024, 16 * 1024), Err(Stopped::Broken));
    }

    #[test]
    fn broken_bodies_are_told() {
        for encoding in ["gzip", "br", "zstd"] {
            assert_eq!(
                unpacked(encoding, b"<html>this is no packed page at all</html>", 1_000, 7),
                Err(Stopped::Broken)
            );
        }
        let cut = packed("gzip", &vec![b'x'; 10_000]);
        assert_eq!(unpacked("gzip", &cut[..cut.len() - 12], 100_000, 7), Err(Stopped::Broken));
    }
}
