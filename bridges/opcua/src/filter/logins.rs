//! Logins: the filter cannot see them where messages are encrypted. But when the library activates
//! a session, it asks each node manager for its namespaces.

use std::sync::Arc;

use async_trait::async_trait;
use opcua::nodes::DefaultTypeTree;
use opcua::server::diagnostics::NamespaceMetadata;
use opcua::server::node_manager::{NodeManager, RequestContext, ServerContext};
use opcua::types::NodeId;

use crate::filter::connections::Connections;

/// A node manager without nodes.
pub struct Logins {
    pub connections: Arc<Connections>,
    /// Whether every certificate is trusted: then a session without a password is a stranger's.
    pub any_client: bool,
}

#[async_trait]
impl NodeManager for Logins {
    fn owns_node(&self, _id: &NodeId) -> bool {
        false
    }

    fn name(&self) -> &'static str {
        "logins"
    }

    fn namespaces_for_user(&self, context: &RequestContext) -> Vec<NamespaceMetadata> {
        let is_trusted = !(self.any_client && context.token.is_anonymous());
        let channel = context.session.read().secure_channel_id();
        self.connections.log_in(channel, is_trusted);
        Vec::new()
    }

    async fn init(&self, _type_tree: &mut DefaultTypeTree, _context: ServerContext) {}
}
