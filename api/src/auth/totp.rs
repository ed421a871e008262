//! Codes of authenticator apps: RFC 6238 with SHA-1, six digits, half a minute — what every app understands.
//!
//! Pure: the time is an argument. That a code works once is the vault's business, which remembers the newest step used.

use chatops_schemas::clock::Timestamp;
use data_encoding::BASE32_NOPAD;
use ring::hmac;
use subtle::ConstantTimeEq;

/// Bytes of a seed: as many as the hash has.
pub const SEED: usize = 20;
const STEP_S: i64 = 30;
/// A clock may be off by so many steps.
const DRIFT: i64 = 1;

/// The step whose code this is, now or a step away; spaces do not count.
pub fn step_of(seed: &[u8], code: &str, now: Timestamp) -> Option<u64> {
    let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    let step = now.millis().div_euclid(1000).div_euclid(STEP_S);
    let mut found = None;
    // All of them, always: how long it takes tells nothing.
    for step in step - DRIFT..=step + DRIFT {
        let Ok(step) = u64::try_from(step) else {
            continue;
        };
        if bool::from(code_at(seed, step).as_bytes().ct_eq(code.as_bytes())) {
            found = Some(step);
        }
    }
    found
}

fn code_at(seed: &[u8], step: u64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, seed);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let offset = usize::from(tag.last().copied().unwrap_or(0) & 0xf);
    let word = tag
        .iter()
        .skip(offset)
        .take(4)
        .fold(0_u32, |word, byte| (word << 8) | u32::from(*byte));
    format!("{:06}", (word & 0x7fff_ffff) % 1_000_000)
}

/// The seed as people type it into an app.
pub fn text(seed: &[u8]) -> String {
    BASE32_NOPAD.encode(seed)
}

/// What an app reads from a QR code.
pub fn uri(seed: &[u8], host: &str, username: &str) -> String {
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("secret", &text(seed))
        .append_pair("issuer", &format!("ChatOps {host}"))
        .finish()
        .replace('+', "%20");
    let label: String =
        form_urlencoded::byte_serialize(format!("ChatOps {host}:{username}").as_bytes()).collect();
    format!("otpauth://totp/{}?{query}", label.replace('+', "%20"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The last six digits of the examples in appendix B of RFC 6238.
    #[test]
    fn codes_are_those_of_the_standard() {
        for (seconds, code) in [
            (59_i64, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let now = Timestamp::from_millis(seconds * 1000);
            let step = u64::try_from(seconds / 30).unwrap();
            assert_eq!(step_of(b"12345678901234567890", code, now), Some(step));
        }
    }

    #[test]
    fn a_code_is_good_for_a_step_before_and_after() {
        let seed = b"12345678901234567890";
        let at = |seconds: i64| Timestamp::from_millis(seconds * 1000);
        let code = code_at(seed, 100);
        for (seconds, good) in [
            (2969, false),
            (2970, true),
            (3000, true),
            (3059, true),
            (3060, false),
        ] {
            assert_eq!(
                step_of(seed, &code, at(seconds)),
                good.then_some(100),
                "{seconds}"
            );
        }
        let spaced = format!(" {} {}", &code[..3], &code[3..]);
        assert_eq!(step_of(seed, &spaced, at(3000)), Some(100));
        for wrong in ["", "1", "1234567", "abcdef", "12345\u{0}"] {
            assert_eq!(step_of(seed, wrong, at(3000)), None, "{wrong}");
        }
    }

    #[test]
    fn an_app_can_read_the_address() {
        assert_eq!(
            uri(b"12345678901234567890", "ops.example", "ada"),
            "otpauth://totp/ChatOps%20ops.example%3Aada?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=ChatOps%20ops.example"
        );
    }
}
