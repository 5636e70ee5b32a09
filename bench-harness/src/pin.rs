//! Which thread goes on which core.
//!
//! Two threads that talk to each other want a core each, and not two halves of the same one. I/O
//! threads get cores of their own where there are enough; otherwise each shares the core of the side
//! that it serves, where the data are warm.

use std::fs;

use anyhow::{Result, bail};

use crate::job::Cores;

/// What `--pin` asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pin {
    /// Two to four cores of the machine's, if it has two.
    Auto,
    /// Leave everything to the scheduler.
    Off,
    /// These: connecting thread, binding thread, and then their I/O threads.
    Cores(Vec<usize>),
}

impl std::str::FromStr for Pin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Pin::Auto),
            "off" => Ok(Pin::Off),
            list => {
                let cores: Result<Vec<usize>, _> = list.split(',').map(str::parse).collect();
                match cores {
                    Ok(cores) if (2..=4).contains(&cores.len()) => Ok(Pin::Cores(cores)),
                    _ => Err("give auto, off, or two to four core numbers like 0,1 or 0,1,2,3: \
                              the sending thread, the receiving thread, and then their I/O threads"
                        .to_owned()),
                }
            }
        }
    }
}

impl Pin {
    /// Chooses the cores on this machine.
    pub fn cores(&self) -> Result<Cores> {
        let here: Vec<usize> =
            core_affinity::get_core_ids().unwrap_or_default().iter().map(|core| core.id).collect();
        match self {
            Pin::Off => Ok(Cores::default()),
            Pin::Auto => Ok(spread(&one_a_core(&here))),
            Pin::Cores(cores) => {
                if let Some(missing) = cores.iter().find(|core| !here.contains(core)) {
                    bail!("--pin: this process may not run on core {missing}, only on {here:?}");
                }
                Ok(spread(cores))
            }
        }
    }
}

/// Hands cores out; with a single one there is nothing to pin.
fn spread(cores: &[usize]) -> Cores {
    match *cores {
        [connect, bind] | [connect, bind, _] => Cores {
            connect: Some(connect),
            bind: Some(bind),
            connect_io: Some(connect),
            bind_io: Some(bind),
        },
        [connect, bind, connect_io, bind_io, ..] => Cores {
            connect: Some(connect),
            bind: Some(bind),
            connect_io: Some(connect_io),
            bind_io: Some(bind_io),
        },
        [] | [_] => Cores::default(),
    }
}

/// Leaves out cores that are a second half of one already listed.
fn one_a_core(cores: &[usize]) -> Vec<usize> {
    let mut seen = Vec::new();
    cores
        .iter()
        .copied()
        .filter(|core| {
            let Some(siblings) = siblings(*core) else {
                return true;
            };
            let new = !seen.contains(&siblings);
            seen.push(siblings);
            new
        })
        .collect()
}

/// The list of hardware threads that share a core with this one, where the system tells.
fn siblings(core: usize) -> Option<String> {
    let path = format!("/sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list");
    fs::read_to_string(path).ok()
}

/// Keeps the calling thread on a core; an operating system that refuses leaves it where it is.
pub fn pin_current(core: Option<usize>) {
    if let Some(id) = core {
        core_affinity::set_for_current(core_affinity::CoreId { id });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn pins_are_read() {
        assert_eq!("auto".parse(), Ok(Pin::Auto));
        assert_eq!("2,3".parse(), Ok(Pin::Cores(vec![2, 3])));
        assert!("1".parse::<Pin>().unwrap_err().contains("0,1"));
        assert!("a,b".parse::<Pin>().is_err());
    }

    #[test]
    fn io_threads_share_a_core_only_when_cores_are_few() {
        let few = spread(&[0, 1]);
        assert_eq!((few.connect, few.connect_io, few.bind_io), (Some(0), Some(0), Some(1)));
        let many = spread(&[0, 1, 2, 3, 4]);
        assert_eq!((many.bind, many.connect_io, many.bind_io), (Some(1), Some(2), Some(3)));
        assert_eq!(spread(&[0]), Cores::default());
    }
}
