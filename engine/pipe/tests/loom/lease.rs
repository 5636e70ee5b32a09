//! Leases: two ends and whoever borrows, in every order. The data is a cell that loom checks, a thread
//! that is not told of what it waits for shows as a deadlock.

use crate::{FEW, MANY, Parker, check};
use loom::cell::Cell;
use loom::sync::Arc;
use loom::thread;
use ringmq_pipe::{
    InlineReader, Lease, LeaseCheck, LeaseOwner, LogReader, Notify, Sleep, Tell, lease, log,
};

/// Data of which loom knows who uses it.
struct Data(Cell<u32>);

impl Data {
    fn add(&mut self, number: u32) -> u32 {
        self.0.set(self.0.get() + number);
        self.0.get()
    }
}

/// A lease whose owner is told through a parker.
fn made() -> (std::sync::Arc<Parker>, LeaseOwner<Data>) {
    let parker = Parker::new();
    let tell: Tell = |notify, key| notify.readable(key);
    let owner = lease(Data(Cell::new(0)), parker.clone(), 0, tell);
    (parker, owner)
}

/// Works on the data if it is to be had; how often it was.
fn borrow(lease: &Lease<Data>, times: u32) -> u32 {
    (0..times).filter(|_| lease.take().map(|mut held| held.add(1)).is_some()).count() as u32
}

/// Gets the data back to its owner, who waits to be told if somebody has it.
fn take_back(parker: &Parker, owner: &mut LeaseOwner<Data>) {
    if !owner.revoke() {
        while !owner.is_with_owner() {
            parker.park();
        }
    }
}

#[test]
fn an_owner_gets_its_data_back_from_whoever_has_it() {
    check(MANY, || {
        let (parker, mut owner) = made();
        owner.lend();
        let share = owner.share();
        let borrower = thread::spawn(move || borrow(&share, 2));
        take_back(&parker, &mut owner);
        let before = owner.get().map(|data| data.add(0)).unwrap();
        let borrowed = borrower.join().unwrap();
        assert_eq!(before, borrowed, "nothing changes behind the owner's back");
    });
}

#[test]
fn two_borrowers_never_meet() {
    check(FEW, || {
        let (parker, mut owner) = made();
        owner.lend();
        let shares = [owner.share(), owner.share()];
        let threads = shares.map(|share| thread::spawn(move || borrow(&share, 1)));
        let borrowed: u32 = threads.map(|thread| thread.join().unwrap()).iter().sum();
        take_back(&parker, &mut owner);
        assert_eq!(owner.get().map(|data| data.add(0)), Some(borrowed));
    });
}

#[test]
fn a_watched_holder_tells_when_it_lets_go() {
    check(MANY, || {
        let (parker, mut owner) = made();
        owner.lend();
        let share = owner.share();
        let borrower = thread::spawn(move || borrow(&share, 1));
        let mut uses = 0;
        loop {
            match owner.check(&mut uses) {
                LeaseCheck::Owned => break,
                LeaseCheck::InUse => thread::yield_now(),
                LeaseCheck::Watched => parker.park(),
            }
        }
        let borrowed = borrower.join().unwrap();
        assert_eq!(owner.get().map(|data| data.add(0)), Some(borrowed));
    });
}

#[test]
fn data_without_an_owner_is_dropped_once() {
    check(MANY, || {
        let drops = Arc::new(());
        let parker = Parker::new();
        let mut owner = lease(drops.clone(), parker, 0, |notify, key| notify.readable(key));
        owner.lend();
        let share = owner.share();
        let borrower = thread::spawn(move || drop(share.take()));
        drop(owner);
        borrower.join().unwrap();
        assert_eq!(Arc::strong_count(&drops), 1);
    });
}

/// A connection's writing half: who has it sends what is in the log.
struct Sender {
    reader: LogReader,
    sent: u32,
}

impl Sender {
    fn send_all(&mut self) {
        while self.reader.read().is_some() {
            self.sent += 1;
        }
    }
}

/// What the log tells: its writer sends by itself if it can, else the owner is told.
struct DirectSender {
    share: Arc<Lease<Sender>>,
    owner: std::sync::Arc<Parker>,
}

impl InlineReader for DirectSender {
    fn readable(&self, key: usize) {
        self.owner.readable(key);
    }

    fn full(&self, _: usize, _: bool) {}

    fn written(&self, key: usize, _: bool) {
        let Some(mut held) = self.share.take() else { return self.owner.readable(key) };
        held.send_all();
        if held.reader.doze_off() == Sleep::Ready {
            held.release_to_owner();
        }
    }
}

/// The protocol of a writing half: a writer that finds it lent does the work itself, one that does not
/// tells the owner, which lends it only while there is nothing to do.
#[test]
fn nothing_written_is_forgotten_between_two_who_may_send_it() {
    check(FEW, || {
        let (mut writer, reader) = log(0);
        let parker = Parker::new();
        let tell: Tell = |notify, key| notify.readable(key);
        let mut owner = lease(Sender { reader, sent: 0 }, parker.clone(), 0, tell);
        let direct = DirectSender { share: owner.share(), owner: parker.clone() };
        owner.get().unwrap().reader.install_inline(std::sync::Arc::new(direct), 0);
        let thread = thread::spawn(move || {
            for _ in 0..2 {
                writer.write_body(0, b"m").unwrap();
            }
        });
        loop {
            if !owner.revoke() {
                parker.park();
                continue;
            }
            let sender = owner.get().unwrap();
            sender.send_all();
            if sender.reader.ended() {
                break;
            }
            if sender.reader.fall_asleep() == Sleep::Asleep {
                owner.lend();
                parker.park();
            }
        }
        thread.join().unwrap();
        assert_eq!(owner.into_inner().unwrap().sent, 2);
    });
}
