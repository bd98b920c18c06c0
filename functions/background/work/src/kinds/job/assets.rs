//! Files that a job finds, as the engine hands them over, kept for the job's owner (outsend 8.5).

use engine::Fault;
use shared::{
    BoxFuture,
    assets::Assets,
    model::{AssetName, UserId},
};

/// The files of a job's owner.
pub(super) struct OwnersAssets {
    pub(super) assets: Assets,
    pub(super) owner: UserId,
}

impl engine::Assets for OwnersAssets {
    fn keep(&self, content: Vec<u8>, ending: &'static str) -> BoxFuture<'_, Result<String, Fault>> {
        Box::pin(async move {
            let name = AssetName::of(&content, ending);
            let name = name.ok_or_else(|| Fault::Internal(format!("no file ends with {ending}")))?;
            self.assets.keep(self.owner, &name, content).await.map_err(Fault::Internal)?;
            Ok(format!("/api/brand-assets/{}/{}", self.owner, name.as_str()))
        })
    }
}
