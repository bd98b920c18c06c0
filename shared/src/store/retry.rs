//! How long a writer waits when somebody else was faster.

use super::error::StoreError;

pub(super) const MAX_ATTEMPTS: u32 = 100;

/// Lets the first lost race be run again at once, since who was faster is done with it, then waits a little longer after
/// each, with jitter, and gives up in the end.
pub(crate) async fn after_lost_race(attempt: u32) -> Result<(), StoreError> {
    const MOST: u32 = 60;
    if attempt >= MOST {
        return Err(StoreError::Contended(attempt));
    }
    let Some(lost_again) = attempt.checked_sub(1) else { return Ok(()) };
    let ceiling = 2_u64 << lost_again.min(5);
    let mut random = [0_u8; 2];
    let _ = getrandom::fill(&mut random);
    let wait = u64::from(u16::from_le_bytes(random)) % ceiling + 1;
    tokio::time::sleep(std::time::Duration::from_millis(wait)).await;
    Ok(())
}
