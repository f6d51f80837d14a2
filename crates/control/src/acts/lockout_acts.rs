//! Acts on lockouts.

use crate::command::LockoutCommand;
use crate::{Actor, Control, Done, Refusal};

pub(super) async fn run(control: &Control, act: LockoutCommand, actor: &Actor) -> Result<Done, Refusal> {
    match act {
        LockoutCommand::Unlock { what } => control.unlock(&what, actor).await,
        LockoutCommand::Allow { network, protocol } => {
            control.change_row("lockout.allow", &network, protocol, actor).await
        }
        LockoutCommand::Deny { network, protocol } => {
            control.change_row("lockout.deny", &network, protocol, actor).await
        }
        LockoutCommand::Forget { network, protocol } => {
            control.change_row("lockout.forget", &network, protocol, actor).await
        }
    }
}
