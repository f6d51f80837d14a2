//! Files of other servers of any bytes: no panic, and no name that leads out of its folder.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sekisho_moving::epost::accounts::Accounts;
use sekisho_moving::epost::ims::Ims;
use sekisho_moving::mbox::Reader;

fuzz_target!(|file: &[u8]| {
    for row in Accounts::parse(file).rows {
        assert!(!row.user.contains(['/', '\\', '\0']));
    }
    let text = String::from_utf8_lossy(file);
    let ims = Ims::parse(&text);
    assert!(ims.forward_file().is_none_or(|name| !name.contains(['/', '\\'])));
    let _ = (ims.forward(Some(&text), Some(&text)), ims.reply(Some(&text), Some(&text)));
    let mut reader = Reader::new(file);
    while let Ok(Some(_)) = reader.next_message() {}
});
