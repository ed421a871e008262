//! One direction of one proxied connection.

use std::{collections::VecDeque, io, time::Duration};

use tokio::{
    net::TcpStream,
    sync::watch,
    time::{Instant, sleep_until},
};

use super::Weather;

const PIECE: usize = 16 * 1024;
/// Bytes under way at most; beyond it the sender feels back-pressure, as on a real line.
const IN_FLIGHT: usize = 1024 * 1024;

/// Moves bytes until the sender closes, and passes the close on; an error when either side fails.
pub(super) async fn pump(
    from: &TcpStream,
    to: &TcpStream,
    mut weather: watch::Receiver<Weather>,
) -> io::Result<()> {
    let mut line: VecDeque<(Instant, Vec<u8>)> = VecDeque::new();
    let mut under_way = 0;
    let mut open = true;
    while open || !line.is_empty() {
        let Weather { delay, stalled, .. } = *weather.borrow_and_update();
        let due = line.front().map(|(due, _)| *due);
        tokio::select! {
            changed = weather.changed() => changed.map_err(io::Error::other)?,
            piece = read(from), if open && !stalled && under_way < IN_FLIGHT => {
                let piece = piece?;
                open = !piece.is_empty();
                under_way += piece.len();
                line.push_back((Instant::now() + delay, piece));
            }
            () = sleep_until(due.unwrap_or_else(far)), if due.is_some() && !stalled => {
                let Some((_, piece)) = line.pop_front() else { continue };
                under_way -= piece.len();
                write(to, &piece).await?;
            }
        }
    }
    Ok(rustix::net::shutdown(to, rustix::net::Shutdown::Write)?)
}

async fn read(from: &TcpStream) -> io::Result<Vec<u8>> {
    loop {
        from.readable().await?;
        let mut piece = vec![0; PIECE];
        match from.try_read(&mut piece) {
            Ok(length) => {
                piece.truncate(length);
                return Ok(piece);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

async fn write(to: &TcpStream, mut piece: &[u8]) -> io::Result<()> {
    while !piece.is_empty() {
        to.writable().await?;
        match to.try_write(piece) {
            Ok(length) => piece = &piece[length..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn far() -> Instant {
    Instant::now() + Duration::from_secs(3600)
}
