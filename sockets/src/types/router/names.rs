//! Who has which routing id: whom a message to it goes to, and whose messages come under it, when.
//!
//! Mostly that is one peer. Several may claim the same id, and one peer may come back under another id
//! while messages of its predecessor are still to be read. What always holds:
//! * An id has one holder at most. What is sent to the id goes to the holder.
//! * Messages of one pipe at a time are received under an id: first those of the pipes that lost it, each
//!   up to where it lost it and in the order in which they did, then the holder's.
//! * A pipe that claims an id and does not hold it waits. Nothing is read of it.
//! * When the holder goes, the first of those that wait takes its place; at once, if something that the
//!   holder has sent is still to be received.

use crate::inner::pipes::Pipes;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};

/// No pipe's key.
const NOBODY: usize = usize::MAX;

/// A routing id.
pub(super) type Id = Box<[u8]>;

/// Where an id comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum IdOrigin {
    /// The peer has said so.
    Peer,
    /// The peer has none of its own.
    Automatic,
    /// The application has named the connect, for good.
    Alias,
}

/// What a pipe has to do with ids.
struct Seat {
    /// The id that its present peer claims.
    id: Id,
    origin: IdOrigin,
    /// It is this pipe's turn to be read.
    turn: bool,
    /// It held the id that it waits for.
    ousted: bool,
    /// What is to be done with messages from before it claimed that id, or before it lost it.
    #[expect(
        clippy::box_collection,
        reason = "thousands of peers, and hardly one of them has any"
    )]
    earlier: Option<Box<VecDeque<Stretch>>>,
}

/// Some messages of a pipe.
struct Stretch {
    /// Under which id they are received; `None` if nobody is to have them.
    id: Option<Id>,
    /// As [`Pipes::taken`] counts, up to here.
    until: u64,
}

/// What an id has to do with pipes.
struct Claims {
    holder: usize,
    others: Option<Box<Others>>,
}

#[derive(Default)]
struct Others {
    /// To be read before the holder, the first one first; one that lost the id twice is here twice.
    before: VecDeque<usize>,
    /// Those that claim the id and do not have it.
    waiting: VecDeque<usize>,
}

impl Claims {
    fn new(holder: usize) -> Self {
        Self { holder, others: None }
    }

    fn others(&mut self) -> &mut Others {
        self.others.get_or_insert_default()
    }

    /// Whose turn it is to be read.
    fn turn(&self) -> usize {
        let first = self.others.as_ref().and_then(|others| others.before.front());
        first.copied().unwrap_or(self.holder)
    }

    /// Takes the first one that waits and is still there out of those that wait.
    fn take_next(&mut self, pipes: &Pipes) -> Option<usize> {
        let waiting = &mut self.others.as_mut()?.waiting;
        let at = waiting.iter().position(|key| !pipes.is_closed(*key))?;
        waiting.remove(at)
    }

    /// The holder is gone, or has another id: the next one takes its place.
    fn pass_on(&mut self, pipes: &Pipes) -> Option<usize> {
        let mut next = self.take_next(pipes);
        if next.is_none() {
            // What those that are gone have left is still to be received.
            next = self.others.as_mut().and_then(|others| others.waiting.pop_front());
        }
        self.holder = next.unwrap_or(NOBODY);
        next
    }
}

/// How a claim went.
pub(super) enum Claimed {
    /// The pipe is the holder now.
    Held,
    /// It waits.
    Waits,
    /// It is the holder now, in the place of this pipe.
    TakenFrom(usize),
}

/// See the [module's documentation](self).
#[derive(Default)]
pub(super) struct Names {
    /// By the keys of the pipes, which are small numbers.
    seats: Vec<Option<Seat>>,
    places: HashMap<Id, Claims>,
    /// How many pipes have messages that are not to be treated as the rest.
    counting: usize,
}

impl Names {
    fn seat(&self, key: usize) -> Option<&Seat> {
        self.seats.get(key)?.as_ref()
    }

    fn seat_mut(&mut self, key: usize) -> Option<&mut Seat> {
        self.seats.get_mut(key)?.as_mut()
    }

    /// The id under which the next message of a pipe is received.
    #[inline]
    pub(super) fn of(&self, key: usize) -> Option<&[u8]> {
        let seat = self.seat(key)?;
        match &seat.earlier {
            None => Some(&seat.id),
            Some(earlier) => match earlier.front() {
                Some(stretch) => stretch.id.as_deref(),
                None => Some(&seat.id),
            },
        }
    }

    /// The id that a pipe's present peer claims, and where that comes from.
    pub(super) fn claim_of(&self, key: usize) -> Option<(&[u8], IdOrigin)> {
        self.seat(key).map(|seat| (&*seat.id, seat.origin))
    }

    /// Whom a message to `id` goes to.
    #[inline]
    pub(super) fn holder(&self, id: &[u8]) -> Option<usize> {
        self.places.get(id).map(|place| place.holder).filter(|holder| *holder != NOBODY)
    }

    /// All that messages can go to.
    pub(super) fn holders(&self) -> impl Iterator<Item = usize> {
        self.places.values().map(|place| place.holder).filter(|holder| *holder != NOBODY)
    }

    /// Whether an id is anybody's, or was and is still received under.
    pub(super) fn is_known(&self, id: &[u8]) -> bool {
        self.places.contains_key(id)
    }

    /// Whether it has to be noted how many messages are taken.
    #[inline]
    pub(super) fn is_counting(&self) -> bool {
        self.counting > 0
    }

    /// Whether it was a pipe's turn to be read when last looked at.
    pub(super) fn has_turn(&self, key: usize) -> bool {
        self.seat(key).is_some_and(|seat| seat.turn)
    }

    /// Whether it is a pipe's turn to be read.
    pub(super) fn look_at_turn(&mut self, key: usize) -> bool {
        let Some(id) = self.of(key) else { return false };
        let turn = self.places.get(id).is_some_and(|place| place.turn() == key);
        if let Some(seat) = self.seat_mut(key) {
            seat.turn = turn;
        }
        turn
    }

    /// Whether a pipe has nothing to be received before it gets the id that it claims.
    pub(super) fn waits(&self, key: usize) -> bool {
        self.seat(key)
            .is_some_and(|seat| seat.earlier.is_none() && self.holder(&seat.id) != Some(key))
    }

    /// Whether a pipe held the id that it waits for before.
    pub(super) fn was_ousted(&self, key: usize) -> bool {
        self.seat(key).is_some_and(|seat| seat.ousted)
    }

    /// The pipe claims an id. If another one holds it, the claim waits, or with `by_force` that one does.
    pub(super) fn claim(
        &mut self,
        key: usize,
        id: Id,
        origin: IdOrigin,
        by_force: bool,
    ) -> Claimed {
        let claimed = match self.places.entry(id.clone()) {
            Entry::Vacant(entry) => {
                entry.insert(Claims::new(key));
                Claimed::Held
            }
            Entry::Occupied(mut entry) => match entry.get().holder {
                NOBODY => {
                    entry.get_mut().holder = key;
                    Claimed::Held
                }
                holder if by_force => {
                    let place = entry.get_mut();
                    place.holder = key;
                    place.others().waiting.push_front(holder);
                    Claimed::TakenFrom(holder)
                }
                _ => {
                    entry.get_mut().others().waiting.push_back(key);
                    Claimed::Waits
                }
            },
        };
        if let Claimed::TakenFrom(holder) = claimed
            && let Some(seat) = self.seat_mut(holder)
        {
            seat.ousted = true;
        }
        if self.seats.len() <= key {
            self.seats.resize_with(key + 1, || None);
        }
        let earlier = self.seats[key].take().and_then(|seat| seat.earlier);
        self.seats[key] = Some(Seat { id, origin, turn: false, ousted: false, earlier });
        claimed
    }

    /// Takes the first one that waits for the id that a pipe holds out of those that do, with its claim.
    pub(super) fn take_successor(
        &mut self,
        pipes: &Pipes,
        key: usize,
    ) -> Option<(usize, Id, IdOrigin)> {
        let place = self.places.get_mut(&self.seats.get(key)?.as_ref()?.id)?;
        if place.holder != key {
            return None;
        }
        let next = place.take_next(pipes)?;
        self.claim_of(next).map(|(id, origin)| (next, id.into(), origin))
    }

    /// The pipe gives up what it claims. What it has brought up to `until` keeps that id if the pipe held
    /// it, and is nobody's if not. Returns who holds the id instead, and adds to `ids` those whose turns may
    /// have changed.
    pub(super) fn give_up(
        &mut self,
        pipes: &Pipes,
        key: usize,
        until: u64,
        ids: &mut Vec<Id>,
    ) -> Option<usize> {
        let id = self.seat(key)?.id.clone();
        ids.push(id.clone());
        self.cut(pipes, key, until, ids);
        if self.holder(&id) == Some(key) {
            self.keep(pipes, key, until);
            return self.places.get_mut(&id)?.pass_on(pipes);
        }
        let others = self.places.get_mut(&id)?.others();
        others.waiting.retain(|other| *other != key);
        self.add_stretch(pipes, key, None, until);
        None
    }

    /// What a pipe has brought after `until` is its next peer's. It may have lost its id while the news of
    /// that one was on the way, and then some of that was taken for its own.
    fn cut(&mut self, pipes: &Pipes, key: usize, until: u64, ids: &mut Vec<Id>) {
        let Some(seat) = self.seats.get_mut(key).and_then(Option::as_mut) else { return };
        while let Some(earlier) = &mut seat.earlier {
            let before = earlier.len().checked_sub(2).and_then(|at| earlier.get(at));
            let from = before.map_or_else(|| pipes.taken(key), |stretch| stretch.until);
            match earlier.back_mut() {
                Some(last) if last.until <= until => return,
                Some(last) if from < until => {
                    last.until = until;
                    return;
                }
                _ => {}
            }
            let id = earlier.pop_back().and_then(|stretch| stretch.id);
            if earlier.is_empty() {
                seat.earlier = None;
                self.counting -= 1;
            }
            let Some(id) = id else { continue };
            if let Some(place) = self.places.get_mut(&id) {
                let before = &mut place.others().before;
                if let Some(at) = before.iter().rposition(|other| *other == key) {
                    before.remove(at);
                }
            }
            ids.push(id);
        }
    }

    /// What a pipe has brought up to `until` is received under the id that it claims, before anything of
    /// the holder's that is not received yet.
    pub(super) fn keep(&mut self, pipes: &Pipes, key: usize, until: u64) {
        let Some(id) = self.seat(key).map(|seat| seat.id.clone()) else { return };
        if self.add_stretch(pipes, key, Some(id.clone()), until)
            && let Some(place) = self.places.get_mut(&id)
        {
            place.others().before.push_back(key);
        }
    }

    /// `false` if there is nothing of that.
    fn add_stretch(&mut self, pipes: &Pipes, key: usize, id: Option<Id>, until: u64) -> bool {
        let Some(seat) = self.seats.get_mut(key).and_then(Option::as_mut) else { return false };
        let last = seat.earlier.as_ref().and_then(|earlier| earlier.back());
        let from = last.map_or_else(|| pipes.taken(key), |last| last.until);
        if from >= until {
            return false;
        }
        self.counting += usize::from(seat.earlier.is_none());
        seat.earlier.get_or_insert_default().push_back(Stretch { id, until });
        true
    }

    /// Where the first stretch of a pipe ends that is not to be treated as the rest, and whether anybody
    /// is to have it.
    pub(super) fn stretch(&self, key: usize) -> Option<(u64, bool)> {
        let stretch = self.seat(key)?.earlier.as_ref()?.front()?;
        Some((stretch.until, stretch.id.is_some()))
    }

    /// That stretch is over. Returns whose turn it is under its id.
    pub(super) fn end_stretch(&mut self, key: usize) -> Option<usize> {
        let seat = self.seats.get_mut(key)?.as_mut()?;
        let earlier = seat.earlier.as_mut()?;
        let stretch = earlier.pop_front()?;
        if earlier.is_empty() {
            seat.earlier = None;
            self.counting -= 1;
        }
        let id = stretch.id?;
        let place = self.places.get_mut(&id)?;
        let before = &mut place.others().before;
        if let Some(at) = before.iter().position(|other| *other == key) {
            before.remove(at);
        }
        self.turn_under(&id)
    }

    /// Whose turn it is to be read under an id. Forgets the id if it is nobody's.
    pub(super) fn turn_under(&mut self, id: &[u8]) -> Option<usize> {
        let place = self.places.get_mut(id)?;
        let idle = |others: &mut Box<Others>| others.before.is_empty() && others.waiting.is_empty();
        place.others.take_if(idle);
        let turn = place.turn();
        if turn == NOBODY {
            self.places.remove(id);
            return None;
        }
        Some(turn)
    }

    /// A pipe is gone. Returns the ids whose turns may have changed, and who holds the id that the pipe
    /// held.
    pub(super) fn remove(&mut self, pipes: &Pipes, key: usize) -> Option<(Vec<Id>, Option<usize>)> {
        let seat = self.seats.get_mut(key)?.take()?;
        let mut ids = Vec::new();
        if let Some(earlier) = seat.earlier {
            self.counting -= 1;
            ids.extend(earlier.into_iter().filter_map(|stretch| stretch.id));
        }
        for id in &ids {
            if let Some(others) = self.places.get_mut(id).and_then(|place| place.others.as_mut()) {
                others.before.retain(|other| *other != key);
            }
        }
        let mut next = None;
        if let Some(place) = self.places.get_mut(&seat.id) {
            if place.holder == key {
                next = place.pass_on(pipes);
            } else if let Some(others) = &mut place.others {
                others.waiting.retain(|other| *other != key);
            }
        }
        ids.push(seat.id);
        Some((ids, next))
    }
}
