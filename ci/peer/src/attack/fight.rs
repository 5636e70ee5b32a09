//! One attack on one server beside its good client: what is measured, in which order.
//!
//! Each round is windows of quiet, windows under attack, quiet again, and windows in which the attacker does
//! nothing but take as much of the processor as the attack took: what it takes from others that way is no doing of
//! the bytes it sends.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ringmq::Context;

use super::AttackError;
use super::attack::{Attack, Newcomer};
use super::field::{Budget, Field, cpu_time};
use super::newcomer;
use super::outcome::{Measured, Moment, Outcome, Speed};
use super::part::{
    Bound, ClientPlan, ClientStatus, Part, PartProcess, ServerPlan, ServerStatus, Shape,
};
use super::watch::Watch;
use crate::socket::Backend;

/// How long anything may take that happens by itself.
const PATIENCE: Duration = Duration::from_secs(90);
const GLANCE: Duration = Duration::from_millis(10);
/// Messages of the good client before anything is measured.
const WARM: u64 = 2000;
/// How long the control does nothing else at a time.
const BURN: Duration = Duration::from_micros(200);

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extent {
    pub(crate) rounds: usize,
    pub(crate) window: Duration,
    /// Windows of each stretch of quiet, and of the attack and its control.
    pub(crate) quiet: usize,
    pub(crate) fight: usize,
}

/// The server, its good client, and who looks on.
pub(crate) struct Fight<'a> {
    attack: &'a Attack,
    backend: Backend,
    extent: Extent,
    server: PartProcess,
    client: PartProcess,
    bound: Bound,
    watch: Watch,
    /// For attackers and newcomers that are sockets of ringmq.
    context: Context,
    faults: Vec<String>,
}

impl<'a> Fight<'a> {
    /// Starts both, and waits until messages flow.
    pub(crate) fn start(
        attack: &'a Attack,
        backend: Backend,
        extent: Extent,
        endpoint: String,
    ) -> Result<Self, AttackError> {
        let Attack { shape, guard, descriptors, .. } = *attack;
        let options = attack.options.iter().map(|&option| option.to_owned()).collect();
        let plan = ServerPlan { shape, guard, endpoint, backend, options, descriptors };
        let (server, bound) = PartProcess::start::<Bound>(&Part::Server(plan))?;
        let plan = ClientPlan { shape, guard, bound: bound.clone(), backend };
        let (client, _) = PartProcess::start::<bool>(&Part::Client(plan))?;
        let watch = Watch::of(bound.process);
        let context = Context::builder().backend(backend.into()).build()?;
        let faults = Vec::new();
        let mut fight =
            Self { attack, backend, extent, server, client, bound, watch, context, faults };
        fight.until("messages of the good client flow", |fight| Ok(fight.count()? > WARM))?;
        // What a handshake needs once is there.
        newcomer::visit(attack, &fight.bound.endpoint, &fight.context, &mut fight.server)?;
        Ok(fight)
    }

    /// Fights all rounds, and tells what was seen.
    pub(crate) fn run(mut self) -> Result<Outcome, AttackError> {
        let began = Instant::now();
        let before = self.moment()?;
        let _: bool = self.server.ask("mark")?;
        self.watch.mark();
        let mut speeds = Vec::new();
        for _ in 0..self.extent.rounds {
            speeds.push(self.round(&before)?);
        }
        // What waited at the listener when the attackers went is accepted, and found to be over, a little later.
        let after = self.settle(&before)?;
        if self.attack.newcomer == Newcomer::Afterwards {
            newcomer::visit(self.attack, &self.bound.endpoint, &self.context, &mut self.server)?;
        }
        self.count_all()?;
        let measured = Measured { before, after, most: self.watch.seen(), speeds };
        // Both end as they would after any other day.
        self.client.leave()?;
        self.server.leave()?;
        Ok(Outcome::new(self.attack, self.backend, measured, self.faults, began.elapsed()))
    }

    fn round(&mut self, before: &Moment) -> Result<Speed, AttackError> {
        let Extent { quiet, fight, .. } = self.extent;
        let mut speed = Speed::default();
        self.windows(quiet, &mut speed.before)?;
        let share = self.under_attack(before, &mut speed.during)?;
        self.settle(before)?;
        self.windows(quiet, &mut speed.after)?;
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| burn(share, &over));
            let measured = self.windows(fight, &mut speed.control);
            over.store(true, Ordering::Release);
            measured
        })?;
        speed.share = share;
        Ok(speed)
    }

    /// Measures while the attack goes on; the share of a core that it took.
    fn under_attack(&mut self, before: &Moment, speeds: &mut Vec<f64>) -> Result<f64, AttackError> {
        let field = Field::new(&self.bound.endpoint, &self.context);
        let act = self.attack.act;
        let _: bool = self.server.ask("hang")?;
        let (share, fought) = thread::scope(|scope| {
            let attacker = scope.spawn(|| act(&field));
            let end = Instant::now() + PATIENCE;
            let mut measured = Ok(());
            let mut share = 0.0;
            let mut is_enough = false;
            while measured.is_ok() && !is_enough && !attacker.is_finished() && Instant::now() < end
            {
                measured = self.windows(1, speeds);
                share = field.budget.taken();
                is_enough = speeds.len() >= self.extent.fight
                    && field.in_place.load(Ordering::Acquire)
                    && self.has_seen_all(before)?;
            }
            if measured.is_ok() && self.attack.newcomer == Newcomer::Meanwhile {
                measured =
                    newcomer::visit(self.attack, &field.endpoint, &self.context, &mut self.server);
            }
            field.over.store(true, Ordering::Release);
            let fought = attacker.join().unwrap_or_else(|_| {
                Err(AttackError::Unexpected("the attacker has panicked".to_owned()))
            });
            measured.map(|()| (share, fought))
        })?;
        let _: bool = self.server.ask("free")?;
        if let Err(error) = fought {
            self.faults.push(format!("the attack: {error}"));
        }
        Ok(share)
    }

    /// Whether the server has told of all that the attack has to lead to. What is missing in the end is a fault.
    fn has_seen_all(&mut self, before: &Moment) -> Result<bool, AttackError> {
        if self.attack.expects.is_empty() {
            return Ok(true);
        }
        let now = self.status()?;
        Ok(Outcome::missing(self.attack, &before.status, &now).is_empty())
    }

    /// Waits until the server has got rid of what it had of the attack; says if it does not.
    fn settle(&mut self, before: &Moment) -> Result<Moment, AttackError> {
        let end = Instant::now() + PATIENCE;
        loop {
            let now = self.moment()?;
            if Outcome::has_settled(before, &now) || Instant::now() > end {
                return Ok(now);
            }
            thread::sleep(GLANCE);
        }
    }

    /// Has the good client go on for a while, stops it, and waits until all that it has sent is there.
    fn count_all(&mut self) -> Result<(), AttackError> {
        let more = self.count()? + WARM;
        let goes_on = self.until("the good client gets on", |fight| Ok(fight.count()? > more));
        if let Err(error) = goes_on {
            self.faults.push(error.to_string());
        }
        let mut client: ClientStatus = self.client.ask("stop")?;
        let end = Instant::now() + PATIENCE;
        loop {
            // One message may have been under way when it was stopped.
            client = self.client.ask("status").unwrap_or(client);
            let arrived = match self.attack.shape {
                Shape::Pull => self.status()?.good,
                Shape::Router => client.received,
                // Each message is looked for by its number.
                Shape::Publisher => client.sent,
            };
            if arrived == client.sent {
                break;
            }
            if Instant::now() > end {
                let text = format!("of {} messages of the good client {arrived} came", client.sent);
                self.faults.push(text);
                break;
            }
            thread::sleep(GLANCE);
        }
        self.faults.append(&mut client.faults);
        Ok(())
    }

    /// Measures so many windows, in messages a second.
    fn windows(&mut self, count: usize, into: &mut Vec<f64>) -> Result<(), AttackError> {
        for _ in 0..count {
            let (before, began) = (self.count()?, Instant::now());
            thread::sleep(self.extent.window);
            let messages = self.count()?.saturating_sub(before);
            into.push(messages as f64 / began.elapsed().as_secs_f64());
            self.watch.look();
        }
        Ok(())
    }

    /// Messages of the good client that have arrived.
    fn count(&mut self) -> Result<u64, AttackError> {
        match self.attack.shape {
            Shape::Pull => self.server.ask("count"),
            Shape::Router | Shape::Publisher => self.client.ask("count"),
        }
    }

    fn status(&mut self) -> Result<ServerStatus, AttackError> {
        self.server.ask("status")
    }

    fn moment(&mut self) -> Result<Moment, AttackError> {
        Ok(Moment { status: self.status()?, held: self.watch.now() })
    }

    fn until(
        &mut self,
        what: &str,
        mut so: impl FnMut(&mut Self) -> Result<bool, AttackError>,
    ) -> Result<(), AttackError> {
        let end = Instant::now() + PATIENCE;
        while !so(self)? {
            if Instant::now() > end {
                return Err(AttackError::Broken(format!("not after {PATIENCE:?}: {what}")));
            }
            thread::sleep(GLANCE);
        }
        Ok(())
    }
}

/// Takes that share of a core, for nothing.
fn burn(share: f64, over: &AtomicBool) {
    if share <= 0.0 {
        return;
    }
    let budget = Budget::new(share);
    while !over.load(Ordering::Acquire) {
        let end = cpu_time() + BURN;
        while cpu_time() < end {
            std::hint::spin_loop();
        }
        budget.keep();
    }
}
