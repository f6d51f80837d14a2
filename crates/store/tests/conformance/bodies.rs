//! Bodies: counted, in the table or as files.

use sekisho_store::{Body, ContentId, Error, content};

use crate::world::World;

async fn insert(world: &World, body: Body) -> ContentId {
    world.store.write(move |tx| Ok(content::keep(tx, &body)?.0)).await.unwrap()
}

async fn release(world: &World, id: ContentId, n: u64) {
    world.store.write(move |tx| content::release(tx, id, n)).await.unwrap();
}

fn files(world: &World) -> usize {
    let mut count = 0;
    for folder in std::fs::read_dir(world.folder.join("blobs")).unwrap() {
        let folder = folder.unwrap();
        if folder.file_name() != "tmp" {
            count += std::fs::read_dir(folder.path()).unwrap().count();
        }
    }
    count
}

pub async fn bodies_are_counted(world: &World) {
    let id = insert(world, world.body(b"one").await).await;
    world.store.write(move |tx| content::retain(tx, id, 2)).await.unwrap();
    assert_eq!(insert(world, Body::Stored(id)).await, id);
    release(world, id, 3).await;
    assert_eq!(&world.store.content(id).await.unwrap()[..], b"one");
    release(world, id, 1).await;
    assert_eq!(world.store.content(id).await, Err(Error::NotFound("body")));
    let kept = world.store.write(move |tx| content::keep(tx, &Body::Stored(id))).await;
    assert_eq!(kept, Err(Error::NotFound("body")));
    // An id is never used again: somebody may still hold it.
    let next = insert(world, world.body(b"two").await).await;
    assert!(next > id);
    release(world, next, 1).await;
    let empty = insert(world, world.body(b"").await).await;
    assert!(world.store.content(empty).await.unwrap().is_empty());
    release(world, empty, 1).await;
}

pub async fn large_bodies_are_files(world: &World) {
    // The largest in the table, the smallest that is a file, and one that is written in odd pieces.
    for size in [65_536, 65_537, 1_000_003] {
        let bytes: Vec<u8> = (0..size).map(|n| (n % 251) as u8).collect();
        let mut staging = world.store.stage();
        for piece in bytes.chunks(10_007) {
            staging.write(piece).unwrap();
        }
        assert_eq!(staging.size(), size);
        let staged = staging.finish().await.unwrap();
        assert_eq!(staged.is_large(), size > 65_536);
        assert_eq!(staged.read().unwrap(), bytes);
        let id = insert(world, staged.into()).await;
        assert_eq!(files(world), usize::from(size > 65_536));
        assert_eq!(world.store.content(id).await.unwrap(), bytes);
        release(world, id, 1).await;
        let collected = world.store.collect_garbage(10).await.unwrap();
        assert_eq!(collected, u32::from(size > 65_536));
        assert_eq!(files(world), 0);
        assert_eq!(world.store.content(id).await, Err(Error::NotFound("body")));
    }
    // What nobody stored leaves nothing behind.
    let mut staging = world.store.stage();
    staging.write(&[1; 200_000]).unwrap();
    let staged = staging.finish().await.unwrap();
    assert_eq!(files(world), 1);
    drop(staged);
    assert_eq!(files(world), 0);
    // A body that is referred to again before it was collected stays.
    let again = insert(world, world.body(&[2; 100_000]).await).await;
    release(world, again, 1).await;
    world.store.write(move |tx| content::retain(tx, again, 1)).await.unwrap();
    assert_eq!(world.store.collect_garbage(10).await.unwrap(), 0);
    assert_eq!(world.store.content(again).await.unwrap().len(), 100_000);
    release(world, again, 1).await;
    assert_eq!(world.store.collect_garbage(10).await.unwrap(), 1);
}

pub async fn summaries_are_kept(world: &World) {
    let message = b"From: a@example.jp\r\nSubject: hello\r\n\r\nbody\r\n";
    let mut staging = world.store.stage();
    staging.write(message).unwrap();
    let mut staged = staging.finish().await.unwrap();
    staged.summarize().unwrap();
    let known = insert(world, staged.into()).await;
    let unknown = insert(world, world.body(message).await).await;
    let stored = world.store.read(move |tx| content::summary(tx, known)).await.unwrap().unwrap();
    assert!(String::from_utf8_lossy(&stored.envelope).contains("\"hello\""));
    assert_eq!(stored.header_len as usize, message.len() - b"body\r\n".len());
    assert_eq!(world.store.read(move |tx| content::summary(tx, unknown)).await.unwrap(), None);
    assert_eq!(world.store.summarize(unknown).await.unwrap(), stored);
    assert_eq!(world.store.read(move |tx| content::summary(tx, unknown)).await.unwrap(), Some(stored));
    release(world, known, 1).await;
    release(world, unknown, 1).await;
}
