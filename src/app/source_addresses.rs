//! From where a source may send: networks of client addresses, from anywhere when it lists none.

use std::net::IpAddr;

use super::App;
use super::error::{AppError, Message};
use super::manage_sources::SourceShown;
use super::note::Note;
use crate::domain::audit::Action;
use crate::domain::ids::SourceName;
use crate::domain::source_network::{NETWORKS_MAX, Network};
use crate::store::routing::Sender;
use crate::store::sources;

impl App {
    /// Puts networks on a source's list, or takes them off.
    ///
    /// # Errors
    /// `not_found`, `too_many_networks`.
    pub async fn change_source_addresses(
        &self,
        name: &SourceName,
        add: &[Network],
        remove: &[Network],
    ) -> Result<SourceShown, AppError> {
        let sender = self.sender(name).await?;
        let mut transaction = self.store.begin_write().await?;
        // First, so that two changes take turns and neither is lost.
        crate::store::head::touch_reference(&mut transaction).await?;
        let mut networks = sources::networks(&mut transaction, sender.allowance.source).await?;
        networks.extend(add);
        networks.retain(|network| !remove.contains(network));
        let networks = checked(networks)?;
        sources::set_networks(&mut transaction, sender.allowance.source, &networks).await?;
        let said = |networks: &[Network]| networks.iter().map(ToString::to_string).collect::<Vec<_>>();
        let change = serde_json::json!({ "added": said(add), "removed": said(remove) });
        let note = Note::of(Action::SourceAddressesChanged, name).after(change);
        self.commit_noted(transaction, sender.allowance.market, [note]).await?;
        self.directory.refresh(&self.store).await?;
        self.source(name).await
    }
}

/// Returns a list of networks, each once.
pub(super) fn checked(mut networks: Vec<Network>) -> Result<Vec<Network>, AppError> {
    networks.sort_unstable();
    networks.dedup();
    if networks.len() <= NETWORKS_MAX {
        return Ok(networks);
    }
    let message = Message::new(
        format!("Một nguồn có nhiều nhất {NETWORKS_MAX} dải địa chỉ."),
        format!("A source lists at most {NETWORKS_MAX} networks."),
    );
    Err(AppError::field("from", "too_many_networks", message))
}

/// Tells whether a source may send from an address. Where it lists networks, one that nobody knows is
/// in none of them.
pub(super) fn may_come_from(sender: &Sender, address: Option<IpAddr>) -> bool {
    sender.networks.is_empty()
        || address.is_some_and(|address| sender.networks.iter().any(|network| network.contains(address)))
}
