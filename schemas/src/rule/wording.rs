//! Rules as people write them, in one line.
//!
//! ```text
//! wording  = ( any | fact ) [ "for" time ] [ "keep" time ]
//! fact     = "down" | "silent" | "agent" "outdated" | "container" name trouble
//! trouble  = "died" [ digits "times" "in" time ] | "out_of_memory" | "unhealthy"
//! any      = all { "or" all }
//! all      = term { "and" term }
//! term     = "(" any ")" | measure "changed" | measure operator number [ "clear" number ]
//! measure  = series | ( "avg" | "min" | "max" | "change" | "rate" | "full_in" ) "(" series "," time ")"
//! operator = ">" | ">=" | "<" | "<=" | "=" | "!="
//!            (behind full_in a number is a time)
//! number   = digits, then nothing or one of % k M G T Ki Mi Gi Ti
//! time     = digits, then one of ms s m h d; several may follow each other, as in 1h30m
//! ```
//!
//! A series is a name as in [`Measure`]; one with spaces or brackets is put in quotes. Examples: `cpu > 90 clear 80 for 5m`,
//! `fs:*:share >= 95% or fs:*:available < 1Gi`, `rate(net:eth*:rx_errors, 1m) > 0 and load1 > 8`, `uptime_s changed`.

use std::fmt;

use super::{Aggregate, Comparison, Condition, Fact, Measure, Threshold, Trouble, Window};

/// What a wording says.
#[derive(Debug, Clone, PartialEq)]
pub struct Wording {
    /// What has to be true.
    pub when: Condition,
    /// For how long, in milliseconds.
    pub for_ms: u64,
    /// How long an alert stays open afterwards, in milliseconds.
    pub keep_ms: u64,
}

/// Why a text is no wording.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem} (at character {at})")]
pub struct WordingError {
    /// Where, counted from 1.
    pub at: usize,
    /// What is wrong, and what was expected.
    pub problem: String,
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    /// A word in quotes: never a keyword.
    Quoted(String),
    Sign(&'static str),
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(word) | Self::Quoted(word) => write!(f, "{word:?}"),
            Self::Sign(sign) => write!(f, "{sign:?}"),
        }
    }
}

/// Longer ones first.
const SIGNS: [&str; 9] = [">=", "<=", "!=", ">", "<", "=", "(", ")", ","];
/// Deeper brackets are refused.
const DEEPEST: usize = 16;
const UNITS: [(&str, f64); 9] = [
    ("Ki", 1024.0),
    ("Mi", 1_048_576.0),
    ("Gi", 1_073_741_824.0),
    ("Ti", 1_099_511_627_776.0),
    ("k", 1e3),
    ("M", 1e6),
    ("G", 1e9),
    ("T", 1e12),
    ("%", 1.0),
];
/// Longest first when written.
const TIMES: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

struct Reader {
    tokens: Vec<(usize, Token)>,
    next: usize,
    end: usize,
}

impl Wording {
    /// Reads one.
    ///
    /// # Errors
    /// It does not follow the grammar; says where, and what was expected.
    pub fn parse(text: &str) -> Result<Self, WordingError> {
        let mut reader = Reader {
            tokens: tokens(text)?,
            next: 0,
            end: text.chars().count() + 1,
        };
        let when = match reader.fact()? {
            Some(fact) => Condition::Fact(fact),
            None => reader.any(0)?,
        };
        let for_ms = reader.time_after("for")?.unwrap_or_default();
        let keep_ms = reader.time_after("keep")?.unwrap_or_default();
        match reader.peek() {
            None => Ok(Self {
                when,
                for_ms,
                keep_ms,
            }),
            Some(token) => {
                let problem = format!(
                    "{token} does not belong here: \"and\", \"or\", \"for\", \"keep\" or the end was expected"
                );
                Err(reader.wrong(problem))
            }
        }
    }
}

fn tokens(text: &str) -> Result<Vec<(usize, Token)>, WordingError> {
    let mut tokens = Vec::new();
    let mut rest = text;
    loop {
        let at = text.chars().count() - rest.chars().count() + 1;
        rest = rest.trim_start();
        let Some(first) = rest.chars().next() else {
            return Ok(tokens);
        };
        let at = at.max(text.chars().count() - rest.chars().count() + 1);
        let (token, left) = if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            (Token::Sign(sign), &rest[sign.len()..])
        } else if first == '"' {
            let (word, left) = rest[1..].split_once('"').ok_or_else(|| WordingError {
                at,
                problem: "this quotation mark is never closed".to_owned(),
            })?;
            (Token::Quoted(word.to_owned()), left)
        } else {
            let end = rest.find(|c: char| c.is_whitespace() || "()<>=!,\"".contains(c));
            let (word, left) = rest.split_at(end.unwrap_or(rest.len()));
            if word.is_empty() {
                let problem = format!("{first:?} means nothing here");
                return Err(WordingError { at, problem });
            }
            (Token::Word(word.to_owned()), left)
        };
        tokens.push((at, token));
        rest = left;
    }
}

impl Reader {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|(_, token)| token)
    }

    fn wrong(&self, problem: impl Into<String>) -> WordingError {
        let at = self.tokens.get(self.next).map_or(self.end, |(at, _)| *at);
        WordingError {
            at,
            problem: problem.into(),
        }
    }

    fn expected(&self, what: &str) -> WordingError {
        match self.peek() {
            Some(token) => self.wrong(format!("{what} was expected, not {token}")),
            None => self.wrong(format!("{what} was expected")),
        }
    }

    /// Steps over a keyword, if it is next.
    fn skip(&mut self, keyword: &str) -> bool {
        let is = matches!(self.peek(), Some(Token::Word(word)) if word == keyword);
        self.next += usize::from(is);
        is
    }

    fn sign(&mut self, sign: &'static str) -> Result<(), WordingError> {
        if self.peek() != Some(&Token::Sign(sign)) {
            return Err(self.expected(&format!("{sign:?}")));
        }
        self.next += 1;
        Ok(())
    }

    fn fact(&mut self) -> Result<Option<Fact>, WordingError> {
        if self.skip("down") {
            return Ok(Some(Fact::Down));
        }
        if self.skip("silent") {
            return Ok(Some(Fact::Silent));
        }
        if self.skip("agent") {
            return match self.skip("outdated") {
                true => Ok(Some(Fact::AgentOutdated)),
                false => Err(self.expected("outdated")),
            };
        }
        if !self.skip("container") {
            return Ok(None);
        }
        let name = match self.peek() {
            Some(Token::Word(name) | Token::Quoted(name)) => name.clone(),
            _ => return Err(self.expected("the name of a container, * for each,")),
        };
        self.next += 1;
        let mut known = Trouble::ALL.into_iter();
        match known.find(|trouble| self.skip(trouble.as_str())) {
            Some(Trouble::Died) => match self.times()? {
                Some((deaths, within_ms)) => Ok(Some(Fact::CrashLoop {
                    name,
                    deaths,
                    within_ms,
                })),
                None => Ok(Some(Fact::Container {
                    name,
                    trouble: Trouble::Died,
                })),
            },
            Some(trouble) => Ok(Some(Fact::Container { name, trouble })),
            None => Err(self.expected("died, out_of_memory or unhealthy")),
        }
    }

    /// `5 times in 10m`, if that is next.
    fn times(&mut self) -> Result<Option<(u32, u64)>, WordingError> {
        let Some(Token::Word(word)) = self.peek() else {
            return Ok(None);
        };
        let Ok(times) = word.parse() else {
            return Ok(None);
        };
        self.next += 1;
        for keyword in ["times", "in"] {
            if !self.skip(keyword) {
                return Err(self.expected(&format!("{keyword:?}")));
            }
        }
        Ok(Some((times, self.time()?)))
    }

    fn any(&mut self, depth: usize) -> Result<Condition, WordingError> {
        let mut parts = vec![self.all(depth)?];
        while self.skip("or") {
            parts.push(self.all(depth)?);
        }
        Ok(one_or(parts, Condition::Any))
    }

    fn all(&mut self, depth: usize) -> Result<Condition, WordingError> {
        let mut parts = vec![self.term(depth)?];
        while self.skip("and") {
            parts.push(self.term(depth)?);
        }
        Ok(one_or(parts, Condition::All))
    }

    fn term(&mut self, depth: usize) -> Result<Condition, WordingError> {
        if self.peek() == Some(&Token::Sign("(")) {
            if depth == DEEPEST {
                return Err(self.wrong("the brackets are too deep"));
            }
            self.next += 1;
            let inner = self.any(depth + 1)?;
            self.sign(")")?;
            return Ok(inner);
        }
        let measure = self.measure()?;
        if self.skip("changed") {
            return Ok(Condition::Changed { measure });
        }
        let comparison = match self.peek() {
            Some(Token::Sign(">")) => Comparison::Above,
            Some(Token::Sign(">=")) => Comparison::AtLeast,
            Some(Token::Sign("<")) => Comparison::Below,
            Some(Token::Sign("<=")) => Comparison::AtMost,
            Some(Token::Sign("=")) => Comparison::Equal,
            Some(Token::Sign("!=")) => Comparison::NotEqual,
            _ => return Err(self.expected("one of > >= < <= = != or \"changed\"")),
        };
        self.next += 1;
        let limit = self.limit(&measure)?;
        let clear = if self.skip("clear") {
            Some(self.limit(&measure)?)
        } else {
            None
        };
        let threshold = Threshold {
            comparison,
            limit,
            clear,
        };
        Ok(Condition::Compare { measure, threshold })
    }

    fn measure(&mut self) -> Result<Measure, WordingError> {
        let aggregate = match (self.peek(), self.tokens.get(self.next + 1)) {
            (Some(Token::Word(word)), Some((_, Token::Sign("(")))) => match aggregate(word) {
                Some(aggregate) => Some(aggregate),
                None => return Err(self.expected("avg, min, max, change, rate or full_in")),
            },
            _ => None,
        };
        if let Some(aggregate) = aggregate {
            self.next += 2;
            let series = self.series()?;
            self.sign(",")?;
            let over_ms = self.time()?;
            self.sign(")")?;
            return Ok(Measure {
                series,
                window: Some(Window { aggregate, over_ms }),
            });
        }
        Ok(Measure {
            series: self.series()?,
            window: None,
        })
    }

    fn series(&mut self) -> Result<String, WordingError> {
        let series = match self.peek() {
            Some(Token::Word(word) | Token::Quoted(word)) => word.clone(),
            _ => return Err(self.expected("what to look at, such as cpu or fs:*:share,")),
        };
        let measure = Measure {
            series,
            window: None,
        };
        if let Err(error) = measure.selector() {
            return Err(self.wrong(error.to_string()));
        }
        self.next += 1;
        Ok(measure.series)
    }

    /// A number, or a time in seconds where that is what is looked at.
    fn limit(&mut self, measure: &Measure) -> Result<f64, WordingError> {
        match is_time(measure) {
            #[expect(
                clippy::cast_precision_loss,
                reason = "years of milliseconds are exact"
            )]
            true => Ok(self.time()? as f64 / 1000.0),
            false => self.number(),
        }
    }

    fn number(&mut self) -> Result<f64, WordingError> {
        let Some(Token::Word(word)) = self.peek() else {
            return Err(self.expected("a number"));
        };
        let (digits, factor) = UNITS
            .iter()
            .find_map(|(unit, factor)| word.strip_suffix(unit).map(|digits| (digits, *factor)))
            .unwrap_or((word, 1.0));
        match digits.parse::<f64>() {
            Ok(number) if number.is_finite() => {
                self.next += 1;
                Ok(number * factor)
            }
            _ => Err(self.expected("a number, such as 90, 1.5 or 2Gi,")),
        }
    }

    fn time_after(&mut self, keyword: &str) -> Result<Option<u64>, WordingError> {
        if self.skip(keyword) {
            self.time().map(Some)
        } else {
            Ok(None)
        }
    }

    fn time(&mut self) -> Result<u64, WordingError> {
        let time = match self.peek() {
            Some(Token::Word(word)) => time_ms(word),
            _ => None,
        };
        let Some(time) = time else {
            return Err(self.expected("a time, such as 30s or 1h30m,"));
        };
        self.next += 1;
        Ok(time)
    }
}

/// Whether what is looked at is a time, in seconds.
fn is_time(measure: &Measure) -> bool {
    let window = measure.window.as_ref();
    window.is_some_and(|window| window.aggregate == Aggregate::FullIn)
}

fn one_or(mut parts: Vec<Condition>, many: fn(Vec<Condition>) -> Condition) -> Condition {
    match parts.len() {
        1 => parts.remove(0),
        _ => many(parts),
    }
}

fn aggregate(word: &str) -> Option<Aggregate> {
    Some(match word {
        "avg" => Aggregate::Avg,
        "min" => Aggregate::Min,
        "max" => Aggregate::Max,
        "change" => Aggregate::Change,
        "rate" => Aggregate::Rate,
        "full_in" => Aggregate::FullIn,
        _ => return None,
    })
}

/// Milliseconds of a time such as `1h30m`.
pub fn time_ms(text: &str) -> Option<u64> {
    let mut rest = text;
    let mut total = 0_u64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, unit) = rest.split_at(digits);
        let end = unit
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(unit.len());
        let (unit, left) = unit.split_at(end);
        let (_, factor) = TIMES.iter().find(|(known, _)| *known == unit)?;
        total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(*factor)?)?;
        rest = left;
    }
    (!text.is_empty()).then_some(total)
}

/// The shortest text that [`time_ms`] reads as this.
pub fn time_text(ms: u64) -> String {
    if ms == 0 {
        return "0s".to_owned();
    }
    let mut rest = ms;
    let mut text = String::new();
    for (unit, factor) in TIMES {
        if rest >= factor {
            text.push_str(&format!("{}{unit}", rest / factor));
            rest %= factor;
        }
    }
    text
}

impl fmt::Display for Wording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.when)?;
        for (keyword, ms) in [("for", self.for_ms), ("keep", self.keep_ms)] {
            if ms > 0 {
                write!(f, " {keyword} {}", time_text(ms))?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let join = |f: &mut fmt::Formatter<'_>, parts: &[Self], word: &str| {
            for (n, part) in parts.iter().enumerate() {
                if n > 0 {
                    write!(f, " {word} ")?;
                }
                match part {
                    Self::All(_) | Self::Any(_) => write!(f, "({part})")?,
                    _ => write!(f, "{part}")?,
                }
            }
            Ok(())
        };
        match self {
            Self::Compare { measure, threshold } => {
                let limit = |limit: f64| match is_time(measure) {
                    #[expect(
                        clippy::cast_possible_truncation,
                        clippy::cast_sign_loss,
                        reason = "what is below zero or beyond all years saturates"
                    )]
                    true => time_text((limit * 1000.0) as u64),
                    false => limit.to_string(),
                };
                let comparison = threshold.comparison.as_str();
                write!(f, "{measure} {comparison} {}", limit(threshold.limit))?;
                match threshold.clear {
                    Some(clear) => write!(f, " clear {}", limit(clear)),
                    None => Ok(()),
                }
            }
            Self::Changed { measure } => write!(f, "{measure} changed"),
            Self::All(parts) => join(f, parts, "and"),
            Self::Any(parts) => join(f, parts, "or"),
            Self::Fact(fact) => write!(f, "{fact}"),
        }
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = !self
            .series
            .contains(|c: char| c.is_whitespace() || "()<>=!,\"".contains(c));
        let series = if plain {
            self.series.clone()
        } else {
            format!("\"{}\"", self.series)
        };
        let Some(Window { aggregate, over_ms }) = self.window else {
            return f.write_str(&series);
        };
        write!(
            f,
            "{}({series}, {})",
            aggregate.as_str(),
            time_text(over_ms)
        )
    }
}
