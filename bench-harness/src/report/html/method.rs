//! What a reader has to know to believe the figures.

use maud::{Markup, html};

use super::super::Report;

/// How questions on a schedule are asked.
pub(super) fn schedule() -> Markup {
    html! {
        p {
            "Questions were sent at a fixed rate, whatever had been answered, and each is timed from \
             when it was due: a stall counts in every question that it held up, where a ping-pong \
             would have seen it once (coordinated omission)."
        }
    }
}

/// The rules that every measurement followed.
pub(super) fn rules(report: &Report) -> Markup {
    let rounds = report.measured.iter().map(|row| row.rounds.len()).max().unwrap_or(0);
    html! {
        ul {
            li {
                (rounds) " rounds. In each, the cases of one transport and size ran one right after the \
                 other, in fresh processes (inproc: two threads of a fresh process), after a warm-up on \
                 the same connection. Figures are medians of the rounds; +/- is half the distance \
                 between the best and the worst of them; percentiles are those of all round trips \
                 together, and are left out where fewer were made than would tell."
            }
            li {
                "Ratios to the floor are medians of the ratios within each round. They are what to \
                 compare: the clock and the other work of a machine change from minute to minute, and \
                 change both."
            }
            li {
                "Throughput is timed by the receiver from the first message to the last. Every message \
                 carries its number and is checked for length, number and last byte, every 64th as a \
                 whole; a message lost, repeated, torn or out of order would have failed the run."
            }
            li {
                "CPU time is that of all threads of both ends, user and system, between two moments of \
                 rest before and after the measured phase: what the driver does for each message is in \
                 it, and the same for everybody. Seconds a million messages or round trips; medians of \
                 the rounds."
            }
            (floors())
            li {
                "Throughput by the size of the bodies was measured in one round: one body by reference, again and again, to a \
                 receiver that looks at its ends and drops it; the floor copies bodies below 4 KiB into \
                 batches and hands larger ones to the kernel where they lie. " code { "ringmq-bench curve" }
                " measures other ways too."
            }
            (encrypted())
            (asking())
            li {
                "ringmq ran with its default options (over 256 KiB: with lower high-water marks), one \
                 send and one recv of an owned message each. Bodies of 8 KiB and more were sent as \
                 counted references, smaller ones from a slice."
            }
        }
    }
}

fn floors() -> Markup {
    html! {
        li {
            "The floor of tcp and ipc: bare non-blocking sockets, both sides spinning; throughput \
             with frames of ZMTP's shape in batches of 64 KiB (bodies of 32 KiB and more: 256 KiB), \
             one write each; round trips of the \
             bare bytes. The blocking floor sleeps in the kernel instead. The floor of inproc: an \
             rtrb ring of 64-byte slots, published 64 at a time, whose slots carry a counted \
             reference to bodies of over 64 bytes; round trips are two counters on cache lines of \
             their own (blocking: condition variables), without a body."
        }
    }
}

fn encrypted() -> Markup {
    html! {
        li {
            "Under CURVE the end that binds is the server, both have fresh keys, and the floor is the bare \
             cipher: the boxes that CURVE asks for, made and opened by the library that ringmq uses, and \
             nothing that carries them. One thread seals and another one opens, each on its core (on one \
             core: one thread does both); a round trip is two boxes sealed and opened by one thread."
        }
    }
}

fn asking() -> Markup {
    html! {
        li {
            "On a schedule one thread sends what is due and looks for answers in between, without \
             waiting for any; the other side blocks in its receive (the spinning floor spins). At \
             most 500 questions, or 64 KiB of them, are without an answer; what is due beyond that \
             waits, and its time counts. The asking thread of ringmq yields its core between two \
             looks where its I/O thread is kept on the same one."
        }
        li {
            "After a pause: the asking thread sleeps before each question, for at least so long. Pauses \
             of 100 ms and more are measured for all at once, their questions at different times."
        }
        li {
            "Where ringmq spins for some time, each of its threads that waits does so first, every time, as \
             a program can ask for; elsewhere it decides that by itself."
        }
        li {
            "On a core a side: the application and the I/O thread of each side share a core, and the \
             sides have one each. On one core: all four threads. Only the blocking floor is beside \
             them, since two sides that spin on one core wait for the scheduler alone."
        }
    }
}
