//! DEALER: sends to all peers in turn, receives from all (RFC 28).

use super::{Pattern, Setting, probe};
use crate::Message;
use crate::error::Error;
use crate::inner::pipes::Pipes;
use crate::routing::fair_queue::FairQueue;
use crate::routing::load_balancer::LoadBalancer;
use crate::socket::payload::Outgoing;

#[derive(Default)]
pub(crate) struct Dealer {
    out: LoadBalancer,
    queue: FairQueue,
    probe: bool,
}

impl Pattern for Dealer {
    fn attach(&mut self, pipes: &mut Pipes, key: usize) {
        if self.probe {
            probe(pipes, key);
        }
        self.out.activate(key);
    }

    fn detach(&mut self, _: &mut Pipes, key: usize) {
        self.out.remove(key);
        self.queue.remove(key);
    }

    fn readable(&mut self, _: &mut Pipes, key: usize) {
        self.queue.activate(key);
    }

    fn writable(&mut self, _: &mut Pipes, key: usize) {
        self.out.activate(key);
    }

    #[inline]
    fn send(&mut self, pipes: &mut Pipes, frame: &mut Outgoing<'_>) -> Result<(), Error> {
        self.out.send(pipes, frame).map(drop)
    }

    #[inline]
    fn recv(&mut self, pipes: &mut Pipes, into: &mut Message) -> Result<(), Error> {
        self.queue.recv_into(pipes, into).map(drop).ok_or(Error::WouldBlock)
    }

    fn sole_output(&self) -> Option<usize> {
        self.out.only()
    }

    fn sole_input(&self, _: &Pipes) -> Option<usize> {
        self.queue.only()
    }

    fn can_send(&mut self, pipes: &mut Pipes) -> bool {
        self.out.ready(pipes)
    }

    fn can_recv(&mut self, pipes: &mut Pipes) -> bool {
        self.queue.ready(pipes)
    }

    fn settle(&mut self, pipes: &mut Pipes) -> bool {
        self.queue.settle(pipes)
    }

    fn take_ended(&mut self) -> Option<usize> {
        self.queue.take_ended()
    }

    fn set(&mut self, _: &mut Pipes, setting: Setting<'_>) -> Result<bool, Error> {
        match setting {
            Setting::ProbeRouter(on) => self.probe = on,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn settings(&self) -> Vec<Setting<'_>> {
        vec![Setting::ProbeRouter(self.probe)]
    }
}
