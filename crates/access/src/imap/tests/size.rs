//! What an idle connection costs.

use std::net::{IpAddr, Ipv4Addr};

use sekisho_net::drive::Agent;
use sekisho_proto::imap::{Event, ImapSession};
use sekisho_store::Engine;

use super::house::House;

#[tokio::test]
async fn an_idle_connection_is_small() {
    let house = House::new(Engine::Sqlite).await;
    let (session, mut agent) = house.imap.connect(IpAddr::V4(Ipv4Addr::LOCALHOST), false);
    let own = size_of_val(&session) + size_of_val(&agent);
    let answer = size_of_val(&Agent::<ImapSession>::answer(&mut agent, Event::Idle));
    let wait = size_of_val(&Agent::<ImapSession>::wait(&mut agent));
    assert!(own < 2048 && answer < 2048 && wait < 1024, "{own} {answer} {wait}");
}
