//! Which connections there are, for rules that ask for the state of one that is older than they are.

use super::Stack;
use crate::frame::Class;

impl Stack {
    /// Whether the frame belongs to, or is about, a connection that there is: of this processor, or of one without a queue pair, whose frames meet the
    /// rules here.
    pub(super) fn knows(&self, class: &Class) -> bool {
        let tuple = match class {
            Class::Tcp(tcp) => tcp.tuple(),
            Class::TooBig(too_big) => too_big.tuple(),
            Class::Host { .. } | Class::Neighbor { .. } => return false,
        };
        match &self.main {
            Some(main) if main.steering.processor(&tuple) != 0 => self.shared.connections().has(&tuple),
            _ => self.engine.has(&tuple),
        }
    }
}
