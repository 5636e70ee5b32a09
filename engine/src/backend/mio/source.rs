//! How a descriptor is made known to the poll: the one part of this backend that systems differ in.

use ::mio::{Interest, Registry, Token};
use socket2::Socket;
use std::io;

pub(super) use system::Source;

/// By number. What the poll tells of a descriptor that stays known is told again whenever it becomes true
/// anew.
#[cfg(unix)]
mod system {
    use super::{Interest, Registry, Socket, Token, io};
    use ::mio::unix::SourceFd;
    use std::os::fd::AsRawFd;

    /// Whether the poll knows of a descriptor.
    #[derive(Default)]
    pub(in super::super) struct Source {
        known: bool,
    }

    impl Source {
        /// Whether news end what was asked for, so that it has to be asked for again.
        pub(in super::super) const ONCE: bool = false;

        /// Has the poll tell of what is `wanted`, and only of that.
        pub(in super::super) fn arrange(
            &mut self,
            registry: &Registry,
            token: Token,
            socket: &Socket,
            wanted: Interest,
        ) -> io::Result<()> {
            let fd = socket.as_raw_fd();
            if self.known {
                return registry.reregister(&mut SourceFd(&fd), token, wanted);
            }
            registry.register(&mut SourceFd(&fd), token, wanted)?;
            self.known = true;
            Ok(())
        }

        /// Has the poll forget it; whether it knew of it.
        pub(in super::super) fn forget(&mut self, registry: &Registry, socket: &Socket) -> bool {
            let known = std::mem::take(&mut self.known);
            if known {
                // Nothing to be done about a failure: the descriptor is closed soon anyway.
                let _ = registry.deregister(&mut SourceFd(&socket.as_raw_fd()));
            }
            known
        }
    }
}

/// As a stream of mio's, which keeps what Windows needs to know. The system is asked about each readiness
/// once, and says so whether it comes or is there already; mio's own calls would ask again after each that
/// would have blocked. Here others call the system too, so it is asked for what is wanted after each news.
#[cfg(windows)]
#[allow(unsafe_code)]
mod system {
    use super::{Interest, Registry, Socket, Token, io};
    use ::mio::net::TcpStream;
    use std::os::windows::io::{AsRawSocket, FromRawSocket, IntoRawSocket};

    /// A second name for the descriptor, while the poll knows of it. It is a stream of mio's whatever it
    /// really is: no call is made on it.
    #[derive(Default)]
    pub(in super::super) struct Source(Option<TcpStream>);

    impl Source {
        /// Whether news end what was asked for, so that it has to be asked for again.
        pub(in super::super) const ONCE: bool = true;

        /// Has the poll tell of what is `wanted`, and only of that.
        pub(in super::super) fn arrange(
            &mut self,
            registry: &Registry,
            token: Token,
            socket: &Socket,
            wanted: Interest,
        ) -> io::Result<()> {
            if let Some(stream) = &mut self.0 {
                return registry.reregister(stream, token, wanted);
            }
            // SAFETY: it is a socket. Both names are with the same connection, which keeps the descriptor
            // open for longer, and `part` sees to it that this name does not close it.
            let mut stream = unsafe { TcpStream::from_raw_socket(socket.as_raw_socket()) };
            let registered = registry.register(&mut stream, token, wanted);
            match registered {
                Ok(()) => self.0 = Some(stream),
                Err(_) => part(stream),
            }
            registered
        }

        /// Has the poll forget it; whether it knew of it.
        pub(in super::super) fn forget(&mut self, registry: &Registry, _: &Socket) -> bool {
            let Some(mut stream) = self.0.take() else { return false };
            // Nothing to be done about a failure: the descriptor is closed soon anyway.
            let _ = registry.deregister(&mut stream);
            part(stream);
            true
        }
    }

    impl Drop for Source {
        fn drop(&mut self) {
            self.0.take().into_iter().for_each(part);
        }
    }

    /// Lets go of the name and leaves the socket open.
    fn part(stream: TcpStream) {
        let _ = stream.into_raw_socket();
    }
}
