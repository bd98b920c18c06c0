//! How rows, parameters and logs are compressed.

use crate::store::StoreError;

/// What a chunk may grow to when it is unpacked: far above what is ever packed.
const MAX_UNPACKED: usize = 64 * 1024 * 1024;
/// How hard it tries.
const LEVEL: i32 = 3;

/// Bytes, compressed.
pub(super) fn pack(bytes: &[u8]) -> Result<Vec<u8>, StoreError> {
    let packed = zstd::bulk::compress(bytes, LEVEL);
    let mut packed = packed.map_err(|error| StoreError::Call { operation: "pack", cause: error.to_string() })?;
    // it was given room for bytes that no compression makes smaller
    packed.shrink_to_fit();
    Ok(packed)
}

/// Compressed bytes as they were.
pub(super) fn unpack(bytes: &[u8]) -> Result<Vec<u8>, StoreError> {
    let malformed = StoreError::Malformed { entity: "chunk", attribute: "bytes" };
    let size = zstd::zstd_safe::get_frame_content_size(bytes).ok().flatten();
    match size.and_then(|size| usize::try_from(size).ok()).filter(|size| *size <= MAX_UNPACKED) {
        Some(size) => zstd::bulk::decompress(bytes, size).map_err(|_| malformed),
        None => Err(malformed),
    }
}
