//! Addresses of datagrams as the system writes them: the source as a name, the destination as
//! control data.
#![allow(unsafe_code)]

use socket2::{SockAddr, SockAddrStorage, Socket};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Bytes of a source: the longest address of IP.
pub(in crate::backend) const NAME: usize = size_of::<libc::sockaddr_in6>();
/// Bytes of control data: one destination, and the segment of a run. What does not fit is left out by
/// the system.
pub(in crate::backend) const CONTROL: usize = 64;

/// Control data, which begins where its header may stand.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub(in crate::backend) struct Control(pub(in crate::backend) [u8; CONTROL]);

const _: () = {
    assert!(align_of::<Control>() >= align_of::<libc::cmsghdr>());
    // SAFETY: this is arithmetic.
    let space = unsafe { libc::CMSG_SPACE(size_of::<libc::in6_pktinfo>() as libc::c_uint) };
    assert!(space as usize <= CONTROL);
};

/// The address in a name that the system has written; `None` if it is not one of IP.
pub(in crate::backend) fn source(name: &[u8]) -> Option<SocketAddr> {
    let mut storage = SockAddrStorage::zeroed();
    let len = name.len().min(NAME).min(storage.size_of() as usize);
    // SAFETY: no more bytes than there are on either side; of whatever value they are, they are an
    // address.
    unsafe { std::ptr::copy_nonoverlapping(name.as_ptr(), (&raw mut storage).cast(), len) };
    // SAFETY: so many bytes are the system's, and zeroes follow.
    unsafe { SockAddr::new(storage, len as socket2::socklen_t) }.as_socket()
}

/// The destination in control data that the system has written, if it is there.
pub(in crate::backend) fn destination(control: &[u8]) -> Option<IpAddr> {
    find_control(control, parse)
}

/// What `read` makes of the first message in control data of which it makes something: it is given
/// the level, the type and the content of each.
pub(super) fn find_control<T>(
    control: &[u8],
    read: impl Fn(libc::c_int, libc::c_int, &[u8]) -> Option<T>,
) -> Option<T> {
    let mut copy = Control([0; CONTROL]);
    let len = control.len().min(CONTROL);
    copy.0[..len].copy_from_slice(&control[..len]);
    // SAFETY: a msghdr of zeroes is valid: no name, no vector, no control data.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_control = (&raw mut copy).cast();
    header.msg_controllen = len as _;
    // SAFETY: the header describes control data that is aligned and stays where it is.
    let mut next = unsafe { libc::CMSG_FIRSTHDR(&raw const header) };
    // SAFETY: it is null, or a header lies there within the control data.
    while let Some(message) = unsafe { next.as_ref() } {
        let start = next as usize - (&raw const copy) as usize;
        let claimed: usize = message.cmsg_len as _;
        let end = start.saturating_add(claimed).min(len);
        // SAFETY: this is arithmetic.
        let from = unsafe { libc::CMSG_DATA(next) } as usize - (&raw const copy) as usize;
        let content = copy.0.get(from..end).unwrap_or_default();
        if let Some(found) = read(message.cmsg_level, message.cmsg_type, content) {
            return Some(found);
        }
        // SAFETY: as for the first.
        next = unsafe { libc::CMSG_NXTHDR(&raw const header, next) };
    }
    None
}

/// The address in one message of the control data.
fn parse(level: libc::c_int, kind: libc::c_int, data: &[u8]) -> Option<IpAddr> {
    match (level, kind) {
        (libc::IPPROTO_IP, kind) if kind == v4::TOLD => {
            let bytes: [u8; 4] = *data.get(v4::AT..)?.first_chunk()?;
            Some(Ipv4Addr::from(bytes).into())
        }
        (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
            let at = std::mem::offset_of!(libc::in6_pktinfo, ipi6_addr);
            let bytes: [u8; 16] = *data.get(at..)?.first_chunk()?;
            Some(Ipv6Addr::from(bytes).into())
        }
        _ => None,
    }
}

/// How the destination of IPv4 is asked for and told, and where in what is told it stands.
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
mod v4 {
    pub(super) const ASKED: libc::c_int = libc::IP_PKTINFO;
    pub(super) const TOLD: libc::c_int = libc::IP_PKTINFO;
    pub(super) const AT: usize = std::mem::offset_of!(libc::in_pktinfo, ipi_addr);
}

/// The same on the systems of the BSD family: the address alone.
#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
mod v4 {
    pub(super) const ASKED: libc::c_int = libc::IP_RECVDSTADDR;
    pub(super) const TOLD: libc::c_int = libc::IP_RECVDSTADDR;
    pub(super) const AT: usize = 0;
}

/// Has the system tell, with each datagram that `socket` receives, which address it was sent to:
/// before it is received from. Nothing is told otherwise.
///
/// # Errors
/// [`io::ErrorKind::Unsupported`] on Windows, where a datagram's destination stays `None`; or those
/// of the system.
pub fn report_destination(socket: &Socket) -> io::Result<()> {
    use std::os::fd::AsRawFd;

    let (level, option) = match socket.local_addr()?.is_ipv6() {
        true => (libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO),
        false => (libc::IPPROTO_IP, v4::ASKED),
    };
    let on: libc::c_int = 1;
    let len = size_of_val(&on) as libc::socklen_t;
    // SAFETY: the system reads one integer.
    match unsafe {
        libc::setsockopt(socket.as_raw_fd(), level, option, (&raw const on).cast(), len)
    } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Control data with one message of this content.
    fn control(level: i32, kind: i32, content: &[u8]) -> Vec<u8> {
        // SAFETY: this is arithmetic.
        let (from, len) = unsafe { (libc::CMSG_LEN(0), libc::CMSG_LEN(content.len() as u32)) };
        // SAFETY: a header of zeroes is valid.
        let mut header: libc::cmsghdr = unsafe { std::mem::zeroed() };
        header.cmsg_len = len as _;
        header.cmsg_level = level;
        header.cmsg_type = kind;
        let mut control = vec![0; len as usize];
        // SAFETY: there is room for a header.
        unsafe { control.as_mut_ptr().cast::<libc::cmsghdr>().write_unaligned(header) };
        control[from as usize..].copy_from_slice(content);
        control
    }

    #[test]
    fn a_destination_is_found_and_nothing_else_is_one() {
        let mut content = [0; size_of::<libc::in6_pktinfo>()];
        content[..16].copy_from_slice(&Ipv6Addr::LOCALHOST.octets());
        let whole = control(libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, &content);
        assert_eq!(destination(&whole), Some(Ipv6Addr::LOCALHOST.into()));
        let mut v4_content = [0; 16];
        v4_content[v4::AT..][..4].copy_from_slice(&[127, 0, 0, 2]);
        let v4 = control(libc::IPPROTO_IP, v4::TOLD, &v4_content);
        assert_eq!(destination(&v4), Some(Ipv4Addr::new(127, 0, 0, 2).into()));
        let other = control(libc::SOL_SOCKET, libc::SCM_RIGHTS, &content);
        assert_eq!(destination(&other), None);
    }

    /// However it is cut, and whatever length it claims.
    #[test]
    fn control_data_that_is_cut_is_no_destination() {
        let whole = control(libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, &[1; 20]);
        let header = whole.len() - 20;
        for len in 0..header + 16 {
            assert_eq!(destination(&whole[..len]), None, "{len}");
        }
        for claim in [0, 1, header, header + 15] {
            let mut lie = whole.clone();
            lie[..size_of::<usize>()].copy_from_slice(&claim.to_ne_bytes());
            assert_eq!(destination(&lie), None, "{claim}");
        }
        assert!(destination(&whole).is_some());
    }

    #[test]
    fn a_source_is_an_address_of_ip() {
        for text in ["127.0.0.1:5555", "[::1]:5555"] {
            let address: SocketAddr = text.parse().unwrap();
            let raw = SockAddr::from(address);
            // SAFETY: so many bytes are the address.
            let name = unsafe {
                std::slice::from_raw_parts(raw.as_ptr().cast::<u8>(), raw.len() as usize)
            };
            assert_eq!(source(name), Some(address));
        }
        assert_eq!(source(&[]), None);
        assert_eq!(source(&[1; 2]), None);
    }
}
