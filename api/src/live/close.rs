//! Why a socket is closed, in words that programs read.

use axum::extract::ws::CloseFrame;

/// A close code of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Close {
    /// A frame that is not one of ours.
    BadFrame,
    /// No valid token, or it ended: sign in or renew, then connect again.
    Unauthenticated,
    /// Not from our own pages, or not allowed.
    Forbidden,
    /// The same person goes on with this session elsewhere.
    TakenOver,
    /// The session is over; there is nothing to come back to.
    Over,
    /// The client does not take what it asked for, or has gone silent.
    TooSlow,
    /// We stop; connect again in a moment.
    GoingAway,
    /// We cannot serve now; connect again in a moment.
    TryLater,
}

impl Close {
    const fn code_and_reason(self) -> (u16, &'static str) {
        match self {
            Self::BadFrame => (4400, "bad frame"),
            Self::Unauthenticated => (4401, "not signed in"),
            Self::Forbidden => (4403, "forbidden"),
            Self::TakenOver => (4409, "taken over"),
            Self::Over => (1000, "over"),
            Self::TooSlow => (4408, "too slow"),
            Self::GoingAway => (1001, "server stops"),
            Self::TryLater => (1013, "try again later"),
        }
    }

    /// The number.
    pub const fn code(self) -> u16 {
        self.code_and_reason().0
    }

    /// As it goes over the wire.
    pub fn frame(self) -> CloseFrame {
        let (code, reason) = self.code_and_reason();
        CloseFrame {
            code,
            reason: reason.into(),
        }
    }
}
