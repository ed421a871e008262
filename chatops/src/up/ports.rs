//! Whether the addresses we need are free, and who sits on them when not.

use std::{
    fs, io,
    net::{SocketAddr, TcpListener},
};

use crate::{
    config,
    trouble::{Code, Trouble, plain},
};

/// Binds for good: the listener is kept, so nobody can come in between.
pub(super) fn bind(address: SocketAddr, path: &str, what: &str) -> Result<TcpListener, Trouble> {
    TcpListener::bind(address).map_err(|error| refused(address, path, what, &error))
}

/// Binds and lets go, for an address that a child is about to take.
pub(super) fn check(address: SocketAddr, path: &str, what: &str) -> Result<(), Trouble> {
    bind(address, path, what).map(drop)
}

fn refused(address: SocketAddr, path: &str, what: &str, error: &io::Error) -> Trouble {
    let variable = config::variable(path);
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            let by = occupant(address.port())
                .map(|who| format!(" by {who}"))
                .unwrap_or_default();
            Trouble::new(
                Code::PortTaken,
                format!(
                    "port {} of {}, needed for {what}, is taken{by}",
                    address.port(),
                    address.ip()
                ),
                format!(
                    "stop that program, or choose another port: --set {path}={}:PORT or {variable}",
                    address.ip()
                ),
            )
        }
        io::ErrorKind::PermissionDenied => Trouble::new(
            Code::PortTaken,
            format!(
                "this user may not listen on port {} (needed for {what})",
                address.port()
            ),
            format!(
                "choose a port above 1023: --set {path}={}:PORT or {variable}",
                address.ip()
            ),
        ),
        _ => Trouble::new(
            Code::Settings,
            format!(
                "cannot listen on {address} (needed for {what}): {}",
                plain(error)
            ),
            format!("correct {path} ({variable}): it must be an address of this machine"),
        ),
    }
}

/// Name and process id of whoever listens on a port, as far as this user may see.
fn occupant(port: u16) -> Option<String> {
    let inode = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .find_map(|table| listening_inode(&table, port))?;
    let wanted = format!("socket:[{inode}]");
    for process in fs::read_dir("/proc").ok()?.flatten() {
        if !process
            .file_name()
            .as_encoded_bytes()
            .iter()
            .all(u8::is_ascii_digit)
        {
            continue;
        }
        let Ok(descriptors) = fs::read_dir(process.path().join("fd")) else {
            continue;
        };
        if descriptors.flatten().any(|fd| {
            fs::read_link(fd.path()).is_ok_and(|link| link.as_os_str() == wanted.as_str())
        }) {
            let name = fs::read_to_string(process.path().join("comm")).ok()?;
            return Some(format!(
                "`{}` (process {})",
                name.trim(),
                process.file_name().display()
            ));
        }
    }
    None
}

/// From a table of /proc/net: the inode of the socket in state LISTEN (0A) on the port.
fn listening_inode(table: &str, port: u16) -> Option<u64> {
    table.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let local = u16::from_str_radix(fields.get(1)?.rsplit(':').next()?, 16).ok()?;
        (local == port && *fields.get(3)? == "0A").then(|| fields.get(9)?.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_names_its_holder_and_the_setting() {
        let held = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = held.local_addr().unwrap();
        let trouble = check(address, "nats.listen", "the agents").unwrap_err();
        assert_eq!(trouble.code(), Code::PortTaken);
        assert!(
            trouble
                .to_string()
                .contains(&format!("process {}", std::process::id())),
            "{trouble}"
        );
        assert!(
            trouble.remedy().contains("CHATOPS_NATS_LISTEN"),
            "{}",
            trouble.remedy()
        );
    }

    #[test]
    fn an_address_of_another_machine_is_a_wrong_setting() {
        let trouble = check(
            "192.0.2.1:4222".parse().unwrap(),
            "nats.listen",
            "the agents",
        )
        .unwrap_err();
        assert_eq!(trouble.code(), Code::Settings);
    }
}
